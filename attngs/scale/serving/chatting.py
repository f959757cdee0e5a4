"""OpenAI requests: chats, sent on with the memory that they need, and the upstream's models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from attngs.errors import InputError, RefusedError
from attngs.hosts.message_shortener import ShortMessages
from attngs.scale.serving.proxy import Proxy, read_chat, written
from attngs.scale.serving.services import TOKENS, Services, Shared

router = APIRouter(prefix="/v1", tags=["chat"], dependencies=TOKENS)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A chat completion request of OpenAI's API. All its fields go on as they are, but for `messages`.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["messages"],
                    "additionalProperties": True,
                    "properties": {
                        "messages": {"type": "array", "minItems": 1, "items": {"type": "object"}},
                        "user": {"type": "string", "description": "Whose memory is added, on a server without tokens."},
                    },
                },
                "example": {
                    "model": "gpt-5-mini",
                    "user": "ana",
                    "messages": [{"role": "user", "content": "What may I not eat?"}],
                    "stream": True,
                },
            }
        },
    }
}


@router.post("/chat/completions", response_class=StreamingResponse, openapi_extra=_BODY)
async def chat(request: Request, services: Shared) -> StreamingResponse:
    """Answer a chat with the upstream's model, shown what is remembered of the user.

    What bears on the question stands before the words of the user's last message, and stays there in later requests of the chat, so that
    the provider's cache keeps working. Long tool results and old turns are shortened. The reply comes back as the upstream gives it,
    streamed or whole, errors included.
    """
    proxy = _proxy(services)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError("the request must have the header `Content-Type: application/json`.", status=415, code="no_json")
    if "user" in request.query_params:
        raise InputError("`user` is a query parameter here, and would be ignored; name the user in the body's `user`.")
    raw = await request.body()
    body = await asyncio.to_thread(read_chat, raw)
    user = body.get("user")
    namespace = services.namespace(request, user if isinstance(user, str) else None)
    shown = await _shown(body["messages"], namespace, services)
    recalled = shown.memory.original_tokens if shown.memory else 0
    services.metrics.count_tokens(original=shown.original_tokens + recalled, sent=shown.tokens)
    changed = shown.messages != body["messages"]
    sent = await asyncio.to_thread(written, {**body, "messages": shown.messages}) if changed else raw
    return await proxy.send(request, "chat/completions", sent)


@router.get("/models", response_class=StreamingResponse)
async def models(request: Request, services: Shared) -> StreamingResponse:
    """List the upstream's models, as it lists them."""
    return await _proxy(services).send(request, "models", b"")


def _proxy(services: Services) -> Proxy:
    if services.proxy is None:
        raise RefusedError("this server sends no chats on; start it with `--upstream URL`.", status=501, code="no_upstream")
    return services.proxy


async def _shown(messages: Sequence[Any], namespace: str, services: Services) -> ShortMessages[Any]:
    """The messages as the upstream is sent them. All of the work is done in a thread."""
    memory = services.memories.later(namespace) if services.memories else ()
    return await asyncio.to_thread(services.shortener.shorten, messages, memory=memory, namespace=namespace)

"""Who answers: a model behind a URL or an API, a model in this process, or nobody."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from answers import Answer
from idle import WHY_IDLE
from langchain.chat_models import init_chat_model
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from turns import Kind, kind_of

from attngs import CompressedContext, LocalChat
from attngs.hosts.frames import day_of
from langchain_attngs import LocalChatModel

MOST_SHOWN = 3
"""Memories that an answer without a model shows at once."""
LEAST_SHARE = 0.5
"""How probable a memory must be, as a share of the best one, to be shown at once."""
SURE = 0.5
"""From this probability on, the best memory is called an answer."""
SMALL = 1_000_000_000
"""Parameters below which a model on this machine is called small."""
CONNECT = [
    ("With Ollama, on this machine:", "attngs chat --model qwen3:4b --base-url http://localhost:11434/v1"),
    ("With a key, in OPENAI_API_KEY:", "attngs chat --model openai:gpt-5-mini"),
]
"""How to connect a model, each with its command."""


def chat_model(name: str, base_url: str) -> BaseChatModel:
    """A model behind an OpenAI-compatible URL, `local:` and a Hugging Face name, folder or file, any `init_chat_model` name, or nobody."""
    if base_url:
        return init_chat_model(
            name or "default",
            model_provider="openai",
            base_url=base_url,
            api_key=os.environ.get("OPENAI_API_KEY") or "none needed",
            stream_usage=True,
            timeout=60,
            **_clients(),
        )
    if name.startswith("local:"):
        chat = LocalChat.from_pretrained(name.removeprefix("local:"), max_tokens=512)
        return LocalChatModel(chat=chat, name=_local_name(name.removeprefix("local:"), chat.model.num_parameters()))
    return init_chat_model(name) if name else Nobody()


def name_of(model: BaseChatModel) -> str:
    """What the model is called by those who run it."""
    names = (getattr(model, field, None) for field in ("model_name", "model"))
    return next((name for name in names if isinstance(name, str) and name), model.get_name())


def takes_tools(model: BaseChatModel) -> bool:
    """Whether LangChain can give the model tools; some models behind it then still refuse them."""
    return type(model).bind_tools is not BaseChatModel.bind_tools


def refuses_tools(error: BaseException) -> bool:
    """Whether a server says that its model takes no tools."""
    said = str(error).casefold()
    return (
        status_of(error) in (400, 404, 422, 500, 501)
        and "tool" in said
        and ("support" in said or "not allowed" in said or "enable" in said)
    )


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a client's error carries, if any."""
    found = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return found if isinstance(found, int) else None


def best_memories(result: CompressedContext | None) -> list[dict[str, Any]]:
    """The memories that a result holds, the best first, each with its day, its text and how probable it is that it matters."""
    if result is None:
        return []
    best: dict[int, Any] = {}
    for source in result.kept:
        if not source.head and (source.position not in best or source.score > best[source.position].score):
            best[source.position] = source
    documents = {sentence.position: sentence.document for sentence in result.marking.sentences}
    ordered = sorted(best.values(), key=lambda source: (source.superseded_by is None, source.score), reverse=True)
    found = [(documents[each.position], each.probability) for each in ordered]
    return [{"day": day_of(document), "text": document.text, "probability": probability or 0.0} for document, probability in found]


class Nobody(BaseChatModel):
    """Stands in if no model is set up: it answers with the memories that matter most, in the user's own words."""

    name: str | None = "nobody"

    @property
    def _llm_type(self) -> str:
        return "nobody"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **settings: Any,
    ) -> ChatResult:
        answer = next(each for each in (run_manager.handlers if run_manager else []) if isinstance(each, Answer))
        kind, found = kind_of(answer.question), best_memories(answer.memory)
        likely = [each for each in found[:MOST_SHOWN] if each["probability"] >= LEAST_SHARE * found[0]["probability"]]
        shown = [] if kind == "statement" else likely
        lead = _lead(kind, found)
        text = "\n\n".join([lead, *(f"{each['day']}: {each['text']}" for each in shown)])
        memories = {"lead": lead, "shown": shown, "more": found[len(shown) :]}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, additional_kwargs={"memories": memories}))])


def _lead(kind: Kind, found: list[dict[str, Any]]) -> str:
    """What is said ahead of the memories."""
    if kind == "greeting":
        return "Hello. Ask me about something you have told me, or tell me something to remember."
    if kind in WHY_IDLE:
        return "No chat model is connected, so I can only look things up in your memory."
    if kind == "statement":
        return "I will remember that if you choose “Remember this”."
    if not found:
        return "I found nothing about that in your memory."
    return "From your memory:" if found[0]["probability"] >= SURE else "I am not sure, but this may be it:"


@lru_cache
def _clients() -> dict[str, Any]:
    """HTTP clients that follow no redirect: a user's memory goes to the URL that was set, and nowhere else."""
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    return {"http_client": DefaultHttpxClient(follow_redirects=False), "http_async_client": DefaultAsyncHttpxClient(follow_redirects=False)}


def _local_name(path: str, parameters: int) -> str:
    name = os.path.basename(path.rstrip("/")).removesuffix(".gguf")
    size = f"{parameters / 1e9:.1f} billion" if parameters >= SMALL else f"{parameters / 1e6:.0f} million"
    return f"{name}, on this machine ({size} parameters{'' if parameters >= SMALL else ': very small, so it is often wrong'})"

"""`/v1/memory`: what is remembered of a user."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from attngs.errors import InputError, RefusedError
from attngs.memory.memory import Memory
from attngs.scale.serving.models import AddReply, AddRequest, AskRequest, CompressReply, ListReply, Text, UpdateRequest
from attngs.scale.serving.services import TOKENS, Namespace, Shared
from attngs.types import Document

MOST_LISTED = 1_000

router = APIRouter(prefix="/v1/memory", tags=["memory"], dependencies=TOKENS)

Id = Annotated[str, Path(description="Of a document.", examples=["note-1"])]


@router.post("", status_code=HTTP_201_CREATED)
async def add(given: AddRequest, namespace: Namespace, services: Shared) -> AddReply:
    """Remember texts. When the reply is there, they are on disk."""
    new = services.documents(given.documents)
    return AddReply(ids=await services.required_memories.use(namespace, lambda memory: memory.add(new)))


@router.get("")
async def list_documents(
    namespace: Namespace,
    services: Shared,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="Documents at most.")] = 100,
    offset: Annotated[int, Query(ge=0, description="How many to leave out at the beginning.")] = 0,
) -> ListReply:
    """What is remembered, in reading order."""
    return await services.required_memories.use(namespace, lambda memory: _page(memory, offset, limit))


@router.delete("", status_code=HTTP_204_NO_CONTENT)
async def clear(namespace: Namespace, services: Shared) -> None:
    """Forget everything of this user, for good."""
    await services.required_memories.use(namespace, Memory.clear)
    services.forget_shown(namespace)


@router.post("/ask")
async def ask(given: AskRequest, namespace: Namespace, services: Shared) -> CompressReply:
    """What of the memory bears on a question, in at most `target_tokens` tokens; empty if nothing does."""
    result = await services.required_memories.use(namespace, lambda memory: memory.ask(given.query, target_tokens=given.target_tokens))
    services.metrics.count_tokens(original=result.original_tokens, sent=result.compressed_tokens)
    return CompressReply.of(result)


@router.get("/{id:path}")
async def get(id: Id, namespace: Namespace, services: Shared) -> Text:
    """One document."""
    return Text.of(await services.required_memories.use(namespace, lambda memory: _found(memory, id)))


@router.put("/{id:path}")
async def update(id: Id, given: UpdateRequest, namespace: Namespace, services: Shared) -> Text:
    """Replace the text of a document. Its id and metadata stay."""
    services.settings.limits.check_characters(len(given.text))
    return Text.of(await services.required_memories.use(namespace, lambda memory: _updated(memory, id, given.text)))


@router.delete("/{id:path}", status_code=HTTP_204_NO_CONTENT)
async def delete(id: Id, namespace: Namespace, services: Shared) -> None:
    """Forget one document, for good."""
    await services.required_memories.use(namespace, lambda memory: _deleted(memory, id))
    services.forget_shown(namespace)


def _page(memory: Memory, offset: int, limit: int) -> ListReply:
    found = islice(memory.documents(), offset, offset + limit)
    return ListReply(documents=[Text.of(document) for document in found], total=len(memory))


def _found(memory: Memory, name: str) -> Document:
    """A document.

    Raises:
        RefusedError: There is none by this id.
    """
    if name not in memory:
        raise RefusedError(
            f"there is no document {name!r} in this namespace; GET /v1/memory lists all.", status=404, code="no_such_document"
        )
    return memory.get(name)


def _updated(memory: Memory, name: str, text: str) -> Document:
    _found(memory, name)
    if not text.strip():
        raise InputError("`text` is empty; DELETE the document, or send what it says from now on.")
    memory.update(name, text)
    return memory.get(name)


def _deleted(memory: Memory, name: str) -> None:
    _found(memory, name)
    memory.delete(name)

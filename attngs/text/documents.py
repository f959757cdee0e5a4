"""The door: documents and questions are checked as they come in, so nothing behind it has to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeGuard

from attngs.errors import InputError
from attngs.text.importers.recalled import is_recalled, recalled_document, recalled_records
from attngs.types import Document, Question


class PageLike(Protocol):
    """A LangChain `Document`, or anything of its shape."""

    @property
    def page_content(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object]: ...
    @property
    def id(self) -> str | None: ...


class BaseModelLike(Protocol):
    """A pydantic model, such as an edge of Graphiti's or an answer of Zep's."""

    def model_dump(self) -> dict[str, Any]: ...


class NodeLike(Protocol):
    """A LlamaIndex node or `Document`, with or without a score, or anything of its shape."""

    @property
    def node_id(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object]: ...
    def get_content(self) -> str: ...


DocumentLike = Document | str | PageLike | NodeLike | Mapping[str, Any] | BaseModelLike | tuple[Any, float]
"""A text, a document, what LangChain and LlamaIndex retrieve, or what a memory layer returns. Objects are read, never changed."""

LONGEST_QUERY = 32_000
"""Characters. Every token of a question is compared with every token of the context, so long material belongs in the context."""
LONGEST_MESSAGE = 8_000
"""Characters of a chat message that count as the question."""


def as_documents(documents: DocumentLike | Iterable[DocumentLike]) -> tuple[Document, ...]:
    """One text or document, or several, as documents that all have an id.

    What mem0, Zep, Graphiti, LangMem and Hindsight return is taken as it comes (`importers.recalled`). Ids are kept as they are, equal ones
    too; a missing one becomes `document-N` by position. Metadata of other libraries' documents is copied.

    Raises:
        InputError: An entry is no `DocumentLike`, or its text or id is not a `str`. The message names the position.
    """
    given = as_given(documents)
    return tuple(document if document.id else replace(document, id=f"document-{number + 1}") for number, document in enumerate(given))


def as_given(documents: DocumentLike | Iterable[DocumentLike]) -> tuple[Document, ...]:
    """`as_documents` that leaves a missing id empty.

    Raises:
        InputError: As in `as_documents`.
    """
    return tuple(_as_document(document, number) for number, document in enumerate(_listed(documents)))


def check_query(query: object) -> str:
    """The question, stripped.

    Raises:
        InputError: It is not a `str`, is blank (without a question, no sentence matters more than others), or is longer than
            `LONGEST_QUERY`.
    """
    if not isinstance(query, str):
        raise InputError(f"`query` must be a str, got {type(query).__name__}.")
    stripped = query.strip()
    if not stripped:
        raise InputError("`query` is empty; say what the context is needed for, for example the user's question.")
    if len(stripped) > LONGEST_QUERY:
        raise InputError(
            f"`query` has {len(stripped):,} characters, but at most {LONGEST_QUERY:,} are compared with a context; ask in a few sentences, "
            "and pass long material as a document."
        )
    return stripped


def check_question(query: object) -> Question:
    """A text, or a question with its background, as a question; its texts are stripped.

    Raises:
        InputError: As in `check_query`, of the text or of both together; or the background is not a `str`.
    """
    if not isinstance(query, Question):
        return Question(text=check_query(query))
    if not isinstance(query.background, str):
        raise InputError(f"the `background` of `query` must be a str, got {type(query.background).__name__}.")
    question = Question(text=check_query(query.text), background=query.background.strip())
    check_query(question.whole)
    return question


def check_namespace(namespace: object) -> str:
    """Whose texts these are.

    Raises:
        InputError: It is not a `str`; `None` would be nobody's name and, to `forget`, everybody's.
    """
    if not isinstance(namespace, str):
        raise InputError(f"`namespace` must be a str, such as the user's id, got {type(namespace).__name__}.")
    return namespace


def as_query(message: str) -> str:
    """A chat message as a question; of one longer than `LONGEST_MESSAGE`, its beginning and its end.

    That is where people ask when they quote or paste, and a host cannot refuse a message of its user.
    """
    stripped, half = message.strip(), LONGEST_MESSAGE // 2
    return stripped if len(stripped) <= LONGEST_MESSAGE else f"{stripped[:half]}\n{stripped[-half:]}"


def format_hints(document: Document) -> tuple[str, str]:
    """What the metadata says of a document's format: its `source` and its `content_type`."""
    return str(document.metadata.get("source", "")), str(document.metadata.get("content_type", ""))


def clean_text(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which no file, request or tokenizer can hold."""
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")


def _listed(given: object) -> Iterable[object]:
    """One document, or several, or the answer of a memory layer, as documents to be read."""
    if isinstance(given, str | Document) or _is_page(given) or _is_node(given):
        return [given]
    if is_recalled(given):
        records = recalled_records(given)
        return [given] if records is None else records
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise InputError(f"`documents` must be strings or `attngs.Document`s, got {_kind(given)}.")
    return given


def _as_document(value: object, number: int) -> Document:
    document = _converted(value, f"documents[{number}]")
    if not isinstance(document, Document):
        raise InputError(f"`documents[{number}]` must be a str or an `attngs.Document`, got {_kind(value)}.")
    for name in ("text", "id"):
        content: object = getattr(document, name)
        if not isinstance(content, str):
            raise InputError(f"`documents[{number}].{name}` must be a str, got {type(content).__name__}.")
    if not isinstance(document.metadata, Mapping):
        raise InputError(f"`documents[{number}].metadata` must be a mapping, got {type(document.metadata).__name__}.")
    return document


def _converted(value: object, place: str) -> object:
    """A text, or another library's document, as one of ours; anything else as it is."""
    if isinstance(value, Document):
        return value
    if isinstance(value, str):
        return Document(text=value)
    if _is_page(value):
        return Document(text=value.page_content, id=value.id or "", metadata=dict(value.metadata or {}))
    if _is_node(value):
        return Document(text=value.get_content(), id=value.node_id, metadata=dict(value.metadata or {}))
    if not is_recalled(value):
        return value
    inner, said = recalled_document(value, place)
    document = _converted(inner, place)
    return replace(document, metadata={**document.metadata, **said}) if said and isinstance(document, Document) else document


def _kind(value: object) -> str:
    return type(value).__name__


def _is_page(value: object) -> TypeGuard[PageLike]:
    return isinstance(getattr(value, "page_content", None), str)


def _is_node(value: object) -> TypeGuard[NodeLike]:
    return isinstance(getattr(value, "node_id", None), str) and callable(getattr(value, "get_content", None))

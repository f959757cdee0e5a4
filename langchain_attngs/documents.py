"""LangChain's documents to attngs' documents and back; what comes in is never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import groupby

from langchain_core.documents import Document

from attngs.errors import InputError
from attngs.hosts.apart import Part, copies_elsewhere
from attngs.result.result import CompressedContext, Method
from attngs.text.documents import check_query
from attngs.types import Document as Text
from attngs.types import Place, Source

METADATA_KEY = "attngs"
"""The one entry that attngs adds to a document's metadata, beside the score."""

SCORE_KEY = "relevance_score"
"""Where LangChain's rerankers put a document's score, and where its users look for it."""


def check_documents(documents: object) -> list[Document]:
    """The documents as a list.

    Raises:
        InputError: It is no list of documents, or an entry is not a LangChain document.
    """
    if isinstance(documents, str | Document | Mapping) or not isinstance(documents, Iterable):
        raise InputError(f"`documents` must be a list of LangChain documents, got {type(documents).__name__}.")
    given = list(documents)
    for number, document in enumerate(given):
        if not isinstance(document, Document):
            raise InputError(f"`documents[{number}]` must be a LangChain `Document`, got {type(document).__name__}.")
    return given


def check_question(value: object) -> tuple[list[Document], str]:
    """The documents and the question in what a chain passes.

    Raises:
        InputError: It is not `{"documents": ..., "query": ...}`, or one of the two cannot be used.
    """
    if not isinstance(value, Mapping) or not {"documents", "query"} <= value.keys():
        got = f"the keys {[*map(str, value)]}" if isinstance(value, Mapping) else type(value).__name__
        raise InputError(f'the compressor takes `{{"documents": [...], "query": "..."}}`, got {got}.')
    return check_documents(value["documents"]), check_query(value["query"])


def as_texts(documents: Sequence[Document]) -> list[Text]:
    """The texts, with their places in the list, from 1, as ids: a model is shown them, so they are short."""
    return [Text(text=document.page_content, id=str(number)) for number, document in enumerate(documents, 1)]


def shorten_document(documents: Sequence[Document], part: Part) -> Document:
    """One of the documents with less text: its id, type and other metadata are kept."""
    document = documents[part.position]
    entry: dict[str, object] = {
        "method": part.method,
        "tokens": part.tokens,
        "original_tokens": part.original_tokens,
        **(_spans(part.sources) if part.method != "passthrough" else {}),
        **_also_in(documents, part.copies),
    }
    return document.model_copy(
        update={"page_content": part.text, "metadata": _metadata(document.metadata, entry, part.method, part.sources)}
    )


def merge_documents(documents: Sequence[Document], result: CompressedContext) -> Document:
    """One new document for all. Its entry has the ids and the metadata of those that it is made of."""
    by_place = groupby(result.sources, key=lambda source: source.position)
    entry: dict[str, object] = {
        "method": result.method,
        "tokens": result.compressed_tokens,
        "original_tokens": result.original_tokens,
        "sources": [_origin(documents[place], place, list(sources), result.method) for place, sources in by_place],
        **_also_in(documents, copies_elsewhere(result.kept)),
    }
    return Document(page_content=result.text, metadata=_metadata({}, entry, result.method, result.sources))


def _origin(document: Document, place: int, sources: Sequence[Source], method: Method) -> dict[str, object]:
    return {
        "label": str(place + 1),
        "id": document.id,
        "metadata": _copied(document.metadata),
        **(_spans(sources) if method != "passthrough" else {}),
    }


def _also_in(documents: Sequence[Document], places: Sequence[Place]) -> dict[str, object]:
    """The documents that say the same as what was kept of others, if there are any."""
    by_place = groupby(places, key=lambda place: place.position)
    found = [
        {
            "label": str(number + 1),
            "id": documents[number].id,
            "metadata": _copied(documents[number].metadata),
            "spans": [[place.start, place.end] for place in same],
        }
        for number, same in by_place
    ]
    return {"also_in": found} if found else {}


def _metadata(kept: Mapping[str, object], entry: dict[str, object], method: Method, sources: Sequence[Source]) -> dict[str, object]:
    """A copy with our entry and the best score of what was kept; without a score, an earlier one stays."""
    metadata = _copied(kept)
    if METADATA_KEY in metadata:
        entry["previous"] = metadata[METADATA_KEY]
    if method != "passthrough" and sources:
        if SCORE_KEY in metadata:
            entry["previous_score"] = metadata[SCORE_KEY]
        metadata[SCORE_KEY] = max(source.score for source in sources)
    metadata[METADATA_KEY] = entry
    return metadata


def _copied(metadata: Mapping[str, object]) -> dict[str, object]:
    """A deep copy. What cannot be copied, such as an open file or a lock, is handed on as it is."""
    return {key: _copy(value) for key, value in metadata.items()}


def _copy(value: object) -> object:
    try:
        return deepcopy(value)
    except Exception:  # whatever an object's own `__deepcopy__` or `__reduce__` raises
        if type(value) is dict:
            return _copied(value)
        return [_copy(part) for part in value] if type(value) is list else value


def _spans(sources: Sequence[Source]) -> dict[str, object]:
    """Places in the original text, and their scores."""
    return {"spans": [[source.start, source.end] for source in sources], "scores": [source.score for source in sources]}

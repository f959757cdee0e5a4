"""One row: a context and its question come in, what was kept or what went wrong goes out.

A row has the columns `id`, `documents` and `query`, and may have `namespace` and `target_tokens`. `documents` holds one text, or a list of
texts or of objects with `text` and perhaps `id` and `metadata`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attngs.errors import InputError, check_whole
from attngs.hosts.markers import find_marker
from attngs.hosts.settings import check_marker_name
from attngs.selection.selector import GreedySelector
from attngs.text.documents import clean_text
from attngs.text.importers.records import record_document
from attngs.types import Document, Source

if TYPE_CHECKING:
    from attngs.compressor import ContextCompressor
    from attngs.result.result import CompressedContext

TOGETHER = 32
"""Rows that are marked at the same time. Their contexts share passes through the model."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How each worker makes its compressor.

    Plain values, because a model does not travel between machines.

    Args:
        target_tokens: Hard limit on a result, in tokens of `counter`, for rows that do not say their own.
        marker: `default`, a model's name, a folder or a GGUF file. Each machine must be able to load it.
        counter: Whose tokens count: the name of a tiktoken model, or `marker`.
        min_score: The least probability, 0 to 1, that a kept sentence bears on the question.

    Raises:
        ConfigError: A value is outside its range.
    """

    target_tokens: int = 256
    marker: str = "default"
    counter: str = "marker"
    min_score: float | None = None

    def __post_init__(self) -> None:
        check_whole("target_tokens", self.target_tokens)
        check_marker_name(self.marker)
        GreedySelector(min_score=self.min_score)

    def compressor(self) -> ContextCompressor:
        """Load the marker, which a process does once.

        Raises:
            AttngsError: The marker cannot be loaded, or cannot do what the recipe asks for.
        """
        from attngs.compressor import ContextCompressor

        return ContextCompressor(find_marker(self.marker), selector=GreedySelector(min_score=self.min_score), counter=self.counter)


def compress_all(
    compressor: ContextCompressor, given: Mapping[str, Row], read: Callable[[Row], Row], target_tokens: int
) -> list[dict[str, object]]:
    """One output row for each row, in their order.

    Args:
        compressor: Marks and selects.
        given: By id, what holds a row.
        read: Takes the row out of it, and raises an `InputError` where there is none.
        target_tokens: For rows that do not say their own.
    """
    return asyncio.run(_compress_all(compressor, given, read, target_tokens))


async def _compress_all(
    compressor: ContextCompressor, given: Mapping[str, Row], read: Callable[[Row], Row], target_tokens: int
) -> list[dict[str, object]]:
    found, names = list[dict[str, object]](), list(given)
    for start in range(0, len(names), TOGETHER):
        together = names[start : start + TOGETHER]
        found += await asyncio.gather(*(_outcome(compressor, name, given[name], read, target_tokens) for name in together))
    return found


async def _outcome(
    compressor: ContextCompressor, name: str, given: Row, read: Callable[[Row], Row], target_tokens: int
) -> dict[str, object]:
    try:
        row = read(given)
        own = row.get("target_tokens")
        result = await compressor.acompress(
            _documents(row.get("documents")),
            row.get("query"),  # type: ignore[arg-type]  # the compressor says what is wrong with it
            target_tokens=target_tokens if own is None else own,
            namespace=row.get("namespace") or "",
        )
    except Exception as error:  # whatever one row does, the others of its file must not be lost
        return _row(name, error={"type": type(error).__name__, "message": clean_text(str(error))})
    return _kept(name, result)


def _documents(value: object) -> list[Document]:
    if value is None:
        raise InputError("`documents` is missing; give a text, or a list of texts or of objects with `text`.")
    values = value if isinstance(value, list) else [value]
    return [record_document(each, f"documents[{number}]", f"document-{number + 1}") for number, each in enumerate(values)]


def _kept(name: str, result: CompressedContext) -> dict[str, object]:
    return _row(
        name,
        text=clean_text(result.text),
        tokens=result.compressed_tokens,
        original_tokens=result.original_tokens,
        method=result.method,
        reason=None if result.reason is None else clean_text(result.reason),
        kept=[_span(source) for source in result.kept],
    )


def _span(source: Source) -> dict[str, object]:
    names = ("position", "start", "end", "score", "probability", "marked", "head")
    return {"document_id": clean_text(source.document_id), **{name: getattr(source, name) for name in names}}


def _row(name: str, **values: object) -> dict[str, object]:
    empty = dict.fromkeys(("text", "tokens", "original_tokens", "method", "reason", "kept", "error"))
    return {"id": name, **empty, **values}

"""What was kept, and what was written of it -> the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from attngs.protocols import TokenCounter
from attngs.result import CompressedContext, Statement
from attngs.statements import Written, joined
from attngs.types import Marking, Selection, Source
from attngs.writing import Rewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A context that is marked and selected, before the writer is asked."""

    marking: Marking
    selection: Selection
    original_tokens: int
    target_tokens: int
    passthrough: bool
    milliseconds: dict[str, float]


def finish(draft: Draft, rewrite: Rewrite | None, *, counter: TokenCounter) -> CompressedContext:
    """The rewrite where there is one that can be used, else the verbatim extract, which is everything where everything fits."""
    sources = _sources(draft.marking)
    kept = tuple(sources[i] for i in draft.selection.kept)
    written = rewrite.statements if rewrite else ()
    used = tuple(sources[i] for i in sorted({i for statement in written if statement.text for i in statement.sources}))
    fallback = rewrite.fallback_reason if rewrite else None
    return CompressedContext(
        query=draft.marking.query,
        text=joined(written) if written else draft.selection.text,
        method="passthrough" if draft.passthrough else "rewrite" if written else "extract",
        sources=used if written else kept,
        kept=kept,
        dropped=tuple(sources[i] for i in draft.selection.dropped),
        statements=tuple(_placed(written, sources)),
        target_tokens=draft.target_tokens,
        original_tokens=draft.original_tokens,
        compressed_tokens=rewrite.tokens if rewrite and written else draft.selection.tokens,
        counter=counter.name,
        reason="; ".join(filter(None, [draft.selection.reason, fallback])) or None,
        fallback_reason=fallback,
        usage=rewrite.usage if rewrite else None,
        milliseconds={**draft.milliseconds, **({"write": rewrite.milliseconds} if rewrite else {})},
        marking=draft.marking,
        selection=draft.selection,
    )


def _placed(statements: Sequence[Written], sources: Sequence[Source]) -> Iterator[Statement]:
    """Statements with their place in the joined text."""
    whole = "".join(statement.text for statement in statements)
    first, last = len(whole) - len(whole.lstrip()), len(whole.rstrip())
    at = 0
    for statement in statements:
        start, at = at, at + len(statement.text)
        yield Statement(
            text=statement.text.strip(),
            written=statement.written.strip(),
            start=min(max(start, first), last) - first,
            end=min(max(at, first), last) - first,
            decision=statement.decision,
            sources=tuple(sources[i] for i in statement.sources),
            support=statement.support,
            unsupported=statement.unsupported,
        )


def _sources(marking: Marking) -> list[Source]:
    return [
        Source(
            document_id=sentence.document.id,
            position=sentence.position,
            start=sentence.start,
            end=sentence.end,
            text=sentence.text,
            score=score,
            marked=marked,
            metadata=sentence.document.metadata,
        )
        for sentence, score, marked in zip(marking.sentences, marking.scores, marking.marked, strict=True)
    ]

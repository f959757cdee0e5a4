"""What compression returns: the short text, where each sentence of it is from, and what it cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from attngs.protocols import TokenCounter
from attngs.result.report import render_heat_map, render_html
from attngs.text.defusing import handles
from attngs.types import Claim, Marking, Place, Selection, Sentence, Source, Usage
from attngs.writing.dialogue import Rewrite
from attngs.writing.plan import ratio
from attngs.writing.statements import Decision, RewriteStatement, joined

Method = Literal["passthrough", "extract", "rewrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One sentence that the writer wrote, and what became of it."""

    text: str
    """As it stands in the result at `[start, end)`; empty when it does not."""
    written: str
    """As the writer wrote it."""
    start: int
    end: int
    decision: Decision
    """`kept`; `replaced` by its closest source, verbatim; `dropped` for want of one; `repeated`, it stands already; `cut` for
    the budget."""
    sources: tuple[Source, ...]
    """The sentences that it is made of, the closest first."""
    support: float
    """0 to 1: how well they carry it."""
    unsupported: tuple[Claim, ...]
    """What the writer brought in that they do not hold; empty: faithful, as far as can be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedContext:
    """A context made short for one question."""

    query: str
    text: str
    method: Method
    """`passthrough`: everything fitted and no model ran. `extract`: kept sentences, verbatim. `rewrite`: the writer's words."""
    sources: tuple[Source, ...]
    """What `text` is made of, in reading order: the kept sentences, or those that the sentences of a rewrite are linked to."""
    kept: tuple[Source, ...]
    dropped: tuple[Source, ...]
    """With `kept`: every sentence of the documents, once. Which of them the verbatim extract has; a rewrite may use others."""
    statements: tuple[Statement, ...] = ()
    """Every sentence of a rewrite, and what became of it."""
    target_tokens: int
    original_tokens: int
    compressed_tokens: int
    """Tokens of `text`, never more than `target_tokens`."""
    counter: str
    """Whose tokens these are."""
    reason: str | None = None
    """Why the result is not what was asked for; `None` when it is."""
    fallback_reason: str | None = None
    """Why the writer's text was not used; part of `reason`."""
    usage: Usage | None = None
    """Tokens that the writer used, in its own; `None` when there was none, or it did not say."""
    milliseconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Time by stage."""
    marking: Marking
    selection: Selection

    @property
    def compression_ratio(self) -> float:
        """`original_tokens / compressed_tokens`: 4.0 means four times smaller.

        Infinite when nothing was kept of something.
        """
        return ratio(self.original_tokens, self.compressed_tokens)

    @property
    def unsupported(self) -> tuple[Statement, ...]:
        """Sentences of the writer that the context did not support; none of them is in `text`."""
        return tuple(statement for statement in self.statements if statement.unsupported)

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        names = ("query", "text", "method", "reason", "fallback_reason", "target_tokens", "original_tokens", "compressed_tokens", "counter")
        ratio = self.compression_ratio
        return {
            **{name: getattr(self, name) for name in names},
            "compression_ratio": round(ratio, 4) if ratio != math.inf else None,
            "milliseconds": {stage: round(time, 1) for stage, time in self.milliseconds.items()},
            "usage": self.usage._asdict() if self.usage else None,
            "statements": [_plain_statement(statement) for statement in self.statements],
            "sources": [_plain_source(source) for source in self.sources],
            "kept": [_plain_source(source) for source in self.kept],
            "dropped": [_plain_source(source) for source in self.dropped],
        }

    def to_json(self) -> str:
        """Indented JSON in ASCII; metadata that JSON cannot hold becomes its `str`."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def to_html(self) -> str:
        """A self-contained page: the heat map with the question, what was kept, and the token counts."""
        return render_html([self])

    def to_heat_map(self) -> str:
        """The heat map alone, without script: for an `<iframe sandbox srcdoc=...>` in a page of yours."""
        return render_heat_map(self)


def _plain_statement(statement: Statement) -> dict[str, object]:
    """Sources by their place alone: their texts stand under `sources`."""
    names = ("text", "written", "start", "end", "decision", "support")
    return {
        **{name: getattr(statement, name) for name in names},
        "sources": [[source.document_id, source.position, source.start, source.end] for source in statement.sources],
        "unsupported": [claim._asdict() for claim in statement.unsupported],
    }


def _plain_source(source: Source) -> dict[str, object]:
    return {field.name: _plain(getattr(source, field.name)) for field in fields(source)}


def _plain(value: object) -> object:
    """What JSON can hold; everything else as its `str`."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


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
    """The result: the rewrite if it can be used, else the verbatim extract."""
    sources = _sources(draft.marking, draft.selection)
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


def _placed(statements: Sequence[RewriteStatement], sources: Sequence[Source]) -> Iterator[Statement]:
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


def _sources(marking: Marking, selection: Selection) -> list[Source]:
    labels, heads = handles(marking.sentences), frozenset(selection.heads)
    probabilities = marking.probabilities or (None,) * len(marking.sentences)
    rows = zip(marking.sentences, marking.scores, marking.marked, probabilities, strict=True)
    return [
        Source(
            document_id=sentence.document.id,
            label=labels[sentence.position],
            position=sentence.position,
            start=sentence.start,
            end=sentence.end,
            text=sentence.text,
            score=score,
            probability=probability,
            marked=marked,
            metadata=sentence.document.metadata,
            head=number in heads,
            copies=tuple(_place(marking.sentences[other]) for other in selection.copies.get(number, ())),
            superseded_by=_place(marking.sentences[marking.successors[number]]) if number in marking.successors else None,
        )
        for number, (sentence, score, marked, probability) in enumerate(rows)
    ]


def _place(sentence: Sentence) -> Place:
    return Place(sentence.document.id, sentence.position, sentence.start, sentence.end)

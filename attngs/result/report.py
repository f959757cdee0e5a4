"""The heat map: results -> one page that shows every sentence in its place, coloured by its score.

This module turns numbers into words, colour levels and paths; `templates/report.html.j2` holds all markup, style and script. The page
needs no network. Texts, ids and metadata come from strangers: Jinja escapes all of them, and the page's policy allows only its own
script, by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from math import ceil, inf
from statistics import median
from typing import TYPE_CHECKING, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from attngs.marking.algorithm import ranking
from attngs.text.defusing import handles, one_line
from attngs.text.documents import clean_text

if TYPE_CHECKING:
    from attngs.result.result import CompressedContext, Statement
    from attngs.types import Selection, Sentence
    from attngs.writing.statements import Decision

State = Literal["kept", "marked", "dropped"]

LEVELS = 9
"""Steps of colour above none."""
NAMES = 3
"""Documents that are named where a sentence is said again."""

_DAY = re.compile(r"([0-9]{4})-[0-9]{2}-([0-9]{2})")
_FIGURES = re.compile("[0-9]{1,4}")
_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)
_METHODS = {
    "passthrough": "everything fits, no model ran",
    "extract": "the kept sentences, verbatim",
    "rewrite": "in the writer's words",
}
_DECISIONS: dict[Decision, str] = {
    "kept": "as written",
    "replaced": "replaced",
    "dropped": "dropped",
    "repeated": "repeated",
    "cut": "cut to fit",
}
_STATES: dict[tuple[bool, bool], tuple[State, str]] = {  # (kept, marked)
    (True, True): ("kept", "Kept"),
    (True, False): ("kept", "Kept, not marked"),
    (False, True): ("marked", "Marked, dropped"),
    (False, False): ("dropped", "Dropped"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One sentence. Its white space is kept apart, so that colour and underline end with the words."""

    number: int
    state: State
    level: int
    before: str
    words: str
    after: str
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One document."""

    number: int
    name: str
    facts: tuple[str, ...]
    lines: tuple[_Line, ...]
    best: int
    """Rank of its best sentence."""

    def count(self, state: State) -> int:
        return sum(line.state == state for line in self.lines)

    @property
    def bars(self) -> list[tuple[int, str]]:
        """An SVG path per colour level, one unit a sentence; neighbours of the same level make one bar."""
        paths: dict[int, str] = {}
        for level, run in groupby(enumerate(self.lines), key=lambda pair: pair[1].level):
            members = list(run)
            if level:
                paths[level] = paths.get(level, "") + f"M{members[0][0]} 3h{len(members)}v7h-{len(members)}z"
        return sorted(paths.items())

    @property
    def ticks(self) -> str:
        """An SVG path with a tick above every kept sentence."""
        return "".join(f"M{at}.5 0v3" for at, line in enumerate(self.lines) if line.state == "kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Scores -> colour levels: none up to `low`, full at `high`, even steps between.

    `low` is the median, so half of the sentences stay plain, whatever the scorer's zero and unit are: z-scores, which may be negative,
    look like attention, which may not. The best few stand out because only the score decides.
    """

    low: float
    high: float

    @classmethod
    def of(cls, scores: Sequence[float]) -> _Scale:
        low, high = (median(scores), max(scores)) if scores else (0.0, 0.0)
        return cls(low=low if low < high else min(scores, default=0.0), high=high)

    @property
    def flat(self) -> bool:
        """All scores are equal: there is nothing to colour."""
        return self.low == self.high

    def level(self, score: float) -> int:
        return 0 if score <= self.low else max(1, ceil(LEVELS * (score - self.low) / (self.high - self.low)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _RewriteRow:
    """One sentence of a rewrite, or several in a row that all repeat others."""

    statement: Statement
    count: int
    verdict: str
    sources: tuple[tuple[int, str, str], ...]
    """Number, document and words of its sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One question with everything that the page says about it."""

    number: int
    result: CompressedContext
    blocks: tuple[_Block, ...]
    rewrite: tuple[_RewriteRow, ...]
    """The sentences of a rewrite."""
    outcome: str
    """How many of them were kept as written, and what became of the others."""
    kept: frozenset[int]
    """The sentences of the extract, or the sources of a rewrite."""
    scale: _Scale
    scored: bool
    size: str
    method: str
    stages: tuple[str, ...]
    share: float
    """Percent of the original tokens that are left."""
    target_share: float


def render_html(results: Sequence[CompressedContext]) -> str:
    """One self-contained page for one or several questions.

    Args:
        results: One per question, usually about the same documents; each becomes a tab.

    Returns:
        HTML that can always be encoded as UTF-8: lone surrogates and NUL become U+FFFD.
    """
    return _rendered(results, framed=False)


def render_heat_map(result: CompressedContext) -> str:
    """Only the heat map, without script, for a frame in another page; as safe and as self-contained."""
    return _rendered([result], framed=True)


def shortened(text: str, length: int) -> str:
    """At most `length` characters on one line. The middle is cut, because both ends of a path say more."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length // 2].rstrip()}…{line[-(length // 2 - 1) :].lstrip()}"


def facts(name: str, metadata: Mapping[str, object]) -> Iterable[str]:
    """Metadata in words, the date first.

    What the id already says is left out, and so are names that begin with an underscore.
    """
    for key, value in sorted(metadata.items(), key=lambda item: item[0] != "date"):
        words = shortened(str(value), 80)
        if words and not _says(name, str(value)) and not str(key).startswith("_"):
            yield words if key == "date" else f"{shortened(str(key), 40)} {words}"


def _rendered(results: Sequence[CompressedContext], *, framed: bool) -> str:
    page = _template().render(panels=[_panel(number, result) for number, result in enumerate(results, 1)], framed=framed)
    return clean_text(page).replace("\0", "\ufffd")  # HTML has no NUL


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("attngs.result"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Callable[..., str]] = {"csp_hash": _csp_hash, "short": shortened, "number": _number, "plural": _plural}
    environment.filters.update(filters)
    return environment.get_template("report.html.j2")


def _panel(number: int, result: CompressedContext) -> _Panel:
    scale = _Scale.of(result.marking.scores)
    original = result.original_tokens
    numbers = {(sentence.position, sentence.start): i for i, sentence in enumerate(result.marking.sentences)}
    kept = frozenset(numbers[source.position, source.start] for source in result.sources)
    decisions = Counter(statement.decision for statement in result.statements)
    return _Panel(
        number=number,
        result=result,
        blocks=tuple(_blocks(result, scale, kept)),
        rewrite=tuple(_rewrite_rows(result.statements, numbers)),
        outcome=", ".join(f"{count:,} {_DECISIONS[decision]}" for decision, count in decisions.items()),
        kept=kept,
        scale=scale,
        scored=result.method != "passthrough",
        size=_size(original, result.compression_ratio),
        method=_METHODS[result.method],
        stages=tuple(f"{stage} {_time(time)}" for stage, time in result.milliseconds.items()),
        share=min(100.0, 100 * result.compressed_tokens / original) if original else 0.0,
        target_share=min(100.0, 100 * result.target_tokens / original) if original else 100.0,
    )


def _rewrite_rows(statements: Iterable[Statement], numbers: Mapping[tuple[int, int], int]) -> Iterable[_RewriteRow]:
    for decision, run in groupby(statements, key=lambda statement: statement.decision):
        members = list(run)
        for statement in members[:1] if decision == "repeated" else members:
            yield _RewriteRow(
                statement=statement,
                count=len(members) if decision == "repeated" else 1,
                verdict=_DECISIONS[decision],
                sources=tuple(
                    (numbers[source.position, source.start], shortened(source.document_id, 32), shortened(source.text, 110))
                    for source in statement.sources[:4]
                ),
            )


def _blocks(result: CompressedContext, scale: _Scale, kept: AbstractSet[int]) -> Iterable[_Block]:
    marking, heads = result.marking, frozenset(result.selection.heads)
    labels, elsewhere = handles(marking.sentences), _elsewhere(result.selection)
    ranks = {i: rank for rank, i in enumerate(ranking(marking.scores), 1)}
    for position, members in groupby(enumerate(marking.sentences), key=lambda pair: pair[1].position):
        numbered = list(members)
        document = numbered[0][1].document
        lines = list[_Line]()
        for i, sentence in numbered:
            state, words = _STATES[i in kept, marking.marked[i]]
            words = "Kept with what follows it" if i in heads else words
            place = f"rank {ranks[i]:,} of {len(ranks):,}\nscore {_number(marking.scores[i])}"
            tip = f"{words} · {place if result.method != 'passthrough' else 'not scored'}\n{_place(sentence)}"
            if i in elsewhere:
                tip += f"\n{_names_of(marking.sentences, elsewhere[i], 'also in' if i in kept else 'the same as in')}"
            lines.append(_line(i, sentence.text, state, scale.level(marking.scores[i]), tip))
        yield _Block(
            number=position + 1,
            name=document.id if labels[position] == one_line(document.id) else f"[{labels[position]}] {document.id}",
            facts=tuple(facts(document.id, document.metadata)),
            lines=tuple(lines),
            best=min(ranks[i] for i, _ in numbered),
        )


def _elsewhere(selection: Selection) -> dict[int, tuple[int, ...]]:
    """Where else a sentence is said: the copies of a kept one, and the kept one of a copy."""
    return {**{copy: (i,) for i, copies in selection.copies.items() for copy in copies}, **selection.copies}


def _names_of(sentences: Sequence[Sentence], places: Sequence[int], words: str) -> str:
    """In which documents sentences stand, the first few by name."""
    names = list(dict.fromkeys(shortened(sentences[i].document.id, 48) for i in places))
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"{words} {', '.join(names[:NAMES])}{more}"


def _line(number: int, text: str, state: State, level: int, tip: str) -> _Line:
    edges = _EDGES.fullmatch(text)
    before, words, after = edges.groups() if edges else ("", text, "")
    return _Line(number=number, state=state, level=level, before=before, words=words, after=after, tip=tip)


def _place(sentence: Sentence) -> str:
    return f"{shortened(sentence.document.id, 48)} · characters {sentence.start}–{sentence.end}"


def _says(name: str, value: str) -> bool:
    """Whether an id is this value, or this day: `14 Mar 2026` is 2026-03-14."""
    day = _DAY.fullmatch(value)
    return value == name or (day is not None and {*map(int, day.groups())} <= {*map(int, _FIGURES.findall(name))})


def _size(original: int, ratio: float) -> str:
    if not original:
        return "nothing to shorten"
    if ratio == inf:
        return "nothing kept"
    if ratio >= 1.05:
        return f"{ratio:,.1f}× smaller"
    return "same size" if ratio > 0.95 else f"{1 / ratio:,.1f}× larger"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _csp_hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

"""Results -> `memory.md` and `memory.svg`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from attngs.learning.metrics import estimate
from benchmarks.beam.data import ABILITIES
from benchmarks.curves import Line, Panel, Picture
from benchmarks.pages import Page, Section, TextTable

SETS = {
    "beam": "BEAM, messages of which something is kept",
    "session": "the same chats, twenty messages as one text",
    "qm": "QMSum, characters of the evidence",
}
TITLES = {
    "recall": "Recall, development",
    "recall, final": "Recall, final chats",
    "growth": "Growth",
    "forest": "A forest, development",
    "vectors": "Ways to look at vectors",
}
PAGE = Page(
    name="memory",
    source="memory.json",
    title="A memory on disk",
    preface="The evidence that `Memory.ask` keeps, against a look at everything with the same budget; what a question costs as a memory "
    "grows; and why all vectors are compared with each question. Times are of CPU, on one thread.",
)
GROWTH = {
    "tokens": "tokens",
    "file_mb": "file, MB",
    "open_s": "open, s",
    "first_s": "first question, s",
    "ask_ms": "question, ms",
    "ask_worst_ms": "slowest, ms",
    "ask_cold_ms": "with nothing in RAM, ms",
    "add_ms": "add a line, ms",
    "ask_after_add_ms": "question after it, ms",
    "delete_ms": "delete it, ms",
    "asked_mb": "peak memory while asked, MB",
    "peak_mb": "and while changed, MB",
}
SYNTHETIC = "Memories of more than 435,000 tokens are copies of three chats: their size is synthetic."
FOREST = ("multi_session_reasoning", "summarization", "event_ordering")
"""Kinds of questions that a forest is for."""
VECTORS = {"way": "way", "vectors": "vectors", "build_s": "build, s", "ask_ms": "question, ms", "recall": "recall of the nearest 200"}


def write_page(found: Mapping[str, Any], folder: Path) -> Path:
    """Write `memory.md`."""
    return PAGE.write(_sections(found), folder)


def draw(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """The curve of growth, where it was measured."""
    if "growth" not in found:
        return []
    rows = found["growth"]["rows"]
    name = "a warm question"
    panels = [
        Panel(title=title, note="", what=what, curves={name: [[row[key]] * 3 for row in rows]}, top=None)
        for title, what, key in (("CPU", "milliseconds", "ask_ms"), ("Memory", "MB at its peak", "asked_mb"))
    ]
    ticks = [row["tokens"] for row in rows]
    labels = [f"{tick / 1e6:.1f}M" for tick in ticks]
    picture = Picture(ticks=ticks, labels=labels, below="tokens in the memory", lines={name: Line("#0b6e4f")}, banded=name, columns=2)
    return [picture.draw(panels, folder / "memory.svg")]


def _sections(found: Mapping[str, Any]) -> Iterator[Section]:
    for part, title in TITLES.items():
        if part in found:
            rows = found[part]["rows"]
            yield Section(title=title, where=found[part]["where"], tables=[_TABLES[part.split(",")[0]](rows)])


def _recall(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    cells = list[tuple[str, ...]]()
    for kind, budget in dict.fromkeys((row["set"], row["budget"]) for row in rows):
        own = [row for row in rows if (row["set"], row["budget"]) == (kind, budget)]
        whole, memory = (fmean(row[way] for row in own) for way in ("whole", "memory"))
        cells.append(
            (SETS[kind], str(len(own)), _shown(budget), f"{whole:.3f}", f"{memory:.3f}", f"{memory / whole:.3f}" if whole else "-")
        )
    columns = ("set", "questions", "budget", "all looked at", "memory", "ratio")
    return TextTable(title="Evidence kept", columns=columns, rows=tuple(cells))


def _forest(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    """What each way adds to the share of the evidence that is kept without it."""
    ways = list(rows[0]["kept"])
    cells = list[tuple[str, ...]]()
    for kind, name in SETS.items():
        own = [row for row in rows if row["set"] == kind]
        for budget in dict.fromkeys(row["budget"] for row in own):
            at = [row for row in own if row["budget"] == budget]
            groups = {name: at, **{f"of these, {ABILITIES[ability]}": [row for row in at if row["kind"] == ability] for ability in FOREST}}
            for group, members in groups.items():
                if members:
                    cells.append((group, _shown(budget), str(len(members)), *(_added(members, ways[0], way) for way in ways)))
    notes = (
        "Under `flat` is the share that is kept without a forest, then what each way adds to it, with 95 % intervals over questions.",
        "Documents and sections are described by their headings and best three units; up goes from the best ten units.",
    )
    return TextTable(title="Evidence kept", columns=("set", "budget", "questions", *ways), rows=tuple(cells), notes=notes)


def _added(rows: Sequence[Mapping[str, Any]], flat: str, way: str) -> str:
    if way == flat:
        return f"{fmean(row['kept'][flat] for row in rows):.3f}"
    found = estimate([row["kept"][way] - row["kept"][flat] for row in rows], [row["question"] for row in rows])
    return "{:+.3f} ({:+.3f} ... {:+.3f})".format(*found)


def _shown(budget: int) -> str:
    return f"{budget:,} tokens" if budget else "5 %"


def _plain(title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *notes: str) -> TextTable:
    cells = tuple(tuple(f"{row[key]:,}" if isinstance(row[key], int) else str(row[key]) for key in columns) for row in rows)
    return TextTable(title=title, columns=tuple(columns.values()), rows=cells, notes=notes)


_TABLES: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], TextTable]] = {
    "recall": _recall,
    "growth": lambda rows: _plain("Growth", GROWTH, rows, SYNTHETIC),
    "forest": _forest,
    "vectors": lambda rows: _plain("Ways to look at vectors", VECTORS, rows),
}

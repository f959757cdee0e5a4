"""Results -> tables and `followups.md`; made of the result file, so that a page can be made of an old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.followups.data import PARTS
from benchmarks.followups.measure import BUDGETS
from benchmarks.pages import Page, Section, TextTable, measured_at

PAGE = Page(
    name="followups",
    source="followups.json",
    title="Are follow-ups understood?",
    preface="Dialogues in eleven languages about small memories, written for this benchmark: the share of which every memory is kept that "
    "the last message needs.",
)
TITLES = {"dev": "Development half", "final": "Final half"}
GROUPS = ("all", "English", "other languages")


def tables(part: str, found: Mapping[str, Any]) -> Iterator[TextTable]:
    """The ways to read a message side by side, and what is taken for a follow-up."""
    budgets = " / ".join(map(str, BUDGETS))
    kinds = ("follow-up", "self-contained")
    yield TextTable(
        title=f"{TITLES[part]}: evidence kept at {budgets} tokens",
        columns=("read as", *(f"{kind}, {group}" for kind in kinds for group in GROUPS), "idle, shown nothing"),
        rows=tuple(
            (
                name,
                *(" / ".join(f"{share:.2f}" for share in by_kind[kind][group]) for kind in kinds for group in GROUPS),
                f"{by_kind['idle']['all']:.2f}",
            )
            for name, by_kind in found["ways"].items()
        ),
        notes=("*Idle* messages meet the floor of a memory. *always with the turn before*: as attngs reads a follow-up.",),
    )
    yield TextTable(
        title=f"{TITLES[part]}: taken for what they are",
        columns=("kind", "right", "of"),
        rows=tuple((kind, str(right), str(size)) for kind, (right, size) in found["told_apart"].items()),
    )


def write_page(results: Mapping[str, Any], folder: Path) -> Path:
    """All tables of the halves that were measured."""
    sections = (
        Section(title=TITLES[part], where=measured_at(results[part]["machine"]), tables=tables(part, results[part]))
        for part in PARTS
        if part in results
    )
    return PAGE.write(sections, folder)

"""Results -> tables and `floor.md`; made of the result file, so that a page can be made of an old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.floor.measure import BUDGETS, FLOORS
from benchmarks.pages import Page, Section, TextTable, measured_at

PAGE = Page(
    name="floor",
    source="floor.json",
    title="When should a memory say nothing?",
    preface="Each message meets a memory, a chat or other documents: questions that these can answer, idle turns (greetings, sums, code, "
    "translations, general knowledge; 17 languages, written for this benchmark), and questions about other people's documents. BEAM's "
    "*unanswered* questions are on the chat's own subject, so no floor can tell them apart.",
)
TITLES = {
    "dev": "Development: each set with weights that were fitted on the others",
    "final": "Held-out conversations and idle turns, with the constants in the code",
}
KINDS = {"answerable": "lost", "idle": "idle turns stopped", "other": "others' questions stopped", "unanswered": "unanswered stopped"}


def tables(part: str, found: Mapping[str, Any]) -> Iterator[TextTable]:
    """The curve, the sets at the floor in use, how far probabilities can be trusted, and what a floor does to the budget."""
    mean, kinds = found["curve"]["mean"], [kind for kind in KINDS if kind in found["curve"]["mean"]]
    yield TextTable(
        title=TITLES[part],
        columns=("floor", *(KINDS[kind] for kind in kinds)),
        rows=tuple((f"{floor:.2f}", *(f"{mean[kind][k]:.3f}" for kind in kinds)) for k, floor in enumerate(FLOORS)),
        notes=("Means over sets. *Lost*: answerable questions to which nothing is shown.",),
    )
    place = FLOORS.index(found["floor"])
    yield TextTable(
        title=f"By set, at {found['floor']:.2f}",
        columns=("set", *(KINDS[kind] for kind in kinds)),
        rows=tuple(
            (name, *(f"{shares[kind][place]:.3f}" if kind in shares else "-" for kind in kinds))
            for name, shares in found["curve"].items()
            if name != "mean"
        ),
    )
    yield TextTable(
        title="How far the probabilities can be trusted",
        columns=("predicted", "observed", "messages"),
        rows=tuple((f"{predicted:.2f}", f"{observed:.2f}", str(size)) for predicted, observed, size in found["reliability"]),
    )
    yield TextTable(
        title=f"Evidence recall and tokens, without a floor -> with {found['floor']:.2f}",
        columns=("set", *(f"{budget:,} tokens" for budget in BUDGETS)),
        rows=tuple(
            (name, *("{0:.3f} -> {2:.3f}, {1:.0f} -> {3:.0f} tokens".format(*by_budget[str(budget)]) for budget in BUDGETS))
            for name, by_budget in found["adaptive"].items()
        ),
    )


def constants(found: Mapping[str, Any]) -> str:
    """The lines of `attngs/marking/relevance.py` that the fit makes."""
    return "\n".join(f"{name} = Calibration({bias}, MappingProxyType({weights}))" for name, (bias, weights) in found["fitted"].items())


def write_page(results: Mapping[str, Any], folder: Path) -> Path:
    """All tables of the parts that were measured."""
    sections = (
        Section(title=part.capitalize(), where=measured_at(results[part]["machine"]), tables=tables(part, results[part]))
        for part in TITLES
        if part in results
    )
    end = ["## Constants", "", "Fitted on all development sets:", "", "```python", constants(results["dev"]), "```"]
    return PAGE.write(sections, folder, end=end if "dev" in results else ())

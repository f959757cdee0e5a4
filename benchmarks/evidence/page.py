"""Results -> tables, for the terminal and for `evidence.md`; they read the result file, an old one too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attngs.learning.evaluation import BUDGETS
from benchmarks.evidence.methods import OURS
from benchmarks.evidence.sets import SETS
from benchmarks.evidence.summary import TOLD, percent
from benchmarks.pages import WHAT, TextTable

Results = Mapping[str, Any]


def title(name: str) -> str:
    """What people call a set."""
    return SETS[name].title if name in SETS else name


def interval(numbers: Sequence[float] | None, sign: str = "") -> str:
    """A mean with its 95 % interval; by itself where all draws agree."""
    if numbers is None:
        return "-"
    mean, low, high = (_short(f"{number:{sign}.3f}") for number in numbers)
    return mean if low == high else f"{mean} ({low} ... {high})"


def _short(number: str) -> str:
    """Without the 0 before the point."""
    return number.replace("0.", ".", 1) if number.lstrip("+-").startswith("0.") else number


def set_table(name: str, found: Results, unit: str | None = None, group: str = "all") -> TextTable:
    """One set and unit: recall of all methods with intervals at every budget, answer words at one, milliseconds."""
    unit = unit or next(iter(found["units"]))
    at = found["units"][unit][group]
    budgets = [percent(share) for share in BUDGETS]
    recall, answer = ({budget: at[budget].get(metric, {}) for budget in budgets} for metric in ("recall", "answer"))
    told = percent(TOLD[-1])
    rows = [
        (
            method,
            *(interval(recall[budget].get(method)) for budget in budgets if any(recall.values())),
            *([interval(answer[told].get(method))] if answer[told] else []),
            f"{found['ask_ms'][method]:.1f}" if method in found["ask_ms"] else "-",
        )
        for method in at[budgets[0]]["used"]
    ]
    of = "" if found["rows"] == found["rows_wanted"] else f" of {found['rows_wanted']}"
    return TextTable(
        title=f"{title(name)}, unit {unit}: {at['rows']}{of} rows in {at['clusters']} clusters, median {found['median_tokens']:,} tokens",
        columns=(
            "method",
            *(f"recall at {budget}" for budget in budgets if any(recall.values())),
            *([f"answer words at {told}"] if answer[told] else []),
            "ms",
        ),
        rows=tuple(rows),
        notes=(
            f"{found['seconds']:,.0f} s, of which {found['read_seconds']:,.0f} s reading contexts",
            "ms: one question over a context that was read; the first method of an encoder encodes the question for the others",
        ),
    )


def lead_table(results: Results) -> TextTable:
    """All sets, units and languages: ours beside the better cheap method, difference paired by row."""
    rows = []
    for name, found in results["sets"].items():
        for unit, groups in found["units"].items() if SETS[name].kind != "safety" else ():
            for group, at in groups.items():
                told = [at[percent(share)] for share in TOLD]
                if "difference" not in told[0] or (group != "all" and unit != next(iter(found["units"]))):
                    continue
                cells = [
                    cell
                    for numbers in told
                    for cell in (
                        _mean(numbers["recall"][OURS]),
                        f"{_mean(numbers['recall'][numbers['best']])} {numbers['best']}",
                        bold(numbers["difference"]),
                    )
                ]
                rows.append((title(name), unit, group, str(at["rows"]), *cells))
    heads = [head for share in TOLD for head in (f"{OURS} {percent(share)}", f"best {percent(share)}", f"difference {percent(share)}")]
    return TextTable(
        title=f"{OURS} and the better of BM25 and MiniLM cosine",
        columns=("set", "unit", "language", "rows", *heads),
        rows=tuple(rows),
        notes=("bold: the 95 % interval, paired by row and drawn by cluster, leaves out 0",),
    )


def bold(numbers: Sequence[float]) -> str:
    """A difference; bold where its interval leaves out 0, unless a single cluster left nothing to draw from."""
    text = interval(numbers, "+")
    return f"**{text}**" if numbers[1] < numbers[2] and (numbers[1] > 0 or numbers[2] < 0) else text


def _mean(numbers: Sequence[float]) -> str:
    return _short(f"{numbers[0]:.3f}")


def overall_tables(results: Results) -> Iterator[TextTable]:
    """Averages over sets."""
    names = {"real": "Average over real sets", "personal": "Average over personal-memory sets"}
    for group, budgets in results["overall"].items():
        known = {budget: found for budget, found in budgets.items() if found}
        methods = next(iter(known.values()))["recall"]
        yield TextTable(
            title=f"{names[group]}: {', '.join(title(name) for name in next(iter(known.values()))['sets'])}",
            columns=("method", *known),
            rows=(
                *((method, *(interval(found["recall"].get(method)) for found in known.values())) for method in methods),
                ("difference from the better cheap method", *(bold(found["difference"]) for found in known.values())),
            ),
        )


def injection_table(results: Results) -> TextTable | None:
    """How much of what is kept an attacker wrote."""
    for name, found in results["sets"].items():
        for unit, groups in found["units"].items():
            at = groups["all"]
            if "injected" in at[percent(BUDGETS[0])]:
                shares = [percent(share) for share in BUDGETS]
                return TextTable(
                    title=f"Injected instructions: share of the kept characters, {title(name)}, unit {unit}, {at['rows']} rows",
                    columns=("method", *(f"at {share}" for share in shares)),
                    rows=tuple(
                        (method, *(interval(at[share]["injected"].get(method)) for share in shares)) for method in at[shares[0]]["injected"]
                    ),
                    notes=("lower is better; `full` is their share of the texts; a budget in which nothing fits holds nothing injected",),
                )
    return None


def verdict_table(results: Results) -> TextTable:
    """The targets."""
    rows = tuple((line["verdict"], line["target"], line["found"]) for line in results["verdicts"])
    return TextTable(title="Targets", columns=("verdict", WHAT, "found"), rows=rows)


def write_page(results: Mapping[str, Any], folder: Path) -> Path:
    """All tables, generated; to be looked up, not read from end to end."""
    lines = ["# Evidence under a budget", "", "Generated by `python -m benchmarks.evidence` from `evidence.json`.", ""]
    lines += ["![Recall by budget, a panel for each set](evidence.svg)", "", _measured(results), "", *_about(results), ""]
    tables = [verdict_table(results), lead_table(results), *overall_tables(results)]
    injection = injection_table(results)
    lines += [table.markdown() for table in [*tables, *([injection] if injection else [])]]
    lines += ["## Set by set", ""]
    for name, found in results["sets"].items():
        lines += [set_table(name, found, unit).markdown() for unit in found["units"]]
    path = folder / "evidence.md"
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


def _measured(results: Mapping[str, Any]) -> str:
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['date']}, commit {machine['code']}, {machine['cpu']}, {machine['cores']} cores, "
        f"torch on {machine['torch_threads']} thread(s), load average {machine['load_average_at_start'][0]}, {versions}. "
        f"Seed {settings['seed']}, tokens counted by {settings['counter']}."
    )


def _about(results: Mapping[str, Any]) -> list[str]:
    notes = [f"- {name}: {note}" for name, note in results["methods"].items()]
    return ["Methods:", "", *notes, *(f"- left out: {name}, {reason}" for name, reason in results["left_out"].items())]

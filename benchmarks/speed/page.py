"""Results -> tables and `speed.md`, for people: what each part found, first the ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import WHAT, Spread, TextTable, percent_range, ratio_range, seconds, seconds_range, size
from benchmarks.speed import cold, memory, warm
from benchmarks.speed.forwards import FLOOR
from benchmarks.speed.models import SHAPES, Shape
from benchmarks.speed.settings import PARTS
from benchmarks.speed.store import Store

Cases = Mapping[str, Mapping[str, Any]]
"""By name, of one part."""


def tables(results: Mapping[str, Cases]) -> Iterator[TextTable]:
    """All tables of one device."""
    for part in PARTS:
        if part in results:
            yield from _TABLES[part](_by_size(results[part]))


def _by_size(cases: Cases) -> Cases:
    """Smaller sizes first, whatever was measured first; other cases as they came."""
    numbers = {name: int(name) if name.isdigit() else 0 for name in cases}
    return {name: cases[name] for name in sorted(cases, key=lambda name: numbers[name])}


def _cold(cases: Cases) -> Iterator[TextTable]:
    yield from _both(
        "First question, as a multiple of the bare forward to the same layer",
        cold.NAMES,
        cases,
        ratio_range,
        base=("that forward takes", FLOOR),
        notes=(
            "Median of the ratios within a round, and their range; all read one text, forward passes the very tokens that attngs reads.",
            "attngs leaves the forward pass inside the last layer it reads, so its own floor lies between the two bare forwards.",
        ),
    )
    for name, case in cases.items():
        title = f"First question, {int(name):,} tokens of context ({case['tokens_read']:,} read, {case['layers']} layers)"
        yield _timings(title, case, "floor", _left_out(case))


def _warm(cases: Cases) -> Iterator[TextTable]:
    yield from _both(
        "Further question, as a share of the first",
        (warm.WARM, warm.STOCK, warm.APPENDED, warm.EDITED),
        cases,
        percent_range,
        base=("the first question takes", warm.COLD),
        last=("kept, bytes a token", lambda case: f"{case['bytes_per_token']:,.0f}"),
        notes=(f"Append: {warm.APPEND_TOKENS} tokens at the end; edit: a word at the start of a document in the middle.",),
    )
    for name, case in cases.items():
        yield _timings(f"Further question, {int(name):,} tokens of context", case, "first question")


def _storage(cases: Cases) -> Iterator[TextTable]:
    for name, case in cases.items():
        rows = [
            (
                how,
                f"{row['bytes_per_token']:,.0f}",
                seconds_range(row["wall"]),
                ratio_range(row["wall_ratio"]),
                f"{row['difference']['max']:.1e}",
                f"{row['difference']['mean']:.1e}",
                "{:.4f} / {:.4f}".format(*row["difference"]["rank_correlation"]),
            )
            for how, row in case["methods"].items()
        ]
        yield TextTable(
            title=f"How keys and values are kept, {int(name):,} tokens, {case['questions']} questions",
            columns=("kept", "bytes a token", "question, wall", "x native", "max difference", "mean", "rank correlation, mean / worst"),
            rows=tuple(rows),
            notes=(
                f"Scores of {case['sentences']} sentences: mean {case['mean_score']:.2e}, greatest {case['greatest_score']:.2e}. "
                f"Native against nothing kept: {case['native_against_nothing_kept']['max']:.1e}.",
                f"Keys and values of the layers that run, as computed: {case['plain_bytes_per_token']:,} bytes a token.",
                "A random model with peaks in its attention; trained ones must be measured again.",
            ),
        )


def _batch(cases: Cases) -> Iterator[TextTable]:
    rows = []
    for name, case in cases.items():
        alone, together = case["methods"].values()
        rows.append(
            (
                name,
                seconds_range(alone["wall"]),
                seconds_range(together["wall"]),
                ratio_range(together["wall_ratio"]),
                ratio_range(together["cpu_ratio"]),
                f"{case['greatest_difference']:.1e}",
            )
        )
    columns = ("from an empty cache", "one by one, wall", "together, wall", "together / one by one, wall", "CPU", "scores differ by")
    yield TextTable(title="Many at once", columns=columns, rows=tuple(rows))


def _overhead(cases: Cases) -> Iterator[TextTable]:
    rows = [
        (
            f"{what}, {int(name):,} tokens",
            seconds_range(case[what]["wall"]),
            seconds_range(case[what]["inside_model"]),
            seconds_range(case[what]["outside"]),
            percent_range(case[what]["share_outside"]),
            f"{case[what]['passes'][0]:.0f}",
        )
        for name, case in cases.items()
        for what in ("first question", "further question")
    ]
    columns = ("", "wall", "inside the model", "outside", "share outside", "forward passes")
    yield TextTable(title="The Python around the model", columns=columns, rows=tuple(rows))


def _memory(cases: Cases) -> Iterator[TextTable]:
    for which, title in (("above", "Peak memory above the loaded model"), ("whole", "Peak memory of the whole process")):
        yield _across(
            title,
            memory.NAMES,
            cases,
            lambda row, which=which: size(row[which]),  # type: ignore[misc]
            last=("attngs / floor", lambda case, which=which: _memory_ratio(case, which)),  # type: ignore[misc]
            notes=(
                "Each in a process of its own; on the CPU with MALLOC_MMAP_THRESHOLD_ set, or chance would decide among the small ones.",
            ),
        )


def _memory_ratio(case: Mapping[str, Any], which: str) -> str:
    methods = case["methods"]
    return f"{methods[cold.OURS][which] / methods[FLOOR][which]:.2f}" if {cold.OURS, FLOOR} <= methods.keys() else "-"


def _exactness(cases: Cases) -> Iterator[TextTable]:
    for name, case in cases.items():
        rows = tuple((architecture, f"{error:.1e}") for architecture, error in case["errors"].items())
        yield TextTable(title=name[0].upper() + name[1:], columns=("architecture", "max difference"), rows=rows)


def _both(
    title: str,
    names: Sequence[str],
    cases: Cases,
    written: Callable[[Spread], str],
    *,
    base: tuple[str, str],
    last: tuple[str, Callable[[Mapping[str, Any]], str]] | None = None,
    notes: tuple[str, ...] = (),
) -> Iterator[TextTable]:
    """Ratios on the clock, and in CPU seconds, which neighbours on the machine disturb less."""
    for which, clock in (("wall", "on the clock"), ("cpu", "in CPU seconds")):
        yield _across(
            f"{title}, {clock}",
            names,
            cases,
            lambda row, which=which: written(row[f"{which}_ratio"]),  # type: ignore[misc]
            first=(base[0], lambda case, which=which: seconds(case["methods"][base[1]][which][0])),  # type: ignore[misc]
            last=last,
            notes=notes,
        )


def _across(
    title: str,
    names: Sequence[str],
    cases: Cases,
    cell: Callable[[Mapping[str, Any]], str],
    *,
    first: tuple[str, Callable[[Mapping[str, Any]], str]] | None = None,
    last: tuple[str, Callable[[Mapping[str, Any]], str]] | None = None,
    notes: tuple[str, ...] = (),
) -> TextTable:
    """A method a row, a size a column."""
    rows = [
        (name, *(cell(case["methods"][name]) if name in case["methods"] else "left out" for case in cases.values()))
        for name in names
        if any(name in case["methods"] for case in cases.values())
    ]
    above, below = ([(line[0], *map(line[1], cases.values()))] if line else [] for line in (first, last))
    return TextTable(title=title, columns=("tokens", *(f"{int(name):,}" for name in cases)), rows=(*above, *rows, *below), notes=notes)


def _timings(title: str, case: Mapping[str, Any], base: str, notes: tuple[str, ...] = ()) -> TextTable:
    rows = tuple(
        (
            name,
            seconds_range(row["wall"]),
            seconds_range(row["cpu"]),
            ratio_range(row["wall_ratio"]),
            ratio_range(row["cpu_ratio"]),
            str(row["rounds"]),
            row.get("note", ""),
        )
        for name, row in case["methods"].items()
    )
    columns = ("method", "wall", "CPU", f"x {base}, wall", f"x {base}, CPU", "rounds", WHAT)
    return TextTable(title=title, columns=columns, rows=rows, notes=notes)


def _left_out(case: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name} is left out: {reason}" for name, reason in case["left_out"].items())


_TABLES: dict[str, Callable[[Cases], Iterator[TextTable]]] = {
    "exactness": _exactness,
    "cold": _cold,
    "warm": _warm,
    "storage": _storage,
    "batch": _batch,
    "overhead": _overhead,
    "memory": _memory,
}


def write_page(store: Store) -> Path:
    """All tables, generated; to be looked up, not read from end to end."""
    lines = ["# Speed and memory", "", "Generated by `python -m benchmarks.speed` from `speed.json`.", ""]
    lines += ["![First question, further question and peak memory by size](speed.svg)", ""]
    for device, results in store.results.items():
        lines += [f"## {device}: {_model(SHAPES[device])}", "", *_measured(store, device), ""]
        lines += [table.markdown() for table in tables(results)]
    path = store.path.with_suffix(".md")
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


def _model(shape: Shape) -> str:
    return f"a random Qwen2 of {shape.layers} layers, {shape.hidden} wide, in {str(shape.dtype).removeprefix('torch.')}"


def _measured(store: Store, device: str) -> list[str]:
    """Where, when and with what: a line for each machine, date and commit."""
    lines = []
    cases = [(part, name, case) for part, found in store.results[device].items() for name, case in found.items()]
    for number, machine in enumerate(store.machines):
        mine = [(part, name, case["load_average"]) for part, name, case in cases if case["machine"] == number]
        if not mine:
            continue
        what = ", ".join(dict.fromkeys(f"{part} {int(name):,}" if name.isdigit() else part for part, name, _ in mine))
        loads = [load for *_, load in mine]
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        lines.append(
            f"- {machine['date']}, commit {machine['code']}, {machine.get('gpu') or machine['cpu']}, {machine['cores']} cores, torch on "
            f"{machine['torch_threads']} thread(s), load average {min(loads)} ... {max(loads)}, {versions}: {what}."
        )
    return lines

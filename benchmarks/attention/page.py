"""Results -> tables, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import TextTable


def tables(results: Mapping[str, Any]) -> list[TextTable]:
    """Recall, differences, sets, and what was chosen."""
    models: Mapping[str, Any] = results["models"]
    names, first = tuple(models), next(iter(models.values()))
    budgets = tuple(next(iter(first["recall"].values())))
    found = [
        TextTable(
            title=f"{name}: evidence recall by share of the characters",
            columns=("method", *budgets),
            rows=tuple((method, *(_interval(at[budget]) for budget in budgets)) for method, at in model["recall"].items()),
            notes=(f"{model['questions']} questions; each set counts once; 95 % bootstrap over clusters.",),
        )
        for name, model in models.items()
    ]
    found.append(
        TextTable(
            title="Differences, paired by question, over all budgets",
            columns=("difference", *names),
            rows=tuple(
                (pair, *(_interval(models[name]["differences"][pair]["all"], "+") for name in names)) for pair in first["differences"]
            ),
        )
    )
    found += [
        TextTable(
            title=f"{name}: set by set, over all budgets",
            columns=("set", *first["recall"]),
            rows=tuple((held, *(_number(value) for value in values.values())) for held, values in model["sets"].items()),
        )
        for name, model in models.items()
    ]
    bases = tuple(first["weights"])
    found.append(
        TextTable(
            title="What the other sets choose",
            columns=("left out", "setting", *(f"weight beside {base}" for base in bases)),
            rows=tuple(
                (held, one["setting"], *(f"{one[base]:g}" for base in bases))
                for held, one in (*results["left_out"].items(), ("none", results["best"]))
            ),
        )
    )
    found.append(
        TextTable(
            title="The best settings on all sets",
            columns=("setting", *names),
            rows=tuple((words, *map(_number, means)) for words, *means in results["best_settings"]),
        )
    )
    found += [
        TextTable(
            title=f"The shipped setting with other {axis}",
            columns=(axis, *names),
            rows=tuple((value, *map(_number, means)) for value, means in values.items()),
        )
        for axis, values in results["axes"].items()
    ]
    found += [
        TextTable(
            title=f"{base} and the shipped setting, by weight of the attention",
            columns=("weight", *names),
            rows=tuple((weight, *(_number(models[name]["weights"][base][weight]) for name in names)) for weight in first["weights"][base]),
        )
        for base in bases
    ]
    return found


def write_page(results: Mapping[str, Any], path: Path) -> Path:
    """The tables as Markdown, generated."""
    machine: Mapping[str, Any] = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    head = f"# Which attention of a decoder finds evidence\n\n{machine['date']}, {machine['cores']} cores of {machine['cpu']}; {versions}; "
    head += f"code {machine['code']}. Command: `{results['command']}`\n\n{results['about']}\n"
    picture = f"![evidence recall of each layer]({path.with_suffix('.svg').name})\n"
    path.write_text("\n".join([head, picture, *(table.markdown() for table in tables(results))]), encoding="utf-8")
    return path


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1)


def _interval(estimate: Sequence[float], sign: str = "") -> str:
    mean, low, high = estimate
    return f"{_number(mean, sign)} ({_number(low, sign)} ... {_number(high, sign)})"

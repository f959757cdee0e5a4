"""Results -> tables, for the terminal and for `decoder.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.decoder.evaluate import ANSWERED, CLAIMS, DEFAULT, PROBE, RAW, TUNED
from benchmarks.decoder.measures import COLUMNS, FIRST
from benchmarks.pages import WHAT, TextTable

ORDER = ("random", "lead", "recency", "BM25", DEFAULT, RAW, PROBE, ANSWERED, TUNED)


def tables(results: Mapping[str, Any]) -> list[TextTable]:
    """Recall, differences, layers, kinds of questions and, where the model was trained here, its answers."""
    methods: Mapping[str, Any] = results["methods"]
    shown = [name for name in ORDER if name in methods]
    chosen: Mapping[str, int] = results["chosen"]
    named = {name: f"{name} ({chosen[name] + 1})" if name in chosen else name for name in shown}
    test = results["test"]
    found = TextTable(
        title="Evidence found",
        columns=("method", *COLUMNS),
        rows=tuple((named[name], *(_interval(methods[name][column]) for column in COLUMNS)) for name in shown),
        notes=(
            f"{test['questions']} questions on {test['users']} held-out users, {test['sentences']:.0f} sentences each on average; "
            "95 % bootstrap over users.",
            "`first`: how often the best sentence is the evidence. The rest: share of the evidence kept at a share of the tokens; "
            f"2 % is room for about {0.02 * test['sentences']:.1f} sentences.",
            f"Probe and fine-tuning learn from {results['sizes']['labelled']} labelled questions of other users; the probe is what won in "
            f"cross-validation on these: {results['probe']['what']}.",
            "In brackets the layer that is read, counted from 1; chosen on validation users, except the paper's.",
        ),
    )
    differences = TextTable(
        title="Differences, paired by question",
        columns=("difference", *COLUMNS),
        rows=tuple((name, *(_signed(values[column]) for column in COLUMNS)) for name, values in results["differences"].items()),
        notes=("Bold: the interval leaves out 0.",),
    )
    layers: Mapping[str, Sequence[Any]] = results["layers"]
    count = len(layers["raw"])
    by_layer = TextTable(
        title="`first` by layer, mean over heads",
        columns=("attention", *(str(layer) for layer in range(1, count + 1))),
        rows=tuple((name, *(_number(estimates[FIRST][0]) for estimates in rows)) for name, rows in layers.items()),
    )
    kinds: Mapping[str, Any] = results["kinds"]
    by_kind = TextTable(
        title="`first` by kind of question",
        columns=("method", *(f"{kind} ({values['questions']})" for kind, values in kinds.items())),
        rows=tuple((name, *(_number(values[name][0]) for values in kinds.values())) for name in shown),
    )
    made = [_claims(results), found, differences, by_layer, by_kind]
    return [_answers(results["pretraining"]), *made] if "pretraining" in results else made


def write_page(results: Mapping[str, Any], path: Path) -> Path:
    """The tables as Markdown, generated."""
    machine: Mapping[str, Any] = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    hardware = machine["gpu"] or f"{machine['cores']} cores of {machine['cpu']}, {machine['torch_threads']} thread"
    head = f"# {results['marker']}\n\n{machine['date']}, {hardware}; {versions}; code {machine['code']}. Command: `{results['command']}`\n"
    picture = f"![recall by layer and by budget]({path.with_suffix('.svg').name})\n"
    path.write_text("\n".join([head, picture, *(table.markdown() for table in tables(results))]), encoding="utf-8")
    return path


def _claims(results: Mapping[str, Any]) -> TextTable:
    """What was to be shown, and whether it was."""
    pairs = [(a, b, results["differences"][f"{a} - {b}"][FIRST]) for a, b in CLAIMS if f"{a} - {b}" in results["differences"]]
    return TextTable(
        title="Each better than the one before?",
        columns=("claim", "difference in `first`", WHAT),
        rows=tuple((f"{a} > {b}", _interval(estimate, "+"), _verdict(estimate)) for a, b, estimate in pairs),
    )


def _verdict(estimate: Sequence[float]) -> str:
    _, low, high = estimate
    return "holds" if low > 0 else "refuted" if high < 0 else "cannot be told: the interval holds 0"


def _answers(pretraining: Mapping[str, Any]) -> TextTable:
    """What the model that was trained here can answer."""
    accuracy: Mapping[str, Mapping[str, float]] = pretraining["accuracy"]
    lengths = next(iter(accuracy.values()))
    return TextTable(
        title="What the decoder answers, on held-out users",
        columns=("questions, by sentences of the memory", *lengths),
        rows=tuple((words, *(_number(shares[length]) for length in lengths)) for words, shares in accuracy.items()),
        notes=(
            f"{pretraining['parameters']:,} parameters, trained from nothing in {pretraining['cpu_seconds'] / 60:.0f} minutes of one core.",
        ),
    )


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1) if value < 1 else f"{value:{sign}.2f}"


def _interval(estimate: Sequence[float], sign: str = "") -> str:
    mean, low, high = estimate
    return f"{_number(mean, sign)} ({_number(low, sign)} ... {_number(high, sign)})"


def _signed(estimate: Sequence[float]) -> str:
    mean, low, high = estimate
    text = f"{mean:+.3f}".replace("0.", ".", 1)
    return f"**{text}**" if low > 0 or high < 0 else text

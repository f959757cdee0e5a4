"""How much of the labelled evidence survives at 5 and 10 % of the text, beside what is simpler.

    python -m benchmarks.recall DATA_DIR [--sets madial_user1 ...] [--limit expmrc=300 xquad12_a=240] [--threads 1]

All methods get the same units (the product's `Splitter()`), the same budget in the embedded marker's tokens and the same fill: the
product's `GreedySelector`, best score first, what does not fit is skipped; labels are off, since the length of a data set's ids is nobody's
merit. Recall is the share of evidence *characters* inside kept units. Intervals are 95 % bootstraps over clusters of rows that share their
evidence's source (`data.py`); differences are paired by row. `oracle` fills the same budget by the labels themselves and shows the ceiling.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from attngs.embedded import load_embedded
from attngs.marker import Marker
from attngs.metrics import Place, covered, estimate
from attngs.protocols import Scorer, TokenCounter
from attngs.scorers.cosine import CosineScorer
from attngs.scorers.embedded import EmbeddedScorer
from attngs.scorers.late_attention import LateAttentionScorer
from attngs.scorers.lead import LeadScorer
from attngs.scorers.lexical import LexicalScorer
from attngs.scorers.random import RandomScorer
from attngs.scorers.recency import RecencyScorer
from attngs.selection import ExtractLayout, GreedySelector
from attngs.sentence_states import SentenceStates
from attngs.tokens import TokenizerCounter
from attngs.types import Marking, Sentence
from benchmarks.data import CLUSTERS, Row, load_rows, parse_limits
from benchmarks.latency import measure_latency
from benchmarks.machine import describe_machine, save_results

BUDGETS = (0.05, 0.10)
OURS, RIVALS = "embedded", ("cosine", "BM25")
SELECTOR = GreedySelector(layout=ExtractLayout(label=""))


@dataclass(slots=True)
class Scores:
    """What was measured of one set, row by row."""

    wanted: int
    rows: list[Row] = field(default_factory=list[Row])
    recall: dict[tuple[str, float], list[float]] = field(default_factory=dict[tuple[str, float], list[float]])
    used: dict[tuple[str, float], list[float]] = field(default_factory=dict[tuple[str, float], list[float]])
    tokens: list[int] = field(default_factory=list[int])
    seconds: float = 0.0


class CountOnce:
    """A counter that remembers single sentences while the methods ask for the same ones."""

    def __init__(self, counter: TokenCounter) -> None:
        self.name = counter.name
        self._counter = counter
        self._known: dict[str, int] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        if len(texts) == 1:  # a joined text; it will not come again
            return list(self._counter.count(texts))
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._counter.count(new), strict=True))
        return [self._known[text] for text in texts]


class OracleScorer:
    """Knows the labels: the share of a unit that is evidence."""

    def __init__(self, evidence: Sequence[Place]) -> None:
        self._evidence = evidence

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [share_of_evidence(place_of(sentence), self._evidence) for sentence in sentences]


def place_of(sentence: Sentence) -> Place:
    return sentence.position, sentence.start, sentence.end


def share_of_evidence(unit: Place, evidence: Sequence[Place]) -> float:
    inside = [(unit[0], max(unit[1], start), min(unit[2], end)) for number, start, end in evidence if number == unit[0]]
    real = [place for place in inside if place[1] < place[2]]
    return covered([unit], real)


def build_methods() -> tuple[Marker, dict[str, Scorer]]:
    """The embedded marker as `Marker.default()` builds it, on states that its rivals read too."""
    loaded = load_embedded()
    states = SentenceStates(loaded)
    marker = Marker(EmbeddedScorer(states), counter=CountOnce(TokenizerCounter(loaded.tokenizer, loaded.name)), name=loaded.name)
    methods: dict[str, Scorer] = {
        OURS: marker.scorer,
        "cosine": CosineScorer(states),
        "late attention": LateAttentionScorer(states),
        "BM25": LexicalScorer(),
        "random": RandomScorer(),
        "lead": LeadScorer(),
        "recency": RecencyScorer(),
    }
    return marker, methods


def measure_row(row: Row, marker: Marker, methods: Mapping[str, Scorer], scores: Scores) -> None:
    """Recall of every method at every budget."""
    assert marker.counter is not None
    sentences = marker.split(row.documents)
    total = sum(marker.counter.count([document.text for document in row.documents]))
    found: dict[tuple[str, float], tuple[float, float]] = {}
    for name, scorer in (*methods.items(), ("oracle", OracleScorer(row.evidence))):
        values = tuple(scorer.score(row.query, sentences))
        marking = Marking(query=row.query, sentences=sentences, scores=values, marked=(False,) * len(sentences))
        for share in BUDGETS:
            selection = SELECTOR.select(marking, target_tokens=max(1, round(share * total)), counter=marker.counter)
            kept = [place_of(sentences[i]) for i in selection.kept]
            found[name, share] = covered(row.evidence, kept), selection.tokens / total
    for key, (recall, used) in found.items():  # only whole rows, also after Ctrl-C
        scores.recall.setdefault(key, []).append(recall)
        scores.used.setdefault(key, []).append(used)
    scores.rows.append(row)
    scores.tokens.append(total)


def measure(sets: Mapping[str, Sequence[Row]], console: Console) -> dict[str, Scores]:
    """All rows of all sets, a table as each is done; what was measured before Ctrl-C is kept and shown."""
    marker, methods = build_methods()
    found = {name: Scores(wanted=len(rows)) for name, rows in sets.items()}
    columns = (TextColumn("{task.description:14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        try:
            for name, rows in sets.items():
                began = time.perf_counter()
                for row in progress.track(rows, description=name):
                    measure_row(row, marker, methods, found[name])
                    found[name].seconds = time.perf_counter() - began
                console.print(recall_table(name, summarise(found[name])))
        except KeyboardInterrupt:
            console.print("[yellow]stopped; these rows were measured[/]")
            if found[name].rows:
                console.print(recall_table(name, summarise(found[name])))
    return {name: scores for name, scores in found.items() if scores.rows}


def summarise(scores: Scores) -> dict[str, Any]:
    """Means with intervals, for all rows and by language."""
    languages = [row.language for row in scores.rows]
    groups = {"all": range(len(languages))} | {
        name: [i for i, language in enumerate(languages) if language == name] for name in sorted(set(languages)) if len(set(languages)) > 1
    }
    return {
        "rows": len(scores.rows),
        "rows_wanted": scores.wanted,
        "median_tokens": sorted(scores.tokens)[len(scores.tokens) // 2],
        "seconds": round(scores.seconds, 1),
        "groups": {name: _summarise_group(scores, members) for name, members in groups.items()},
    }


def _summarise_group(scores: Scores, members: Iterable[int]) -> dict[str, Any]:
    chosen = list(members)
    clusters = [scores.rows[i].cluster for i in chosen]
    recall = {key: [values[i] for i in chosen] for key, values in scores.recall.items()}
    summary: dict[str, Any] = {"rows": len(chosen), "clusters": len(set(clusters))}
    for share in BUDGETS:
        summary[f"{share:.0%}"] = {
            "recall": {name: _rounded(estimate(values, clusters)) for (name, at), values in recall.items() if at == share},
            "difference": {
                f"{OURS} - {rival}": _rounded(estimate(_differences(recall[OURS, share], recall[rival, share]), clusters))
                for rival in RIVALS
            },
            "tokens_used": {name: _mean([values[i] for i in chosen]) for (name, at), values in scores.used.items() if at == share},
        }
    return summary


def _differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(ours, theirs, strict=True)]


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 4) for number in numbers]


def _mean(numbers: Sequence[float]) -> float:
    return round(sum(numbers) / len(numbers), 4)


def recall_table(name: str, summary: Mapping[str, Any]) -> Table:
    """One set: recall of all methods with intervals."""
    of = "" if summary["rows"] == summary["rows_wanted"] else f" of {summary['rows_wanted']}"
    table = Table(title=f"{name}: {summary['rows']}{of} rows, median {summary['median_tokens']:,} tokens", title_justify="left")
    table.add_column("method", no_wrap=True)
    for share in BUDGETS:
        table.add_column(f"recall at {share:.0%}", no_wrap=True)
    at = summary["groups"]["all"]
    for method in at["5%"]["recall"]:
        table.add_row(method, *(_interval(at[f"{share:.0%}"]["recall"][method]) for share in BUDGETS))
    return table


def language_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """All sets by language: means, and paired differences with intervals."""
    pairs = [f"{OURS} - {rival}" for rival in RIVALS]
    table = Table("set", "language", "rows", "budget", OURS, *RIVALS, *pairs)
    for column in table.columns:
        column.no_wrap = True
    for name, summary in summaries.items():
        for language, group in summary["groups"].items():
            for share in BUDGETS:
                at = group[f"{share:.0%}"]
                means = (f"{at['recall'][method][0]:.3f}" for method in (OURS, *RIVALS))
                differences = (_interval(at["difference"][pair], "+") for pair in pairs)
                table.add_row(name, language, str(group["rows"]), f"{share:.0%}", *means, *differences)
        table.add_section()
    return table


def _interval(numbers: Sequence[float], sign: str = "") -> str:
    mean, low, high = numbers
    return f"{mean:{sign}.3f} ({low:{sign}.3f} ... {high:{sign}.3f})"


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How much labelled evidence survives at 5 and 10 % of the text.")
    parser.add_argument("folder", type=Path, help="holds NAME.jsonl.xz")
    parser.add_argument("--sets", nargs="+", choices=list(CLUSTERS), default=list(CLUSTERS), metavar="NAME")
    parser.add_argument("--limit", nargs="+", default=[], metavar="[NAME=]N", help="a seeded sample of N rows, of each set or of one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="8 rows of each set, no result file: to see that it runs")
    options = parser.parse_args(arguments)
    try:
        options.limits = parse_limits(["8"] if options.quick else options.limit, list(CLUSTERS))
    except ValueError as error:
        parser.error(f"--limit: {error}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    console = Console(width=None if sys.stdout.isatty() else 140)
    torch.set_num_threads(options.threads)
    machine = describe_machine()
    sets = {name: load_rows(options.folder, name, limit=options.limits.get(name), seed=options.seed) for name in options.sets}
    latency = measure_latency()
    console.print("latency", latency)
    scores = measure(sets, console)
    summaries = {name: summarise(measured) for name, measured in scores.items()}
    console.print(language_table(summaries))
    whole = sum(summary["rows"] for summary in summaries.values()) == sum(map(len, sets.values()))
    if options.quick or not whole:
        console.print("no result file is written")
        return
    results = {"machine": machine, "seed": options.seed, "limits": options.limits, "latency": latency, "sets": summaries}
    console.print(f"written to {save_results('recall', results)}")


if __name__ == "__main__":
    main()

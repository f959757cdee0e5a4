"""All rows of all sets. What was measured before Ctrl-C is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from attngs.protocols import Scorer, TokenCounter
from attngs.text.sentences import UnitSize
from benchmarks.evidence.data import Row
from benchmarks.evidence.measure import RowMeasurer, Scores
from benchmarks.evidence.methods import Extractor
from benchmarks.evidence.sets import SETS


def measure_sets(
    sets: Mapping[str, Sequence[Row]],
    methods: Mapping[str, Scorer | Extractor],
    counter: TokenCounter,
    *,
    units: tuple[UnitSize, ...] | None,
    console: Console,
    done: Callable[[dict[str, Scores]], None],
) -> dict[str, Scores]:
    """Measure, with a bar for each set.

    Args:
        sets: Rows by set.
        methods: By name.
        counter: Counts what a budget is spent on.
        units: The same for all sets, or those of each when not given.
        console: Where the bars are drawn.
        done: Called with all that is measured so far after each set, the last one perhaps cut short.
    """
    found: dict[str, Scores] = {}
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {name: progress.add_task(name, total=len(rows), start=False) for name, rows in sets.items()}
        try:
            for name, rows in sets.items():
                progress.start_task(tasks[name])
                chosen = units or SETS[name].units
                scores, measurer = Scores(wanted=len(rows), units=chosen), RowMeasurer(methods, counter, chosen)
                for row in rows:
                    measurer.measure(row, scores)
                    found[name] = scores
                    progress.advance(tasks[name])
                done(found)
        except KeyboardInterrupt:
            console.print("[yellow]stopped; these rows were measured[/]")
            done(found)
    return found

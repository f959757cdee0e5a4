"""Contenders take turns in one process; what counts is their ratio to the base within a round."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

SLOW_SECONDS, SLOW_RATIO, SLOW_ROUNDS = 10.0, 3.0, 2
"""Who takes this long, and this many times as long as the base, runs in two rounds only."""


def nothing(number: int) -> None:
    """Needs no preparation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to do the work. Both functions get the number of the round, so that each round can ask another question."""

    name: str
    run: Callable[[int], object]
    prepare: Callable[[int], object] = nothing
    """Is not timed."""
    note: str = ""


class Seconds(NamedTuple):
    """Of the whole process, so that neighbours on the machine count less in `cpu` than on the clock."""

    cpu: float
    wall: float


Measured = dict[str, dict[int, Seconds]]
"""Contender -> round -> seconds."""


def take_turns(
    contenders: Sequence[Contender], rounds: int, *, base: str, synchronize: Callable[[], None], advance: Callable[[], None] = lambda: None
) -> Measured:
    """Run every contender once a round, each round in another order.

    Args:
        contenders: Who runs; their names differ.
        rounds: How often; see `SLOW_SECONDS`.
        base: The contender that the others are compared with.
        synchronize: Waits for the device.
        advance: Called after each run.
    """
    by_name = {contender.name: contender for contender in contenders}
    measured: Measured = {name: {} for name in by_name}
    for number in range(rounds):
        for name in shuffled(list(by_name), number):
            if number < SLOW_ROUNDS or not is_slow(measured[name], measured[base]):
                measured[name][number] = time_once(by_name[name], number, synchronize)
            advance()
    return measured


def time_once(contender: Contender, number: int, synchronize: Callable[[], None]) -> Seconds:
    contender.prepare(number)
    gc.collect()
    synchronize()
    cpu, wall = time.process_time(), time.perf_counter()
    contender.run(number)
    synchronize()
    return Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def shuffled(names: Sequence[str], number: int) -> list[str]:
    """The order of a round. Not a rotation: that would always put the same contender behind the one that fills the memory."""
    return random.Random(number).sample(names, len(names))


def is_slow(mine: Mapping[int, Seconds], base: Mapping[int, Seconds]) -> bool:
    seconds = median(run.wall for run in mine.values())
    return seconds > SLOW_SECONDS and seconds > SLOW_RATIO * median(run.wall for run in base.values())


def summarise(measured: Measured, base: str, notes: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Medians with their range; ratios are taken within a round."""
    table: dict[str, dict[str, Any]] = {}
    for name, runs in measured.items():
        pairs = [(run, measured[base][number]) for number, run in runs.items() if number in measured[base]]
        table[name] = {
            "rounds": len(runs),
            "wall": spread([run.wall for run in runs.values()]),
            "cpu": spread([run.cpu for run in runs.values()]),
            "wall_ratio": spread([mine.wall / other.wall for mine, other in pairs]),
            "cpu_ratio": spread([mine.cpu / other.cpu for mine, other in pairs if other.cpu]),
        }
        if note := (notes or {}).get(name):
            table[name]["note"] = note
    return table


def spread(values: Sequence[float]) -> list[float] | None:
    """Median, least and greatest, in six significant digits; nothing when there are no values."""
    return [float(f"{value:.6g}") for value in (median(values), min(values), max(values))] if values else None

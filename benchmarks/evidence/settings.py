"""What the command line asks for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from attngs.text.sentences import UnitSize
from benchmarks.evidence.data import parse_limits
from benchmarks.evidence.methods import NAMES
from benchmarks.evidence.sets import SETS
from benchmarks.machine import RESULTS

QUICK_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be chosen."""

    data: Path
    sets: tuple[str, ...]
    methods: tuple[str, ...] | None
    """All that can run when `None`."""
    units: tuple[UnitSize, ...] | None
    """Those of each set when `None`."""
    limits: dict[str, int]
    seed: int
    threads: int
    marker: str | None
    probe: Path | None
    adapter: Path | None
    latency: bool
    out: Path | None
    """Folder of the results; nothing is written when `None`."""


def parse_arguments(arguments: Sequence[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence", description="How much evidence a budget keeps, method by method."
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="holds NAME.jsonl.xz (%(default)s)")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), metavar="NAME", help=f"of {', '.join(SETS)}")
    parser.add_argument("--methods", nargs="+", choices=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--units", nargs="+", choices=get_args(UnitSize), metavar="UNIT", help="auto, sentence, turn, line; by set when not given"
    )
    defaults = ", ".join(f"{name}={source.rows or 'all'}" for name, source in SETS.items())
    parser.add_argument(
        "--limit", nargs="+", default=[], metavar="[NAME=]N", help=f"a seeded sample of N rows, of each set or of one ({defaults})"
    )
    parser.add_argument("--marker", metavar="MODEL", help="measure a model on the hub or a folder too: its attention, differential, fused")
    parser.add_argument("--probe", type=Path, metavar="DIR", help="and a fitted probe, of --marker or else of the embedded marker")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="and a trained adapter, of --marker or else of the model that it names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of evidence.json, .md and .svg (benchmarks/results)")
    parser.add_argument("--no-latency", action="store_true", help="leave out the warm question on 10,000 tokens")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS} rows of each set, no latency, no files: to see that it runs")
    options = parser.parse_args(arguments)
    try:
        limits = parse_limits([str(QUICK_ROWS)] if options.quick else options.limit, list(SETS))
    except ValueError as error:
        parser.error(f"--limit: {error}")
    if options.threads < 1:
        parser.error("--threads must be at least 1")
    return Settings(
        data=options.data,
        sets=tuple(dict.fromkeys(options.sets)),
        methods=tuple(options.methods) if options.methods else None,
        units=tuple(dict.fromkeys(options.units)) if options.units else None,
        limits=limits,
        seed=options.seed,
        threads=options.threads,
        marker=options.marker,
        probe=options.probe,
        adapter=options.adapter,
        latency=not (options.quick or options.no_latency),
        out=None if options.quick else options.out,
    )

"""What the command line asks for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks.speed.models import POSITIONS, QUICK, SHAPES, Shape

PARTS = ("exactness", "cold", "warm", "storage", "batch", "overhead", "memory")
SIZES = {"cpu": (1_024, 2_048, 4_096, 8_192), "cuda": (1_024, 2_048, 4_096, 8_192, 16_384, 32_768)}
LEAST, MOST = 64, POSITIONS - 1_024
"""A context this long still leaves room for the question and the prompt."""

Found = tuple[str, dict[str, Any]]
"""A case of a part, and what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Sizes are tokens of context; question and prompt come on top."""

    device: str
    sizes: tuple[int, ...]
    middle: int
    """The size of the parts that take only one."""
    rounds: int
    threads: int
    parts: tuple[str, ...]
    quick: bool
    console: Console

    @property
    def shape(self) -> Shape:
        return QUICK if self.quick else SHAPES[self.device]

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar that is gone at the end."""
        with Progress(console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)


def parse_arguments(arguments: Sequence[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="What marking costs in time and memory.")
    parser.add_argument("--device", choices=tuple(SHAPES), default="cpu")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="TOKENS", help="1024 ... 8192; on cuda also 16384 and 32768")
    parser.add_argument("--middle", type=int, default=4_096, metavar="TOKENS", help="of the parts that take one size (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s; who is slow gets two, and the tables show it")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}; exactness only on the CPU")
    parser.add_argument("--quick", action="store_true", help="a small model, no result files: to see that it runs")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device: torch sees no CUDA device")
    if options.quick:
        options.sizes, options.middle, options.rounds = (256,), 256, 1
    sizes = tuple(options.sizes or SIZES[options.device])
    if not all(LEAST <= size <= MOST for size in (*sizes, options.middle)):
        parser.error(f"--sizes and --middle must lie in {LEAST} ... {MOST}")
    if min(options.rounds, options.threads) < 1:
        parser.error("--rounds and --threads must be at least 1")
    return Settings(
        device=options.device,
        sizes=sizes,
        middle=options.middle,
        rounds=options.rounds,
        threads=options.threads,
        parts=tuple(options.parts or [part for part in PARTS if part != "exactness" or options.device == "cpu"]),
        quick=options.quick,
        console=Console(width=None if sys.stdout.isatty() else 140),
    )

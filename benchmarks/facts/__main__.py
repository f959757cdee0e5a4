"""What becomes of several statements about one thing?

    python -m benchmarks.facts close                           two wordings, two values, or two things: how alike are they?
    python -m benchmarks.facts current [--half dev|final] [--pairs]     does the later of two statements reach the reader?
    python -m benchmarks.facts restated [--half dev|final]     is a fact kept twice, in the place of another that is needed?

Constants may be chosen on the development half alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from attngs import ContextCompressor, Marker
from benchmarks.facts import close, current, restated


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    marker = Marker.default()
    if options.part == "close":
        close.report(marker)
    elif options.part == "current":
        current.report(ContextCompressor(marker), options.half, names_failures=options.pairs)
    else:
        restated.report(ContextCompressor(marker), options.half)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.facts", description="Several statements about one thing.")
    parser.add_argument("part", choices=("close", "current", "restated"), help="what to measure")
    parser.add_argument("--half", choices=("dev", "final"), default="dev", help="constants may be chosen on dev alone (dev)")
    parser.add_argument("--pairs", action="store_true", help="of current facts: also print each pair that is not as it should be")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

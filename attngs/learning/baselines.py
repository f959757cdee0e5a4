"""What guided compression must beat: the baselines of Attn-GS (arXiv 2602.07778), ready to run.

The same writer gets other marks or none, or the text is cut and no model reads it.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.marking.algorithm import MarkRule, Percentile
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import PermutedScorer, TruncationScorer
from attngs.protocols import Scorer
from attngs.writing.asking import Writer
from attngs.writing.prompts import GUIDED, REASONED, SUMMARY

Baseline = Literal["summary", "reasoned", "random-marks", "mark-all", "truncation"]


def baseline(name: Baseline, marker: Marker, chat: Writer | None = None, **settings: Any) -> ContextCompressor:
    """Build a compressor that does without the marker's marks.

    Args:
        name: `summary` and `reasoned` show the writer no marks; `random-marks` marks as much as the marker does, but elsewhere; `mark-all`
            marks everything; `truncation` keeps the beginning verbatim and uses no writer.
        marker: The marker to compare with; its splitter, rule and counter are used.
        chat: The writer of both.
        settings: Further arguments of `ContextCompressor`.

    Raises:
        ConfigError: There is no such baseline.
    """
    if name == "truncation":
        return ContextCompressor(_like(marker, TruncationScorer()), **settings)
    if name == "random-marks":
        return ContextCompressor(_like(marker, PermutedScorer(marker.scorer)), chat, template=GUIDED, **settings)
    if name == "mark-all":
        return ContextCompressor(_like(marker, marker.scorer, Percentile(0)), chat, template=GUIDED, **settings)
    if name in ("summary", "reasoned"):
        return ContextCompressor(marker, chat, template=SUMMARY if name == "summary" else REASONED, **settings)
    raise ConfigError(f"`name` must be one of {', '.join(get_args(Baseline))}, got {name!r}.")


def _like(marker: Marker, scorer: Scorer, rule: MarkRule | None = None) -> Marker:
    return Marker(scorer, splitter=marker.splitter, rule=rule or marker.rule, counter=marker.counter)

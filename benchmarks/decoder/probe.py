"""Fits a probe with `attngs.learning.fitting` on training users, as `attngs fit` does."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.learning.fitting.run import fit
from attngs.marking.assembly import probe_scorer
from attngs.marking.scorers.probe import ProbeScorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel
from benchmarks.decoder.task import Question


def fit_probe(loaded: LoadedModel, questions: Sequence[Question], *, folds: int) -> ProbeScorer:
    """What wins in nested cross-validation on these users: a setting of the attention, or a probe on heads and words.

    Raises:
        AttngsError: There are too few questions, or the model failed on one.
    """
    found = fit([question.example for question in questions], loaded, unit="auto", folds=folds)
    return probe_scorer(loaded, found.probe, ContextCache())

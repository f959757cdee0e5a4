"""Part `storage`: how keys and values are kept, against their bytes, the time of a further question, and what it does to the scores.

The model is random, its queries and keys scaled so that attention has peaks; a trained model's scores may suffer more, or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from attngs.marking.marker import Marker
from attngs.protocols import Floats
from attngs.types import Document
from benchmarks.speed.models import key_value_bytes
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import Contender, summarise, take_turns
from benchmarks.speed.workbench import Workbench

STORAGES = {"as computed": None, "bfloat16": "bfloat16", "int8": "int8"}
NATIVE = "as computed"
QUESTIONS = 8


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """One case: every storage beside the model's own numbers, and those beside a reading with nothing kept."""
    documents = bench.corpus.context(settings.middle)
    markers = {name: bench.marker(cache_storage=storage) for name, storage in STORAGES.items()}
    warmth = {name: marker.warm(documents) for name, marker in markers.items()}
    scores = {name: _scores(bench, marker, documents) for name, marker in markers.items()}  # also warms up
    unkept = _scores(bench, bench.marker(cache_bytes=0), documents)
    layers = bench.read(documents, bench.corpus.question(0)).layers
    contenders = [
        Contender(name=name, run=lambda number, marker=marker: marker.mark(documents, bench.corpus.question(number)))  # type: ignore[misc]
        for name, marker in markers.items()
    ]
    with settings.progress("storage", settings.rounds * len(contenders)) as advance:
        measured = take_turns(contenders, settings.rounds, base=NATIVE, synchronize=bench.synchronize, advance=advance)
    yield (
        str(settings.middle),
        {
            "questions": QUESTIONS,
            "sentences": unkept.shape[1],
            "mean_score": float(f"{unkept.mean():.4g}"),
            "greatest_score": float(f"{unkept.max():.4g}"),
            "native_against_nothing_kept": difference(scores[NATIVE], unkept),
            "plain_bytes_per_token": key_value_bytes(bench.shape, layers),
            "methods": {
                name: row
                | {"bytes_per_token": round(warmth[name].bytes / warmth[name].kept, 1)}
                | {"difference": difference(scores[name], scores[NATIVE])}
                for name, row in summarise(measured, NATIVE).items()
            },
        },
    )


def _scores(bench: Workbench, marker: Marker, documents: Sequence[Document]) -> Floats:
    """One row a question."""
    return np.array([marker.mark(documents, bench.corpus.question(number)).scores for number in range(QUESTIONS)])


def difference(mine: Floats, reference: Floats) -> dict[str, Any]:
    """Greatest and mean absolute difference, and Spearman's correlation of each question's ranking, the mean and the worst."""
    gap = np.abs(mine - reference)
    ranks = [float(np.corrcoef(_ranks(a), _ranks(b))[0, 1]) for a, b in zip(mine, reference, strict=True)]
    return {
        "max": float(f"{gap.max():.3g}"),
        "mean": float(f"{gap.mean():.3g}"),
        "rank_correlation": [round(float(np.mean(ranks)), 6), round(min(ranks), 6)],
    }


def _ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(values)).astype(np.float64)

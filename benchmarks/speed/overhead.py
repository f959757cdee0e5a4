"""Part `overhead`: the Python around the model. How much of a marking is spent outside the model's forward passes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from attngs.marking.marker import Marker
from attngs.types import Document
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import spread
from benchmarks.speed.workbench import Workbench


@dataclass
class Inside:
    """Time between entering and leaving the model's body."""

    seconds: float = 0.0
    passes: int = 0
    entered: float = 0.0


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """A first and a further question at one size."""
    documents = bench.corpus.context(settings.middle)
    rows: dict[str, list[dict[str, float]]] = {"first question": [], "further question": []}
    for number in range(settings.rounds + 1):
        marker = bench.marker()
        for place, found in enumerate(rows.values()):
            found.append(_one(bench, marker, documents, bench.corpus.question(2 * number + place)))
    yield (
        str(settings.middle),
        {
            name: {key: spread([row[key] for row in found[1:]]) for key in found[0]}  # the first round warms up
            for name, found in rows.items()
        },
    )


def _one(bench: Workbench, marker: Marker, documents: Sequence[Document], question: str) -> dict[str, float]:
    with _timed_model(bench) as inside:
        bench.synchronize()
        began = time.perf_counter()
        marker.mark(documents, question)
        bench.synchronize()
        whole = time.perf_counter() - began
    outside = whole - inside.seconds
    return {"wall": whole, "inside_model": inside.seconds, "outside": outside, "share_outside": outside / whole, "passes": inside.passes}


@contextmanager
def _timed_model(bench: Workbench) -> Iterator[Inside]:
    """Hooks that also see a pass which an early exit ends. On a GPU the device is waited for, so that its work counts as the model's."""
    inside = Inside()

    def enter(*_: Any) -> None:
        bench.synchronize()
        inside.entered = time.perf_counter()

    def leave(*_: Any) -> None:
        bench.synchronize()
        inside.seconds += time.perf_counter() - inside.entered
        inside.passes += 1

    body = bench.model.base_model
    hooks = [body.register_forward_pre_hook(enter), body.register_forward_hook(leave, always_call=True)]
    try:
        yield inside
    finally:
        for hook in hooks:
            hook.remove()

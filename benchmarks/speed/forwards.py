"""Forward passes over the tokens that a marker reads: the floor below which no reading can go, and the usual way to see attention."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from benchmarks.speed.models import Shape
from benchmarks.speed.texts import QUESTION_TOKENS
from benchmarks.speed.timing import Contender
from benchmarks.speed.workbench import Reading, Workbench

FLOOR = "bare forward to the layer read"
BELOW = "bare forward to the layer below"
WHOLE = "bare forward, all layers"
EAGER = "eager maps to the layer read"
EAGER_WHOLE = "eager maps, all layers"
NAMES = (FLOOR, BELOW, WHOLE, EAGER, EAGER_WHOLE)


def forward(bench: Workbench, name: str, reading: Reading) -> Contender:
    """One of `NAMES` over the tokens of a reading.

    A marker stops inside the last of its layers: the floor runs that layer to its end, the one below does not run it at all.
    """
    depth = {FLOOR: reading.layers, BELOW: reading.layers - 1, EAGER: reading.layers}.get(name, bench.shape.layers)
    eager = name in (EAGER, EAGER_WHOLE)
    body = bench.bare(depth, "eager" if eager else "sdpa")
    note = f"{depth} of {bench.shape.layers} layers" + (", output_attentions=True" if eager else "")
    return Contender(name=name, run=(_eager if eager else _bare)(body, reading.ids), note=note)


def eager_bytes(shape: Shape, layers: int, tokens: int) -> int:
    """What eager attention holds at its peak: the maps of the layers, and beside them scores, mask and softmax of one layer."""
    return shape.heads * tokens**2 * ((layers + 1) * shape.dtype.itemsize + 8)


def why_not(needed: int, free: int) -> str | None:
    """The reason to leave a measurement out; `None` when there is none."""
    needed = int(1.15 * needed) + 2**30
    return f"needs about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free" if needed > free else None


def _bare(body: PreTrainedModel, ids: Tensor) -> Callable[[int], object]:
    def run(number: int) -> object:
        with torch.inference_mode():
            return body(input_ids=ids, use_cache=False).last_hidden_state

    return run


def _eager(body: PreTrainedModel, ids: Tensor) -> Callable[[int], object]:
    """All maps, then the mean of the question's rows, which is all that anybody wanted of them."""

    def run(number: int) -> object:
        with torch.inference_mode():
            maps = body(input_ids=ids, use_cache=False, output_attentions=True).attentions
            return torch.stack([layer[:, :, -QUESTION_TOKENS:].mean(dim=2) for layer in maps])

    return run

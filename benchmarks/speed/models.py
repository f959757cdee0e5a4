"""Random decoders in the shape of Qwen2, and bare copies of them that share their weights: what a benchmark needs no network for."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

POSITIONS = 65_536
"""More than any size that is measured, so that nobody here reads in windows."""
PEAKS = 3.0
"""Factor on query and key weights. Random attention is nearly uniform without it, and an error of a stored key would not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a model; vocabulary and positions included."""

    layers: int
    hidden: int
    inner: int
    heads: int
    key_heads: int
    vocabulary: int
    dtype: torch.dtype = torch.float32


SHAPES = {
    "cpu": Shape(layers=12, hidden=768, inner=3_072, heads=12, key_heads=4, vocabulary=32_000),
    "cuda": Shape(layers=24, hidden=896, inner=4_864, heads=14, key_heads=2, vocabulary=151_936, dtype=torch.bfloat16),
}
"""128 million parameters; 0.5 billion, exactly the shape of Qwen2.5-0.5B."""
QUICK = Shape(layers=6, hidden=192, inner=512, heads=4, key_heads=2, vocabulary=8_192)
"""Only shows that everything runs."""


def build_model(shape: Shape, device: str) -> PreTrainedModel:
    """The same random weights in every process."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
    )
    config._attn_implementation = "sdpa"
    model: Any = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                parameter.mul_(PEAKS)
    placed: PreTrainedModel = model.to(device=device, dtype=shape.dtype).eval()
    return placed


def bare_body(model: PreTrainedModel, layers: int, implementation: str = "sdpa") -> PreTrainedModel:
    """The model's first layers without the language model head, on the same weights, with a stock attention and a config of its own.

    Nothing that is done to the model's attention later reaches this copy.
    """
    shared = {id(parameter): parameter for parameter in model.parameters()}
    body: Any = copy.deepcopy(model.base_model, memo=dict(shared))
    body.layers = body.layers[:layers]
    body.config.num_hidden_layers = layers
    body.config.layer_types = body.config.layer_types[:layers]
    body.set_attn_implementation(implementation)
    stock: PreTrainedModel = body
    return stock


def key_value_bytes(shape: Shape, layers: int) -> int:
    """Bytes of keys and values of one token, as the model computes them."""
    return 2 * layers * shape.key_heads * (shape.hidden // shape.heads) * shape.dtype.itemsize

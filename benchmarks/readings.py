"""The ways to get at a decoder's attention that are compared, over one random model that each process builds alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from attngs.attention import AttentionReader, _Probe
from attngs.attention_function import installed, observed_by
from attngs.scorers.attention import AttentionConfig
from attngs.token_batch import TokenBatch
from benchmarks.machine import free_memory

BARE = "bare forward"
ALL = "attngs, 12 layers"
NO_EXIT = "attngs, 12 layers, no exit"
ONE = "attngs, 1 layer, early exit"
EAGER = "eager, all maps"
METHODS = (BARE, NO_EXIT, ALL, ONE, EAGER)

PROBE_ROWS = 32
LAYERS, HEADS, VOCABULARY = 12, 12, 32_000
SENTENCE = 25
"""Tokens of a sentence in the random text."""


def build_model() -> PreTrainedModel:
    """128 million random parameters in the shape of Qwen2: 768 wide, 12 layers, 12 heads on 4 key heads."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=4,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
    )
    config._attn_implementation = "sdpa"
    model: PreTrainedModel = Qwen2ForCausalLM(config)
    model.eval()
    return model


def build_batch(tokens: int) -> TokenBatch:
    """Random tokens cut into even sentences; the last 32 positions are the question and the probe."""
    generator = torch.Generator().manual_seed(tokens)
    context = tokens - PROBE_ROWS
    sentences = -(-context // SENTENCE)
    owner = torch.full((1, tokens), sentences)
    owner[0, :context] = torch.arange(context) // SENTENCE
    return TokenBatch(
        input_ids=torch.randint(0, VOCABULARY, (1, tokens), generator=generator),
        attention_mask=torch.ones(1, tokens, dtype=torch.long),
        owner=owner,
        rows=torch.arange(context, tokens)[None],
        row_weights=torch.full((1, PROBE_ROWS), 1 / PROBE_ROWS),
        n_sentences=sentences,
    )


def default_layer(depth: int) -> int:
    """The layer that attngs reads of a decoder unless told otherwise."""
    return round(AttentionConfig().layers[0] * (depth - 1))


class Readings:
    """Each method as a function of a batch; all run the body of one model, without the language model head."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.reader = AttentionReader(model)
        self.methods: dict[str, Callable[[TokenBatch], object]] = {
            BARE: self._bare,
            NO_EXIT: self._to_the_end,
            ALL: lambda batch: self.reader.read(batch, range(LAYERS)),
            ONE: lambda batch: self.reader.read(batch, [default_layer(LAYERS)]),
            EAGER: self._eager,
        }

    def _bare(self, batch: TokenBatch) -> object:
        with torch.inference_mode():
            return self.model.base_model(input_ids=batch.input_ids).last_hidden_state

    def _to_the_end(self, batch: TokenBatch) -> object:
        """Reading alone: the product stops inside the last wanted layer and so saves most of it; here the whole body runs."""
        probe = _Probe(batch=batch, wanted=frozenset(range(LAYERS + 1)), first=0)  # one more than there are: nothing ends the pass
        with installed(self.model), observed_by(probe), torch.inference_mode():
            self.model.base_model(input_ids=batch.input_ids)
        return torch.stack([probe.mass[layer] for layer in range(LAYERS)])

    def _eager(self, batch: TokenBatch) -> object:
        """All maps, then the mean of the probe rows, which is all that anybody wanted of them."""
        self.model.set_attn_implementation("eager")
        try:
            with torch.inference_mode():
                maps = self.model.base_model(input_ids=batch.input_ids, output_attentions=True).attentions
                return torch.stack([layer[:, :, batch.rows[0]].mean(dim=2) for layer in maps])
        finally:
            self.model.set_attn_implementation("sdpa")


def eager_bytes(tokens: int) -> int:
    """What eager attention holds at its peak: the maps of all layers, and three temporary ones of one layer."""
    return (LAYERS + 3) * HEADS * tokens**2 * 4


def why_not(method: str, tokens: int) -> str | None:
    """The reason to leave a measurement out; `None` when there is none."""
    if method != EAGER:
        return None
    needed, free = 1.15 * eager_bytes(tokens) + 2**30, free_memory()
    return f"needs about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free" if needed > free else None

"""One forward pass -> how much attention a few rows of the attention matrix pay to every sentence.

While a layer attends, the softmax of these few rows (the literature calls them probe rows) is computed beside the stock kernel and summed
per sentence at once. The T x T attention matrix never exists, no module is hooked or patched, and an early exit costs one exception.

Shapes, here and everywhere: **B** batch, **L** layers, **H** query heads, **R** rows read, **T** tokens, **S** sentences, **D** head size.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attngs.errors import UnsupportedModelError
from attngs.reading.anatomy import position_table, text_part
from attngs.reading.attention_function import IMPLEMENTATION, installed, is_causal_layer, observed_by
from attngs.reading.attention_rows import attention_rows
from attngs.reading.failures import model_failures

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attngs.reading.key_values import Past
    from attngs.reading.token_batch import TokenBatch


class AttentionReader:
    """Reads the attention of one loaded model.

    Layers have two numbers. A *readable layer* is counted among those with softmax attention, in the order in which a pass meets them; a
    *depth* is the layer's place among all. `depths` leads from the first to the second; each layer attends once, or the model is refused.

    Creating a reader runs the model once on four tokens, to see which layers really have softmax attention. Many threads may read at once,
    also beside forward passes of others on the same model; those get no attention maps while a read is under way. Between reads the
    model's own attention implementation is in force.

    Attributes:
        model: What is read: the model, or its text part.
        depths: Place in the network of each readable layer, in order; hybrid models have gaps here.
        heads: Query heads of each readable layer.
        causal: Whether a token sees only those before it.
        windows: How many tokens back the layer at each depth sees, where that is not all.

    Raises:
        UnsupportedModelError: The model has no attention that can be read exactly.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        name = model.config.model_type
        if model.config.is_encoder_decoder:
            raise UnsupportedModelError(
                f"`{name}` is an encoder-decoder, where context and question share no attention. "
                "Use a decoder-only or an encoder-only model, or `Marker.default()`."
            )
        model = text_part(model)
        own = model.config._attn_implementation
        if own not in ("sdpa", "eager", IMPLEMENTATION):
            raise UnsupportedModelError(
                f"`{name}` runs `{own}`, whose masks cannot be shared with a reader. Call `model.set_attn_implementation('sdpa')` first: "
                "SDPA uses flash kernels as well."
            )
        self.model = model
        self._body: nn.Module = model.base_model  # without the language model head: logits are not needed
        taken = inspect.signature(self._body.forward).parameters
        self._takes_positions = "position_ids" in taken
        self._takes_cache = "use_cache" in taken
        table = position_table(model)
        self._first_position = table.first if table else 0
        survey = _Survey()
        try:
            with installed(model), observed_by(survey), torch.inference_mode():
                self._body(input_ids=torch.tensor([[0, 1, 2, 3]], device=model.device))  # ids that every vocabulary has
        except ValueError as error:
            raise UnsupportedModelError(
                f"`{name}` cannot change its attention: {error} Use `Marker.default()` or another model."
            ) from error
        if not survey.depths:
            raise UnsupportedModelError(
                f"`{name}` does not route its attention through transformers' AttentionInterface, so it cannot be read. Use a family "
                "that does (Llama, Qwen, Mistral, Gemma, Phi, GPT-2, BERT, ModernBERT, ...), or `Marker.default()`."
            )
        if len(set(survey.depths)) < len(survey.depths):
            raise UnsupportedModelError(
                f"`{name}` attends more than once in a layer, and nobody says which of them to read. Use another model, or "
                "`Marker.default()`."
            )
        self.depths = tuple(survey.depths)
        self.heads = tuple(survey.heads)
        self.causal = all(survey.causal)
        self.windows = dict(zip(survey.depths, survey.windows, strict=True))

    def read(self, batch: TokenBatch, layers: Sequence[int], past: Past | None = None) -> Tensor:
        """Run the model up to the highest wanted layer and sum the rows' attention per sentence.

        Args:
            batch: Token ids with the owner of each token and the rows to read.
            layers: Which readable layers, as indices into `depths`; also the order of the result's layers.
            past: What was read of the batch's first tokens already; only the other tokens run, and the past takes them up. All rows to
                read are among those others.

        Returns:
            Attention mass `(B, L, H, S)` in float32 on the CPU: the weighted mean over the rows. Every row's softmax runs over the whole
            sequence, so a sum over S is at most 1; the rest lies on the instruction, the question and attention sinks. A text whose
            attention is not a number has NaN.

        Raises:
            OutOfMemoryError: The pass did not fit.
            ModelError: The forward pass failed.
            UnsupportedModelError: A wanted layer was not reached, or the wanted layers differ in their number of heads.
        """
        with model_failures(self.model, tuple(batch.input_ids.shape)), torch.inference_mode():
            return self._mass(batch, layers, past, torch.device("cpu"))

    def read_with_gradient(self, batch: TokenBatch, layers: Sequence[int]) -> Tensor:
        """`read` for training: the same numbers on the model's device with their graph, even in training.

        Dropout of attention probabilities, where a model has it, changes what the layers compute, not the attention that is returned.

        Raises:
            UnsupportedModelError: As for `read`. Errors of torch come through unchanged.
        """
        return self._mass(batch, layers, None, self.model.device)

    def _mass(self, batch: TokenBatch, layers: Sequence[int], past: Past | None, device: torch.device) -> Tensor:
        name = self.model.config.model_type
        if len({self.heads[layer] for layer in layers}) != 1:
            raise UnsupportedModelError(f"layers {list(layers)} of `{name}` differ in their number of heads; choose layers of one kind.")
        found = _Sums(batch.to(self.model.device), frozenset(layers), first=past.get_seq_length() if past else 0)
        self._run(self._inputs(found.batch, past), found)
        if missing := [layer for layer in layers if layer not in found.mass]:
            raise UnsupportedModelError(f"layers {missing} of `{name}` were not reached; its attention layers change between calls.")
        return torch.stack([found.mass[layer].to(device) for layer in layers], dim=1)  # (B, L, H, S)

    def prefill(self, input_ids: Tensor, past: Past) -> None:
        """Let the past take up tokens `(B, t)`; no attention is read.

        Raises:
            OutOfMemoryError: The pass did not fit.
            ModelError: The forward pass failed.
        """
        inputs = {"input_ids": input_ids.to(self.model.device), "past_key_values": past, "use_cache": True}
        with model_failures(self.model, tuple(input_ids.shape)), torch.inference_mode():
            self._run(inputs, _Stop(len(past.layers) - 1))

    def _run(self, inputs: dict[str, Any], observer: _Sums | _Stop) -> None:
        with suppress(_NothingMoreWanted), installed(self.model), observed_by(observer):
            self._body(**inputs)

    def _inputs(self, batch: TokenBatch, past: Past | None) -> dict[str, Any]:
        """Arguments of the forward call, with a mask only where needed: without, SDPA has its fastest kernel.

        Right padding needs no mask in a causal model, where no real token looks right.
        """
        if past is not None:  # causal, and never padded on the left
            return {"input_ids": batch.input_ids[:, past.get_seq_length() :], "past_key_values": past, "use_cache": True}
        inputs: dict[str, Any] = {"input_ids": batch.input_ids}
        if self._takes_cache:
            inputs["use_cache"] = False  # or the model would keep the keys and values of every layer until the end
        if batch.token_type_ids is not None:
            inputs["token_type_ids"] = batch.token_type_ids
        mask = batch.attention_mask
        left_padded = not bool(mask[:, 0].all())
        if left_padded or not (self.causal or bool(mask.all())):
            inputs["attention_mask"] = mask
        if left_padded and self._takes_positions:
            inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0) + self._first_position  # real tokens only count
        return inputs


class _NothingMoreWanted(Exception):
    """Leaves the forward pass: no layer above is wanted."""


@dataclass
class _Survey:
    """Records which layers call the attention function, in the order of the forward pass."""

    depths: list[int] = field(default_factory=list[int])
    heads: list[int] = field(default_factory=list[int])
    causal: list[bool] = field(default_factory=list[bool])
    windows: list[int | None] = field(default_factory=list[int | None])

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None:
        place = getattr(module, "layer_idx", None)
        self.depths.append(len(self.depths) if place is None else int(place))
        self.heads.append(query.shape[1])
        self.causal.append(is_causal_layer(module, settings))
        self.windows.append(settings.get("sliding_window"))  # what the layer says, not the config: some models ignore theirs


@dataclass
class _Stop:
    """Ends the forward pass in the last layer whose keys are wanted."""

    top: int

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None:
        if module.layer_idx == self.top:
            raise _NothingMoreWanted


@dataclass
class _Sums:
    """Sums the rows' attention per sentence in the wanted layers, then ends the forward pass."""

    batch: TokenBatch
    wanted: frozenset[int]
    first: int
    """Tokens of the batch that were read before this pass."""
    mass: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    calls: int = 0

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None:
        layer, self.calls = self.calls, self.calls + 1
        if layer not in self.wanted:
            return
        batch = self.batch.to(query.device)  # a model may be spread over several devices
        attention = attention_rows(
            query,
            key,
            batch.rows - self.first,
            batch.row_weights,
            mask=settings["attention_mask"],
            scaling=settings["scaling"],
            causal=is_causal_layer(module, settings),
            softcap=settings.get("softcap"),
            sinks=settings.get("s_aux"),
            position_bias=settings.get("position_bias"),
        )  # (B, H, K), the last K of the T tokens: behind a past, a sliding layer has its window only
        owner = batch.owner[:, None, -key.shape[2] :].expand_as(attention)  # (B, H, K)
        size = batch.n_sentences
        bins = attention.new_zeros(*attention.shape[:2], size + 1)  # the last bin takes what belongs to no sentence
        self.mass[layer] = bins.scatter_add_(-1, owner, attention)[..., :size]  # (B, H, S)
        if len(self.mass) == len(self.wanted):
            raise _NothingMoreWanted

"""One forward pass -> how much attention the probe rows pay to every sentence. The only file that knows a model's inside.

A model's attention layers look their attention function up by name in transformers' `AttentionInterface`. attngs registers one under its
own name: it computes the softmax rows of the few *probe* positions, sums them per sentence at once, and leaves the layer itself to the
stock SDPA kernel. The N x N attention matrix never exists, no module is hooked or patched, and an early exit costs one exception.

Shapes, here and everywhere: **B** batch, **L** layers, **H** query heads, **R** probe rows, **T** tokens, **S** sentences, **D** head size.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from attngs.attention_rows import attend_in_blocks, attention_rows
from attngs.errors import ModelError, UnsupportedModelError
from attngs.positions import position_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attngs.segments import TokenBatch

IMPLEMENTATION = "attngs"


class AttentionReader:
    """Reads the attention of one loaded model.

    Creating it runs the model once on four tokens, to see which of its layers really have softmax attention. Reading is safe from many
    threads at once, also beside forward passes of others on the same model; only attention maps are not returned to those while a read is
    under way. Whenever none is, the model's own attention implementation is in force.

    Attributes:
        depths: Place in the network of each readable layer, in order; hybrid models have gaps here.
        heads: Query heads of each readable layer.
        causal: Whether a token sees only those before it.

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
        own = model.config._attn_implementation
        if own not in ("sdpa", "eager", IMPLEMENTATION):
            raise UnsupportedModelError(
                f"`{name}` runs `{own}`, whose masks cannot be shared with a reader. Call `model.set_attn_implementation('sdpa')` first: "
                "SDPA uses flash kernels as well."
            )
        self.model = model
        self._body: nn.Module = model.base_model  # without the language model head: logits are not needed
        self._takes_positions = "position_ids" in inspect.signature(self._body.forward).parameters
        table = position_table(model)
        self._first_position = table.first if table else 0
        survey = _Survey()
        try:
            with _installed(model), _observed_by(survey), torch.inference_mode():
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
        self.depths = tuple(survey.depths)
        self.heads = tuple(survey.heads)
        self.causal = all(survey.causal)

    def read(self, batch: TokenBatch, layers: Sequence[int]) -> Tensor:
        """Run the model up to the highest wanted layer and sum the probe rows' attention per sentence.

        Args:
            batch: Token ids with the owner of each token and the probe rows.
            layers: Which readable layers, as indices into `depths`; also the order of the result's layers.

        Returns:
            Attention mass `(B, L, H, S)` in float32 on the CPU: the weighted mean over the probe rows. Every row's softmax runs over
            the whole sequence, so a sum over S is at most 1; the rest lies on the instruction, the question and attention sinks.

        Raises:
            ModelError: The forward pass failed, or the attention is not a number.
            UnsupportedModelError: A wanted layer was not reached, or the wanted layers differ in their number of heads.
        """
        name = self.model.config.model_type
        if len({self.heads[layer] for layer in layers}) != 1:
            raise UnsupportedModelError(f"layers {list(layers)} of `{name}` differ in their number of heads; choose layers of one kind.")
        batch = batch.to(self.model.device)
        probe = _Probe(batch=batch, wanted=frozenset(layers))
        try:
            with _installed(self.model), _observed_by(probe), torch.inference_mode():
                self._body(**self._inputs(batch))
        except _EveryWantedLayerRead:
            pass
        except (RuntimeError, IndexError) as error:
            raise ModelError(
                f"`{name}` failed on {tuple(batch.input_ids.shape)} tokens: {error}. If memory ran out, pass a smaller `window`."
            ) from error
        if missing := [layer for layer in layers if layer not in probe.mass]:
            raise UnsupportedModelError(f"layers {missing} of `{name}` were not reached; its attention layers change between calls.")
        mass = torch.stack([probe.mass[layer] for layer in layers], dim=1).cpu()  # (B, L, H, S)
        if not torch.isfinite(mass).all():
            raise ModelError(
                f"the attention of `{name}` is not a number in {self.model.dtype}: the weights are damaged, or the format is too narrow. "
                "Load it with `dtype=torch.float32`."
            )
        return mass

    def _inputs(self, batch: TokenBatch) -> dict[str, Tensor]:
        """Arguments of the forward call. A mask is passed only where it changes something: without one, SDPA keeps its fastest kernel.

        Right padding needs none in a causal model, where no real token looks right.
        """
        inputs = {"input_ids": batch.input_ids}
        if batch.token_type_ids is not None:
            inputs["token_type_ids"] = batch.token_type_ids
        mask = batch.attention_mask
        left_padded = not bool(mask[:, 0].all())
        if left_padded or not (self.causal or bool(mask.all())):
            inputs["attention_mask"] = mask
        if left_padded and self._takes_positions:
            inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0) + self._first_position  # real tokens only count
        return inputs


class _EveryWantedLayerRead(Exception):
    """Leaves the forward pass: no layer above is wanted."""


class _Observer(Protocol):
    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None: ...


@dataclass
class _Survey:
    """Notes which layers call the attention function, in the order of the forward pass."""

    depths: list[int] = field(default_factory=list[int])
    heads: list[int] = field(default_factory=list[int])
    causal: list[bool] = field(default_factory=list[bool])

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None:
        self.depths.append(int(getattr(module, "layer_idx", None) or len(self.depths)))
        self.heads.append(query.shape[1])
        self.causal.append(_is_causal(module, settings))


@dataclass
class _Probe:
    """Sums the probe rows' attention per sentence in the wanted layers, then ends the forward pass."""

    batch: TokenBatch
    wanted: frozenset[int]
    mass: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    calls: int = 0

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None:
        layer, self.calls = self.calls, self.calls + 1
        if layer not in self.wanted:
            return
        attention = attention_rows(
            query,
            key,
            self.batch.rows,
            self.batch.row_weights,
            mask=settings["attention_mask"],
            scaling=settings["scaling"],
            causal=_is_causal(module, settings),
            softcap=settings.get("softcap"),
            sinks=settings.get("s_aux"),
            position_bias=settings.get("position_bias"),
        )  # (B, H, T)
        owner = self.batch.owner[:, None].expand_as(attention)  # (B, H, T)
        size = self.batch.n_sentences
        bins = attention.new_zeros(*attention.shape[:2], size + 1)  # the last bin takes what belongs to no sentence
        self.mass[layer] = bins.scatter_add_(-1, owner, attention)[..., :size]  # (B, H, S)
        if len(self.mass) == len(self.wanted):
            raise _EveryWantedLayerRead


_observer: ContextVar[_Observer | None] = ContextVar("attngs_observer", default=None)


@contextmanager
def _observed_by(observer: _Observer) -> Iterator[None]:
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def _is_causal(module: nn.Module, settings: dict[str, Any]) -> bool:
    given = settings.get("is_causal")
    return bool(getattr(module, "is_causal", True) if given is None else given)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """The registered attention function: observe, then attend as SDPA would.

    Soft caps and sinks change the softmax in ways that SDPA cannot; those layers run in blocks of rows, still without an N x N matrix.
    """
    if (observer := _observer.get()) is not None:
        observer.observe(module, query, key, attention_mask=attention_mask, scaling=scaling, **settings)
    softcap, sinks = settings.get("softcap"), settings.get("s_aux")
    if softcap is None and sinks is None:
        output: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **settings
        )
        return output
    causal = _is_causal(module, settings)
    attended = attend_in_blocks(query, key, value, mask=attention_mask, scaling=scaling, causal=causal, softcap=softcap, sinks=sinks)
    return attended.transpose(1, 2).contiguous(), None  # (B, T, H, D)


def _mask(*sizes: Any, **settings: Any) -> Tensor | None:
    """The mask that goes with `_attention`; without one under our name transformers would pass none at all, silently.

    A forward pass of somebody else that meets ours in force may finish under the model's own attention. It gets the full additive mask,
    which SDPA and eager attention read alike.
    """
    mask: Tensor | None = (sdpa_mask if _observer.get() is not None else eager_mask)(*sizes, **settings)
    return mask


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)

_lock = threading.Lock()
_readers: WeakKeyDictionary[nn.Module, tuple[int, dict[str, str]]] = WeakKeyDictionary()


@contextmanager
def _installed(model: PreTrainedModel) -> Iterator[None]:
    """Put our attention function in force; the last of several overlapping reads puts the model's own back, exception or not."""
    with _lock:
        count, own = _readers.get(model, (0, {}))
        if count == 0:
            own = _implementations(model)
            model.set_attn_implementation(IMPLEMENTATION)
        _readers[model] = (count + 1, own)
    try:
        yield
    finally:
        with _lock:
            count, own = _readers.pop(model)
            if count > 1:
                _readers[model] = (count - 1, own)
            else:
                model.set_attn_implementation(own)


def _implementations(model: PreTrainedModel) -> dict[str, str]:
    """The attention implementation of a model and of its parts (a vision tower may have its own)."""
    parts = {name: getattr(model.config, name, None) for name in model.config.sub_configs}
    return {"": model.config._attn_implementation} | {n: c._attn_implementation for n, c in parts.items() if c is not None}

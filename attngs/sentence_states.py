"""An encoder's hidden states of every sentence, read without the question and kept: each further question costs only its own tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from attngs.context_cache import CacheInfo, ContextCache
from attngs.encoding import TextEncoder
from attngs.errors import ModelError, UnsupportedModelError
from attngs.loading import LoadedModel
from attngs.progress import track

BATCH_TOKENS = 4_096
"""Tokens, padding included, of one forward pass over many sentences."""


class SentenceStates:
    """Token states of single sentences, in half precision, by content.

    Args:
        loaded: An encoder.
        cache_bytes: Bound of the cache; a MiniLM state takes 768 bytes a token.

    Raises:
        UnsupportedModelError: The model is a decoder, whose states know only what stood before them.
    """

    def __init__(self, loaded: LoadedModel, *, cache_bytes: int = 256 * 2**20) -> None:
        if loaded.causal:
            raise UnsupportedModelError(f"`{loaded.name}` is a decoder; sentence states need an encoder. Use `AttentionScorer` with it.")
        self._model = loaded.model
        self._encoder = TextEncoder(loaded.tokenizer)
        self._begin = self._encoder.encode_template(loaded.tokenizer.cls_token or "")
        self._end = self._encoder.encode_template(loaded.tokenizer.sep_token or "")
        self._room = loaded.window - len(self._begin) - len(self._end)
        self._cache: ContextCache[Tensor] = ContextCache(cache_bytes)

    def states(self, texts: Sequence[str]) -> list[Tensor]:
        """One `(T, D)` tensor a text, every row of length 1; a text without tokens has no rows.

        A text longer than the model's window is read in parts.
        """
        return self._cache.remember(texts, self._read, size=lambda state: state.nbytes)

    def cache_info(self) -> CacheInfo:
        """How often a sentence was there already, and how much is kept."""
        return self._cache.info()

    def _read(self, texts: Sequence[str]) -> list[Tensor]:
        encoded = [text.ids.tolist() for text in self._encoder.encode(texts)]
        parts = [(number, ids[i : i + self._room]) for number, ids in enumerate(encoded) for i in range(0, len(ids), self._room)]
        by_length = sorted(range(len(parts)), key=lambda i: len(parts[i][1]))
        states: dict[int, Tensor] = {}
        for batch in track(list(_batches(by_length, [len(ids) for _, ids in parts])), "reading"):
            states |= dict(zip(batch, self._forward([parts[i][1] for i in batch]), strict=True))
        pieces: list[list[Tensor]] = [[] for _ in texts]
        for i, (number, _) in enumerate(parts):
            pieces[number].append(states[i])
        width = self._model.config.get_text_config().hidden_size
        return [torch.cat(piece) if piece else torch.empty(0, width, dtype=torch.float16) for piece in pieces]

    @torch.inference_mode()
    def _forward(self, rows: Sequence[list[int]]) -> Iterator[Tensor]:
        framed = [torch.tensor([*self._begin, *row, *self._end]) for row in rows]
        ids = torch.nn.utils.rnn.pad_sequence(framed, batch_first=True)  # (B, T); padding is masked, so its id is free
        lengths = torch.tensor([len(row) for row in framed])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        device = self._model.device
        hidden = self._model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        if not torch.isfinite(hidden).all():
            raise ModelError("the encoder's states are not numbers: its weights are damaged, or `dtype` is too narrow; load it in float32.")
        unit = torch.nn.functional.normalize(hidden.float(), dim=-1).half().cpu()  # (B, T, D)
        for state, row in zip(unit, rows, strict=True):
            yield state[len(self._begin) : len(self._begin) + len(row)].clone()


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Neighbours in length, so that little is padding."""
    batch = list[int]()
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch

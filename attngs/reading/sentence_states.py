"""An encoder's states of every sentence, read without the question and kept for the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import uuid4

import torch
from torch import Tensor

from attngs.errors import ModelError, UnsupportedModelError
from attngs.reading.anatomy import weights_version
from attngs.reading.batches import Outcome, in_batches
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.reading.encoding import TextEncoder
from attngs.reading.failures import model_failures
from attngs.reading.loading import LoadedModel
from attngs.types import ScoreRequest, Warmth

ENTRY_BYTES = 1_024
"""What a kept state takes beside its numbers, about: the tensor object, its key, and the allocator's rounding."""


class SentenceStates:
    """Token states of single sentences, in half precision, kept by content.

    Args:
        loaded: An encoder.
        cache: Where states are kept; a MiniLM state takes 768 bytes a token.

    Attributes:
        cache: As given, or its own; scorers that use the states keep what they read there too.
        width: Numbers of a token's state.

    Raises:
        UnsupportedModelError: The model is a decoder, whose states know only the text before them.
    """

    def __init__(self, loaded: LoadedModel, *, cache: ContextCache | None = None) -> None:
        if loaded.causal:
            raise UnsupportedModelError(f"`{loaded.name}` is a decoder; sentence states need an encoder. Use `AttentionScorer` with it.")
        self._model = loaded.model
        self._encoder = TextEncoder(loaded.tokenizer)
        self._begin = self._encoder.encode_template(loaded.tokenizer.cls_token or "")
        self._end = self._encoder.encode_template(loaded.tokenizer.sep_token or "")
        self._room = loaded.window - len(self._begin) - len(self._end)
        self._max_batch_tokens = loaded.max_batch_tokens
        self.cache = cache or ContextCache()
        self.width = loaded.model.config.get_text_config().hidden_size
        self._salt = uuid4().bytes  # states are this model's
        self._own: dict[tuple[str, ...], tuple[bytes, Tensor]] = {}
        self._version = b""  # of the weights, when they were last looked at

    def states(self, texts: Sequence[str], namespace: str = "") -> list[Tensor]:
        """One `(T, D)` tensor a text, every row of length 1; a text without tokens has no rows.

        A text longer than the model's window is read in parts.

        Raises:
            ModelError: The encoder failed.
        """
        return self._remember([(namespace, text) for text in texts])

    def key(self, namespace: str, *parts: str | bytes) -> Key:
        """The key of what is made of states that were read a moment ago; `parts` name it."""
        return Key(namespace, digest(b"made of states", self._salt, self._version, *parts))

    def recall(self, texts: Sequence[str], namespace: str, load: Callable[[list[int]], Sequence[Tensor | None]]) -> None:
        """Have `states` find what this encoder read of texts before, perhaps in another process.

        Weights are looked at as by `just_read`.

        Args:
            texts: The texts.
            namespace: Whose they are.
            load: From the positions of texts that are not in the cache to their states, as `states` returned them; `None` has the text
                read.

        Raises:
            ModelError: The encoder failed.
        """

        def known(missing: list[int]) -> list[Tensor]:
            loaded = load(missing)
            unknown = [i for i, state in zip(missing, loaded, strict=True) if state is None]
            read = iter(self._read([texts[i] for i in unknown]))
            return [next(read) if state is None else state for state in loaded]

        self.cache.remember(self._keys([(namespace, text) for text in texts], self._version), known, size=_size)

    def just_read(self, texts: Sequence[str], namespace: str) -> list[Tensor]:
        """`states` of texts that were read a moment ago; the weights are not looked at again."""
        return self._remember([(namespace, text) for text in texts], self._version)

    def of_own(self, texts: tuple[str, ...]) -> Tensor:
        """The sums `(S, D)` of the states of texts of attngs' own, which are read once for all.

        They are read again for weights that `states` saw change. They are nobody's, so no namespace has them, and they are forgotten with
        the encoder.

        Raises:
            ModelError: The encoder failed.
        """
        known = self._own.get(texts)
        if known is None or known[0] != self._version:
            states = self._read(texts)
            known = self._own[texts] = self._version, torch.stack([state.float().sum(dim=0) for state in states])
        return known[1]

    def of_request(self, request: ScoreRequest) -> list[Tensor]:
        """The states of the question, then of each sentence; see `states`."""
        return self.states(_texts(request), request.namespace)

    def prefetch(self, requests: Sequence[ScoreRequest]) -> None:
        """Read what is new of several requests together, so that each finds it in the cache.

        If the encoder fails, nothing is raised here: each request then meets its own error.
        """
        if len(requests) > 1 and self.cache.max_bytes:
            with suppress(ModelError):
                self._remember([(request.namespace, text) for request in requests for text in _texts(request)])

    def kept(self, texts: Sequence[str], namespace: str) -> int:
        """Tokens of those texts that are in the cache."""
        keys = self._keys([(namespace, text) for text in texts])
        found = self.cache.get_all(keys)
        return sum(len(found[key]) for key in keys if key in found)

    def warm(self, texts: Sequence[str], namespace: str) -> Warmth:
        """Read texts before the first question.

        Raises:
            ModelError: The encoder failed.
        """
        states = self.states(texts, namespace)
        return Warmth(tokens=sum(map(len, states)), kept=self.kept(texts, namespace), bytes=sum(state.nbytes for state in states))

    def states_with_gradient(self, texts: Sequence[str]) -> list[Tensor]:
        """`states` for training: float32, on the model's device, with their graph; nothing is kept.

        Raises:
            ModelError: The encoder failed.
        """
        nothing = torch.empty(0, self.width, device=self._model.device)
        return self._in_parts(texts, self._normalised, nothing)

    def _remember(self, texts: Sequence[tuple[str, str]], version: bytes = b"") -> list[Tensor]:
        """The states of each `(namespace, text)` by weights of a version, from the cache or read together."""

        def read(missing: list[int]) -> list[Tensor]:
            return self._read([texts[i][1] for i in missing])

        return self.cache.remember(self._keys(texts, version), read, size=_size)

    def _read(self, texts: Sequence[str]) -> list[Tensor]:
        """The states of texts, read now."""
        return self._in_parts(texts, self._forward, torch.empty(0, self.width, dtype=torch.float16))

    def _keys(self, texts: Sequence[tuple[str, str]], version: bytes = b"") -> list[Key]:
        self._version = version = version or weights_version(self._model)
        root = digest(b"states", self._salt, version)
        return [Key(namespace, digest(root, text)) for namespace, text in texts]

    def _in_parts(
        self, texts: Sequence[str], forward: Callable[[list[list[int]]], Sequence[Outcome[Tensor]]], nothing: Tensor
    ) -> list[Tensor]:
        """The states of each text by one kind of pass; `nothing` for a text without tokens."""
        parts = self._parts(texts)
        states = in_batches(
            [len(ids) for _, ids in parts],
            lambda batch, spare: list(forward([parts[i][1] for i in batch])),  # a sentence cannot be read in parts
            max_batch_tokens=self._max_batch_tokens,
        )
        pieces: list[list[Tensor]] = [[] for _ in texts]
        for (number, _), state in zip(parts, states, strict=True):
            if isinstance(state, ModelError):
                raise state
            pieces[number].append(state)
        return [torch.cat(piece) if piece else nothing for piece in pieces]

    def _parts(self, texts: Sequence[str]) -> list[tuple[int, list[int]]]:
        """The pieces that fit the window, one text or a part of one: the text's number and the token ids."""
        encoded = [text.ids.tolist() for text in self._encoder.encode(texts)]
        return [(number, ids[i : i + self._room]) for number, ids in enumerate(encoded) for i in range(0, len(ids), self._room)]

    def _forward(self, rows: Sequence[list[int]]) -> list[Outcome[Tensor]]:
        shape = (len(rows), len(self._begin) + max(map(len, rows)) + len(self._end))
        with model_failures(self._model, shape), torch.inference_mode():
            return [self._checked(state.half().cpu()) for state in self._normalised(rows)]

    def _normalised(self, rows: Sequence[list[int]]) -> list[Tensor]:
        """States `(T, D)` of each row of ids, without the special tokens, every one of length 1."""
        framed = [torch.tensor([*self._begin, *row, *self._end]) for row in rows]
        ids = torch.nn.utils.rnn.pad_sequence(framed, batch_first=True)  # (B, T); padding is masked, so its id is free
        lengths = torch.tensor([len(row) for row in framed])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        device = self._model.device
        hidden = self._model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        states = torch.nn.functional.normalize(hidden.float(), dim=-1)  # (B, T, D)
        return [state[len(self._begin) :][: len(row)] for state, row in zip(states, rows, strict=True)]

    def _checked(self, state: Tensor) -> Outcome[Tensor]:
        if torch.isfinite(state).all():
            return state
        return ModelError("the encoder's states are not numbers: its weights are damaged, or `dtype` is too narrow; load it in float32.")


def _size(state: Tensor) -> int:
    """What a state takes in the cache."""
    return state.nbytes + ENTRY_BYTES


def _texts(request: ScoreRequest) -> list[str]:
    return [request.query, *(sentence.text for sentence in request.sentences)]

"""Features of an encoder's cached sentence states: late attention, similarity and closest words, at every scale.

Every sentence was encoded once, without the question; sums and maxima over neighbours give the other scales, so that a further question
costs one product of its own states with those that are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from attngs.errors import ModelError
from attngs.scales import SCALES, Floats, Layout, standardised
from attngs.scorers.batch import attempt_each
from attngs.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence, Warmth
from attngs.words import mostly_latin

TEMPERATURE = 0.1
"""Of late attention, as in `LateAttentionScorer`."""

SHARP = 0.05
"""Temperature of a similarity's share in the context: how alone it is at the top."""

TAIL = 24
"""Tokens at the end of the question that are compared by themselves."""

ROWS = 64
"""Tokens of the question that are compared at once; bounds memory for a question as long as a conversation."""


class EncoderFeatures:
    """Late attention, cosine of mean states, and closest words (the mean over the question's tokens of the best match, as in ColBERT).

    z-scores over the context, named by scale; `...absolute` are the similarities themselves, which mean the same in every context, and
    `...lead` how far they are below the best. `other.*` repeat three of them for questions in another script than Latin, and are 0 for
    the rest: an English encoder is worth less there.

    Args:
        states: The encoder; share it with scorers and each sentence is read once.
    """

    def __init__(self, states: SentenceStates) -> None:
        self._states = states
        self.names: tuple[str, ...] = (
            *(f"{kind}.{scale}" for scale in SCALES for kind in ("late", "cosine", "closest")),
            *("cosine.absolute", "closest.absolute", "cosine.document.absolute", "closest.document.absolute"),
            *("cosine.lead", "cosine.share", "closest.lead", "cosine.before", "cosine.after", "cosine.best", "cosine.context"),
            *("cosine.centred", "cosine.feedback", "cosine.tail", "cosine.passage_best"),
            *("other.late", "other.cosine", "other.closest"),
        )

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or the error that it met; what is not kept yet is read together."""
        if len(requests) > 1:
            with suppress(ModelError):  # each request meets its own below
                self._states.prefetch([(request.namespace, text) for request in requests for text in _texts(request)])
        return attempt_each(self._read, requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before it is asked about."""
        return self._states.warm([sentence.text for sentence in sentences], namespace)

    def _read(self, request: ScoreRequest) -> Floats:
        asked, *context = self._states.states(_texts(request), request.namespace)
        layout = Layout.of(request.sentences)
        tokens = np.array([len(state) for state in context], dtype=np.float64)
        if not len(asked) or not tokens.any():
            return np.zeros((len(context), len(self.names)))
        asked, keys = asked.float(), torch.cat(list(context)).float()  # (R, D), (T, D)
        owner = torch.repeat_interleave(torch.arange(len(context)), torch.tensor([len(state) for state in context]))
        attention, closest = _compare(asked, keys, owner, len(context))  # (S,), (S, R)
        sums = torch.zeros(len(context), keys.shape[1]).index_add_(0, owner, keys).double().numpy()  # (S, D)
        question = asked.double().mean(dim=0).numpy()
        question /= np.linalg.norm(question)
        scaled: dict[str, tuple[Floats, Floats, Floats]] = {}
        for scale, neighbours in SCALES.items():
            wide = layout.total(tokens, neighbours)
            lift = layout.total(attention, neighbours) * tokens.sum() / np.maximum(wide, 1)
            state = layout.total(sums, neighbours)
            scaled[scale] = (
                np.log(np.maximum(lift, 1e-6)),
                state @ question / np.maximum(np.linalg.norm(state, axis=1), 1e-9),
                layout.highest(closest, neighbours).mean(axis=1),
            )
        late, cosine, nearest = scaled["sentence"]
        shifted = layout.total(cosine, 1) - cosine
        before = np.where(layout.place > layout.first, np.roll(cosine, 1), 0.0)
        whole = sums.sum(axis=0)
        other = 0.0 if mostly_latin(request.query) else 1.0
        columns = [
            *(standardised(values) for kinds in scaled.values() for values in kinds),
            *(cosine, nearest, scaled["document"][1], scaled["document"][2]),
            cosine - cosine.max(),
            _log_share(cosine / SHARP),
            nearest - nearest.max(),
            before,
            shifted - before,
            standardised(layout.highest(cosine, None)),
            np.full(len(context), whole @ question / max(float(np.linalg.norm(whole)), 1e-9)),
            *_refined(sums, question, asked, cosine),
            standardised(layout.highest(cosine, SCALES["passage"])),
            *(other * standardised(values) for values in (late, cosine, nearest)),
        ]
        return np.stack(columns, axis=1)


def _compare(asked: Tensor, keys: Tensor, owner: Tensor, sentences: int) -> tuple[Floats, Floats]:
    """Late attention on each sentence `(S,)`, and the best match of each of the question's tokens in it `(S, R)`."""
    attention = torch.zeros(sentences)
    best: list[Tensor] = []
    for rows in asked.split(ROWS):
        products = rows @ keys.T  # (r, T)
        attention.index_add_(0, owner, (products / TEMPERATURE).softmax(dim=-1).sum(dim=0) / len(asked))
        # a sentence without tokens matches nothing: -1, the least that unit states can
        matches = torch.full((len(rows), sentences), -1.0).scatter_reduce_(1, owner.expand(len(rows), -1), products, "amax")
        best.append(matches)
    return attention.double().numpy(), torch.cat(best).T.double().numpy()


def _refined(sums: Floats, question: Floats, asked: Tensor, cosine: Floats) -> tuple[Floats, Floats, Floats]:
    """Three similarities that see past the first one; z-scores `(S,)`.

    `centred` takes off what all sentences of the context have in common. `feedback` compares with what is most similar to the question so
    far, as pseudo-relevance feedback does: what else there is like it. `tail` compares with the question's end, where a dialogue asks.
    """
    units = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    middle = units.mean(axis=0)
    apart = units - middle
    centred = apart @ (question - middle) / np.maximum(np.linalg.norm(apart, axis=1), 1e-9)
    likely = np.exp(_log_share(cosine / SHARP))
    others = likely @ units - likely[:, None] * units  # a sentence is no evidence for itself
    feedback = (units * others).sum(axis=1) / np.maximum(np.linalg.norm(others, axis=1), 1e-9)
    tail = units @ asked[-TAIL:].double().mean(dim=0).numpy()
    return standardised(centred), standardised(feedback), standardised(tail)


def _log_share(values: Floats) -> Floats:
    shifted = values - values.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def _texts(request: ScoreRequest) -> list[str]:
    return [request.query, *(sentence.text for sentence in request.sentences)]

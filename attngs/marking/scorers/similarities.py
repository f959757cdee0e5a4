"""One question against one context, by an encoder's states; every measure is computed on first use.

What is known of a context before the question, `KnownContext`, is kept for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from attngs.marking.coherence import is_conversation
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.late_attention import ROWS, attention_mass
from attngs.marking.scorers.states import summed
from attngs.marking.siblings import are_whole, have_siblings
from attngs.protocols import Floats
from attngs.reading.forks import computed_once
from attngs.reading.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence

SHARP = 0.05
"""Temperature of the softmax over the context's similarities."""

TAIL = 24
"""How many tokens at the end of the question are compared by themselves."""

_ZERO = 1e-9


class KnownContext:
    """What is known of a context before the question.

    Args:
        states: States of each sentence `(T, D)`; at least one sentence.
        sentences: The sentences.

    Attributes:
        layout: Where they stand.
        conversation: Whether they are one.
        siblings: Which of them stand with a few others in a short document `(S,)`; none in a conversation.
        tokens: Tokens of each sentence `(S,)`.
        sums: The sum of each sentence's states `(S, D)`, float32.
    """

    def __init__(self, states: Sequence[Tensor], sentences: Sequence[Sentence]) -> None:
        self.layout, self.conversation = Layout.of(sentences), is_conversation(sentences)
        self.siblings = have_siblings(self.layout) & are_whole(sentences, self.layout) & (not self.conversation)
        self.tokens = np.array([len(state) for state in states], dtype=np.float64)
        self.sums = summed(states, states[0]).numpy()
        self._lengths = dict[str, Floats]()

    @classmethod
    def of(cls, request: ScoreRequest, context: Sequence[Tensor], states: SentenceStates) -> KnownContext:
        """What is known of the context of a request, from the cache where it is kept.

        Args:
            request: The question and its sentences.
            context: States of each sentence `(T, D)`; at least one sentence.
            states: The encoder, which has just read them.
        """
        places = (f"{sentence.position} {sentence.start} {sentence.heads}" for sentence in request.sentences)
        key = states.key(request.namespace, "\n".join(places), *(sentence.text for sentence in request.sentences))
        (known,) = states.cache.remember([key], lambda missing: [cls(context, request.sentences)], size=lambda known: known.nbytes)
        return known

    @property
    def nbytes(self) -> int:
        """What it takes in memory with the lengths of all scales, about."""
        return int(self.sums.nbytes + (5 + len(SCALES) + 2 * len(self.layout.heads)) * self.tokens.nbytes)

    def lengths(self, scale: str) -> Floats:
        """The length of the sum over the window round each sentence `(S,)`; never 0."""
        if scale not in self._lengths:
            self._lengths[scale] = _lengths(self.layout.total(self.sums.astype(np.float64), SCALES[scale]))
        return self._lengths[scale]


class Similarities:
    """Measures of each sentence, `(S,)` unless a docstring says otherwise.

    Args:
        asked: States of the question `(R, D)`; at least one row, each of length 1.
        context: States of each sentence `(T, D)`; at least one sentence has rows.
        known: What is known of the context.
    """

    def __init__(self, asked: Tensor, context: Sequence[Tensor], known: KnownContext) -> None:
        self.layout, self.conversation, self.siblings = known.layout, known.conversation, known.siblings
        self._asked, self._context, self._known = asked.float(), context, known
        self._tokens = known.tokens

    def late(self, scale: str) -> Floats:
        """Log lift of late attention."""
        tokens = self._tokens
        lift = self.layout.total(self._mass, SCALES[scale]) * tokens.sum() / np.maximum(self.layout.total(tokens, SCALES[scale]), 1)
        return np.asarray(np.log(np.maximum(lift, 1e-6)))

    def cosine(self, scale: str) -> Floats:
        """Cosine of mean states."""
        return self.layout.total(self._products, SCALES[scale]) / self._known.lengths(scale)

    def closest(self, scale: str) -> Floats:
        """The best match of each token of the question, averaged, as in ColBERT."""
        return np.asarray(self.layout.highest(self._matches, SCALES[scale]).mean(axis=1))

    @computed_once
    def alone(self) -> Floats:
        """The cosine of each sentence without its neighbours."""
        return self.cosine("sentence")

    @computed_once
    def before(self) -> Floats:
        """The cosine of the sentence before, in the same document; 0 for the first."""
        return np.where(self.layout.place > self.layout.first, np.roll(self.alone, 1), 0.0)

    @computed_once
    def after(self) -> Floats:
        """The cosine of the sentence after, in the same document; 0 for the last."""
        return self.layout.total(self.alone, 1) - self.alone - self.before

    @computed_once
    def log_share(self) -> Floats:
        """The log of a softmax over the context's cosines."""
        shifted = (self.alone - self.alone.max()) / SHARP
        return np.asarray(shifted - np.log(np.exp(shifted).sum()))

    @computed_once
    def whole(self) -> Floats:
        """The cosine of the whole context, for each sentence the same."""
        whole = self._sums.sum(axis=0)
        return np.full(len(self._sums), whole @ self._question / max(float(np.linalg.norm(whole)), _ZERO))

    @computed_once
    def centred(self) -> Floats:
        """Cosine after subtracting the mean of the context's sentences."""
        middle = self._directions.mean(axis=0)
        apart = self._directions - middle
        return np.asarray(apart @ (self._question - middle) / _lengths(apart))

    @computed_once
    def feedback(self) -> Floats:
        """Similarity to the sentences that are most similar to the question."""
        return self.like(np.exp(self.log_share))

    def like(self, likely: Floats) -> Floats:
        """Similarity to the sentences that are likely to matter, as in pseudo-relevance feedback.

        Args:
            likely: How likely each sentence matters `(S,)`; sums to 1.
        """
        others = likely @ self._directions - likely[:, None] * self._directions  # a sentence is no evidence for itself
        return np.asarray((self._directions * others).sum(axis=1) / _lengths(others))

    @computed_once
    def tail(self) -> Floats:
        """Similarity to the question's end, where a dialogue asks."""
        return np.asarray(self._directions @ self._asked[-TAIL:].double().mean(dim=0).numpy())

    @computed_once
    def _mass(self) -> Floats:
        return np.asarray(attention_mass(self._asked, self._context).double().numpy())

    @computed_once
    def _sums(self) -> Floats:
        return self._known.sums.astype(np.float64)  # (S, D)

    @computed_once
    def _products(self) -> Floats:
        return np.asarray(self._sums @ self._question)  # (S,)

    @computed_once
    def _directions(self) -> Floats:
        return self.layout.total(self._sums, 0) / self._known.lengths("sentence")[:, None]  # (S, D)

    @computed_once
    def _question(self) -> Floats:
        question = np.asarray(self._asked.double().mean(dim=0).numpy())  # (D,)
        return np.asarray(question / np.linalg.norm(question))

    @computed_once
    def _matches(self) -> Floats:
        """The best match of each of the question's tokens in each sentence `(S, R)`."""
        keys = torch.cat(list(self._context)).float()  # (T, D)
        # a sentence without tokens matches nothing: -1, the least that states of length 1 can
        found = np.full((len(self._context), len(self._asked)), -1.0)
        filled = np.flatnonzero(self._tokens)
        starts = np.concatenate([[0], self._tokens.cumsum()[:-1]]).astype(np.int64)[filled]
        for column in range(0, len(self._asked), ROWS):
            products = (keys @ self._asked[column : column + ROWS].T).numpy()  # (T, r)
            found[filled, column : column + ROWS] = np.maximum.reduceat(products, starts, axis=0)
        return found


Measure = Callable[[Similarities], Floats]


def in_context(measure: Measure) -> Measure:
    """The z-scores of a measure over the context."""
    return lambda found: standardised(measure(found))


def _lengths(vectors: Floats) -> Floats:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=1), _ZERO))

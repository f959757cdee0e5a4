"""Sentence similarity: the cosine between the mean state of the question and that of each sentence, as sentence-transformers does it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from attngs.sentence_states import SentenceStates
from attngs.types import Sentence


class CosineScorer:
    """Cosine of mean-pooled states; a sentence without tokens scores -1."""

    def __init__(self, states: SentenceStates) -> None:
        self._states = states

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        states = self._states.states([query, *(sentence.text for sentence in sentences)])
        means = torch.stack([state.float().mean(dim=0) if len(state) else torch.zeros(state.shape[1]) for state in states])  # (1 + S, D)
        asked, *_ = unit = torch.nn.functional.normalize(means, dim=-1)
        cosines = unit[1:] @ asked
        return [float(cosine) if len(state) else -1.0 for cosine, state in zip(cosines, states[1:], strict=True)]

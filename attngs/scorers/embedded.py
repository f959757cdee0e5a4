"""The score of `Marker.default()`: late attention, sentence similarity and words, over one small English encoder.

A sentence encoder's own heads are a weak marker, not far from chance. Late attention over its states does as well as similarity and errs
elsewhere, so the two are summed, with words at half weight for names and rare terms. The encoder was trained on
English; for a question in another script its states say little, and words lead. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.scorers.batch import BatchedScorer, Scores
from attngs.scorers.cosine import CosineScorer
from attngs.scorers.fused import FusedScorer
from attngs.scorers.late_attention import LateAttentionScorer
from attngs.scorers.lexical import LexicalScorer, mostly_latin
from attngs.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence, Warmth


def encoder_scorer(states: SentenceStates) -> FusedScorer:
    """z(late attention) + z(cosine) + 0.5 z(BM25), for an encoder that knows the language of the question."""
    return FusedScorer((LateAttentionScorer(states), 1.0), (CosineScorer(states), 1.0), (LexicalScorer(cache=states.cache), 0.5))


class EmbeddedScorer(BatchedScorer):
    """`encoder_scorer`; but where most letters of the question are not Latin, z(BM25) + 0.1 z(late attention).

    Attributes:
        states: As given.
    """

    def __init__(self, states: SentenceStates) -> None:
        self.states = states
        self._latin = encoder_scorer(states)
        self._other = FusedScorer((LexicalScorer(cache=states.cache), 1.0), (LateAttentionScorer(states), 0.1))

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the error that it met."""
        outcomes: dict[int, Scores | Exception] = {}
        for latin, scorer in ((True, self._latin), (False, self._other)):
            mine = [i for i, request in enumerate(requests) if mostly_latin(request.query) == latin]
            outcomes |= zip(mine, scorer.score_batch([requests[i] for i in mine]), strict=True)
        return [outcomes[i] for i in range(len(requests))]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before it is asked about; both rules use the same states."""
        return self._latin.warm(sentences, namespace)

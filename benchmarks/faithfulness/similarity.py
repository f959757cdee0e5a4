"""How alike texts and sentences are: the cosine of an encoder's mean states, read once and kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import normalize

from attngs.marking.scorers.cosine import summed
from attngs.reading.sentence_states import SentenceStates
from attngs.types import Sentence


class SentenceSimilarity:
    """What `verify` takes as `similarity`.

    Args:
        states: The encoder's states; those of sentences that a marker has read with them are not read again.
        namespace: Whose context it is.
    """

    def __init__(self, states: SentenceStates, *, namespace: str = "") -> None:
        self._states = states
        self._namespace = namespace

    def __call__(self, texts: Sequence[str], sentences: Sequence[Sentence]) -> NDArray[np.float32]:
        """Cosines `(N, S)` of texts `(N)` and sentences `(S)`; 0 for what has no tokens.

        Raises:
            ModelError: The encoder failed.
        """
        asked = self._states.states(texts, self._namespace)
        context = self._states.states([sentence.text for sentence in sentences], self._namespace)
        if not asked or not context:
            return np.zeros((len(asked), len(context)), np.float32)
        like = asked[0]
        return np.asarray((normalize(summed(asked, like), dim=-1) @ normalize(summed(context, like), dim=-1).T).numpy())

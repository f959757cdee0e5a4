"""Features of an encoder's cached sentence states: late attention, similarity and closest words, at every scale.

Every sentence was encoded once, without the question; sums and maxima over neighbours give the other scales, so that a further question
costs one product of its own states with those that are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import numpy as np

from attngs.errors import ModelError
from attngs.marking.scales import SCALES, Layout
from attngs.marking.scorers.batch import attempt_each
from attngs.marking.scorers.similarities import Measure, Similarities, in_context
from attngs.protocols import Floats
from attngs.reading.sentence_states import SentenceStates
from attngs.text.words import mostly_latin
from attngs.types import ScoreRequest, Sentence, Warmth

_KINDS: dict[str, Callable[[Similarities, str], Floats]] = {
    "late": Similarities.late,
    "cosine": Similarities.cosine,
    "closest": Similarities.closest,
}


def _at(kind: str, scale: str) -> Measure:
    return lambda found: _KINDS[kind](found, scale)


def _lead(measure: Measure) -> Measure:
    def lead(found: Similarities) -> Floats:
        values = measure(found)
        return np.asarray(values - values.max())

    return lead


MEASURES: dict[str, Measure] = {
    **{f"{kind}.{scale}": in_context(_at(kind, scale)) for scale in SCALES for kind in _KINDS},
    **{f"{kind}.absolute": _at(kind, "sentence") for kind in ("cosine", "closest")},
    **{f"{kind}.document.absolute": _at(kind, "document") for kind in ("cosine", "closest")},
    "cosine.lead": _lead(lambda found: found.alone),
    "cosine.share": lambda found: found.log_share,
    "closest.lead": _lead(_at("closest", "sentence")),
    "cosine.before": lambda found: found.before,
    "cosine.after": lambda found: found.after,
    "cosine.best": in_context(lambda found: found.layout.highest(found.alone, None)),
    "cosine.context": lambda found: found.whole,
    "cosine.centred": in_context(lambda found: found.centred),
    "cosine.feedback": in_context(lambda found: found.feedback),
    "cosine.tail": in_context(lambda found: found.tail),
    "cosine.passage_best": in_context(lambda found: found.layout.highest(found.alone, SCALES["passage"])),
}
"""What each feature is, but for those of other scripts."""

OTHER = {f"other.{kind}": f"{kind}.sentence" for kind in _KINDS}
"""Features that are repeated for questions in another script than Latin, and 0 for the rest."""


class EncoderFeatures:
    """Late attention, cosine of mean states, and closest words (the mean over the question's tokens of the best match, as in ColBERT).

    z-scores over the context, named by scale; `...absolute` are the similarities themselves, which mean the same in every context, and
    `...lead` how far they are below the best. `other.*` repeat three of them for questions in another script than Latin, and are 0 for
    the rest: an English encoder is worth less there.

    Args:
        states: The encoder; share it with scorers and each sentence is read once.
        names: What is read, and nothing that it does not need; everything when not given. Names of other readers are passed over.
    """

    def __init__(self, states: SentenceStates, names: Collection[str] | None = None) -> None:
        self._states = states
        self.names: tuple[str, ...] = tuple(name for name in (*MEASURES, *OTHER) if names is None or name in names)

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
        table = np.zeros((len(request.sentences), len(self.names)))
        asked, *context = self._states.states(_texts(request), request.namespace)
        if not len(asked) or not any(map(len, context)):
            return table
        found = Similarities(asked, context, Layout.of(request.sentences))
        latin = mostly_latin(request.query)
        for column, name in enumerate(self.names):
            if name not in OTHER or not latin:
                table[:, column] = MEASURES[OTHER.get(name, name)](found)
        return table


def _texts(request: ScoreRequest) -> list[str]:
    return [request.query, *(sentence.text for sentence in request.sentences)]

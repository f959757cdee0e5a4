"""Features of an encoder's sentence states: late attention, cosine, closest words, at every scale.

The encoder reads every sentence once, without the question. Sums and maxima over neighbours give the other scales, so a further question
costs one product of its own states with the kept ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from attngs.marking.echoes import without_echoes
from attngs.marking.scales import SCALES
from attngs.marking.scorers.batch import attempt_each
from attngs.marking.scorers.similarities import KnownContext, Measure, Similarities, in_context
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
"""How each feature is measured, except those of other scripts."""

OTHER = {f"other.{kind}": f"{kind}.sentence" for kind in _KINDS}
"""Copies of features for questions in other scripts than Latin; 0 for all other questions."""


class EncoderFeatures:
    """Late attention, cosine of mean states, and closest words, at every scale.

    Closest words are the mean over the question's tokens of the best match, as in ColBERT. Features are z-scores over the context, named
    by scale. `...absolute` are the similarities themselves, which mean the same in every context, and `...lead` how far they are below the
    best. `other.*` copy three of them for questions in other scripts than Latin, where an English encoder is worth less.

    Args:
        states: The encoder; readers and scorers that share one read each sentence once.
        names: The wanted features; all when not given. Names of other readers are ignored.
    """

    def __init__(self, states: SentenceStates, names: Collection[str] | None = None) -> None:
        self._states = states
        self.names: tuple[str, ...] = tuple(name for name in (*MEASURES, *OTHER) if names is None or name in names)

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or its error; the encoder reads what is new of all requests together."""
        self._states.prefetch(requests)
        return attempt_each(lambda request: without_echoes(request, self._read), requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        return self._states.warm([sentence.text for sentence in sentences], namespace)

    def forget(self, namespace: str | None = None) -> None:
        self._states.cache.clear(namespace)

    def _read(self, request: ScoreRequest) -> Floats:
        table = np.zeros((len(request.sentences), len(self.names)))
        asked, *context = self._states.of_request(request)
        if not len(asked) or not any(map(len, context)):
            return table
        found = Similarities(asked, context, KnownContext.of(request, context, self._states))
        latin = mostly_latin(request.query)
        for column, name in enumerate(self.names):
            if name not in OTHER or not latin:
                table[:, column] = MEASURES[OTHER.get(name, name)](found)
        return table

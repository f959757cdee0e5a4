"""A question can name who speaks: "what did Nora say about the boat?".

In a chat or a thread of mails the answer is then in what this speaker says. Others may share more words with the question, because they
ask it too. So the units of a speaker whom the question names gain. Words of a name count where at most half of the speakers have them. A
question that names several speakers asks for what passes between them, so nothing gains.

It helps in a short chat alone. Of eleven questions about two chats that were written to try this out, 32 tokens answer nine without the
gain, ten with a gain of 0.5, and all with 1, 2 or 3. In a meeting of many hundred units, what one person says is about everything, and what
answers it is evidence too: there a gain of 2 cost .04 and .06 of the evidence at 5 and 10 % (19 questions of QMSum that name one speaker).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from attngs.marking.labels import telling_words
from attngs.marking.scales import raised
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.speakers import LABEL, speaker_of
from attngs.types import ScoreRequest, Sentence

GAIN = 2.0
"""What a unit of the speaker gains, in standard deviations of the context's scores."""
MOST = 200
"""Units of a chat that is short enough."""
LONGEST = 90
"""Characters of a line that names a speaker above a message."""
ENTRY_BYTES = 200
"""What one speaker takes in memory, about; their units take 8 bytes each."""

Name = frozenset[str]
"""The words of a speaker's name."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerIndex:
    """Who says which units of a context."""

    units: Mapping[Name, Sequence[int]]
    telling: frozenset[str]
    """Words that at most half of the speakers have in their names."""

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> SpeakerIndex:
        """Read the speakers from labels, lines above messages, and senders of mails."""
        kinds = {(sentence.position, sentence.start): sentence.kind for sentence in sentences}
        units = dict[Name, list[int]]()
        for number, sentence in enumerate(sentences):
            if name := frozenset(word for word in telling_words(_speaker(sentence, kinds)) if isinstance(word, str)):
                units.setdefault(name, []).append(number)
        counts = Counter(word for name in units for word in name)
        return cls(units, frozenset(word for word, count in counts.items() if 2 * count <= len(units)))

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return ENTRY_BYTES * (1 + len(self.units)) + 8 * sum(map(len, self.units.values()))

    def asked_for(self, query: str) -> Sequence[int]:
        """The units of the speaker whom a question names; none where it names nobody, or several."""
        asked = telling_words(query) & self.telling
        named = [name for name in self.units if name & asked] if asked else []
        return self.units[named[0]] if len(named) == 1 else ()


def lift_by_speakers(request: ScoreRequest, scores: tuple[float, ...], cache: ContextCache) -> tuple[float, ...]:
    """Scores `(S,)` in which the units of the speaker gain whom the question names, if any.

    Args:
        request: The question and its units.
        scores: Of the units.
        cache: Keeps who speaks.
    """
    if len(scores) > MOST or not any(sentence.kind in {"turn", "speaker"} for sentence in request.sentences):
        return scores
    key = Key(request.namespace, digest(b"speakers", *(f"{each.position} {each.kind} {each.text}" for each in request.sentences)))
    (index,) = cache.remember([key], lambda missing: [SpeakerIndex.of(request.sentences)], size=lambda index: index.nbytes)
    asked = index.asked_for(request.query)
    if not asked:
        return scores
    gains = np.zeros(len(scores))
    gains[list(asked)] = GAIN
    return raised(np.array(scores), gains, request.whole)


def _speaker(sentence: Sentence, kinds: Mapping[tuple[int, int], str]) -> str:
    """Who says a unit; empty where nobody is named."""
    if sentence.kind == "speaker":
        return sentence.text
    for head in reversed(sentence.heads):
        if kinds.get((sentence.position, head.start)) == "speaker":
            return sentence.document.text[head.start : head.end]
    if sentence.kind != "turn":
        return ""
    text = sentence.text.strip()
    if speaker := speaker_of(LABEL.match(text)):
        return speaker
    above, _, message = text.partition("\n")
    return above if message and len(above) <= LONGEST else ""

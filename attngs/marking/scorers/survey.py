"""A question to a memory that is too large to be looked at as a whole.

Of all its units, the words and the sums of states are at hand (`KnownUnits`), but not the states of single tokens. A score needs those for
one thing only: the attention that the question pays to a unit (`late_attention.py`). So attention is guessed at first, from how similar
question and unit are. The units that score best so are looked at, and a line through what is found there tells the attention of all others.
Everything else is exact, and z-scores are those of the whole. So a unit scores about what it would score if all were looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attngs.marking.echoes import find_echoes
from attngs.marking.followups import together
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.late_attention import TEMPERATURE, attention_mass
from attngs.marking.scorers.lexical import Overlap, WordTable
from attngs.marking.scorers.similarities import Similarities
from attngs.protocols import Floats
from attngs.reading.forks import computed_once
from attngs.text.words import words
from attngs.types import ScoreRequest, Whole

Integers = NDArray[np.int64]

STEEPNESS = 1.25
"""How much faster a unit's attention grows than the attention that its mean state would draw: its best token draws most of it.

The slope of a line through the units of BEAM's chats 1 to 3 and of four meetings of QMSum, where it was 1.14 to 1.47."""

LEAST = 8
"""Fewest units through which a line is drawn."""

LIKELY = 1e-4
"""A share of being the best, of which the greatest counts 1, from which a unit is asked for what it is like."""


class KnownUnits(Protocol):
    """All units of a memory, as far as they are known before a question."""

    @property
    def layout(self) -> Layout:
        """Where they stand."""
        ...

    @property
    def conversation(self) -> bool:
        """Whether they are one."""
        ...

    @property
    def siblings(self) -> NDArray[np.bool_]:
        """Which of them stand with a few others in a short document `(S,)`; none in a conversation."""
        ...

    @property
    def tokens(self) -> Floats:
        """Tokens of each `(S,)`, about: a counter may cut texts otherwise than the encoder."""
        ...

    @property
    def words(self) -> WordTable:
        """Which words each has."""
        ...

    def named(self, query: str) -> Floats:
        """How much a question asks for the document of each `(S,)`."""
        ...

    def lengths(self, scale: str) -> Floats:
        """The length of the sum of states over the window round each `(S,)`; never 0."""
        ...

    def products(self, direction: Floats) -> Floats:
        """The sum of each unit's states, times a direction `(D,)`: `(S,)`."""
        ...

    def sums(self, numbers: Integers) -> Floats:
        """The sums of the states of some units and of their heads `(N, D)`."""
        ...


@dataclass(frozen=True, eq=False)
class Survey:
    """One text of a question, and all units that it is asked of."""

    query: str
    asked: Tensor
    """States of the question `(R, D)`, each of length 1; no rows where no encoder reads it."""
    units: KnownUnits

    @property
    def reads_states(self) -> bool:
        """Whether states say anything of this question."""
        return len(self.asked) > 0

    @computed_once
    def shared(self) -> Overlap:
        """The question's words in each unit."""
        return Overlap(words(self.query), self.units.words, self.units.layout)

    @computed_once
    def named(self) -> Floats:
        """How much the question asks for the document of each unit `(S,)`."""
        return self.units.named(self.query)

    @computed_once
    def direction(self) -> Floats:
        """The mean state of the question `(D,)`."""
        return np.asarray(self.asked.double().mean(dim=0).numpy())

    @computed_once
    def nearness(self) -> Floats:
        """The sum of each unit's states, times the mean state of the question `(S,)`."""
        return self.units.products(self.direction)

    def guessed(self) -> Similarities:
        """Measures of each unit; attention is guessed."""
        return SurveyedSimilarities(self)

    def plain(self) -> Floats:
        """How near each unit is to the question `(S,)`, for a scorer that can say nothing before it looks."""
        near = standardised(self.shared.bm25(0)) + standardised(self.shared.cover(0))
        return near + 2 * standardised(self.guessed().cosine("sentence")) if self.reads_states else near

    def looked_at(self, numbers: Integers, context: Sequence[Tensor]) -> Similarities:
        """Measures of each unit, of which some are looked at.

        Args:
            numbers: Of these units.
            context: Their states, each `(T, D)`; at least one has rows.
        """
        return SurveyedSimilarities(self, (numbers, context))

    def without(self, numbers: Integers) -> Survey:
        """The same question asked of all other units: those of these numbers stay, but say nothing."""
        return replace(self, units=_Silenced(self.units, numbers))


@runtime_checkable
class SurveyScorer(Protocol):
    """A scorer that can score some units of a memory as it would score all of them."""

    def guess(self, survey: Survey) -> Floats:
        """About the score of each unit `(S,)`, before any is looked at."""
        ...

    def settle(self, survey: Survey, request: ScoreRequest, numbers: Integers) -> Floats:
        """The score of each unit `(S,)`: as good as exact for those that are looked at.

        Args:
            survey: The question to all units.
            request: The same question to some of them; none only repeats the question.
            numbers: Of these.

        Raises:
            ModelError: The encoder failed.
        """
        ...


def guessed_scores(scorer: object, survey: Survey) -> Floats:
    """About the score of each unit `(S,)`, by the scorer or the first of its parts that can guess."""
    part = _surveyor(scorer)
    return survey.plain() if part is None else part.guess(survey)


def settled_scores(scorer: SurveyScorer, surveys: Sequence[Survey], requests: Sequence[ScoreRequest], numbers: Integers) -> Floats:
    """The score of each unit `(S,)` for all readings of a question.

    Args:
        scorer: Gives the scores.
        surveys: The readings, to all units.
        requests: The same readings, to those units that are looked at.
        numbers: Of these.

    Raises:
        ModelError: The encoder failed.
    """
    return of_readings([_settled(scorer, survey, request, numbers) for survey, request in zip(surveys, requests, strict=True)])


def of_readings(scores: Sequence[Floats]) -> Floats:
    """The scores `(S,)` of a question from those of its readings, each `(S,)`."""
    return scores[0] if len(scores) == 1 else np.asarray(together([each.tolist() for each in scores]), dtype=np.float64)


def whole_of(survey: Survey, scores: Sequence[float] | Floats, numbers: Integers) -> Whole:
    """What is known of all units of a survey.

    Args:
        survey: A question to all units.
        scores: Of all units, or of those for which there are any.
        numbers: Of the units that are looked at.
    """
    units = survey.units
    return Whole(
        units=len(units.layout),
        having={word: units.words.found(word) for word in words(survey.query)},
        mean=float(np.mean(scores)),
        spread=float(np.std(scores)),
        least=float(np.min(scores)),
        named=survey.named[numbers].tolist(),
    )


def _settled(scorer: SurveyScorer, survey: Survey, request: ScoreRequest, numbers: Integers) -> Floats:
    """The score of each unit `(S,)`; of echoes, the lowest."""
    echoes = find_echoes(request.query, request.sentences)
    if not echoes:
        return scorer.settle(survey, request, numbers)
    others = [i for i in range(len(numbers)) if i not in echoes]
    silent = numbers[sorted(echoes)]
    found = scorer.settle(survey.without(silent), replace(request, sentences=[request.sentences[i] for i in others]), numbers[others])
    found[silent] = found.min()
    return found


def _surveyor(part: object) -> SurveyScorer | None:
    if isinstance(part, SurveyScorer):
        return part
    return next((found for each in getattr(part, "parts", ()) if (found := _surveyor(each)) is not None), None)


class SurveyedSimilarities(Similarities):
    """Measures of each unit of a memory.

    Args:
        survey: A question of at least one token.
        looked_at: The numbers of some units, and their states, each `(T, D)`, of which at least one has rows. Where none are looked at,
            the attention of all is guessed.
    """

    def __init__(self, survey: Survey, looked_at: tuple[Integers, Sequence[Tensor]] | None = None) -> None:
        self._survey, self._units, self.layout = survey, survey.units, survey.units.layout
        self.conversation, self.siblings = survey.units.conversation, survey.units.siblings
        self._asked, self._tokens = survey.asked.float(), survey.units.tokens
        self._attention = self._guessed() if looked_at is None else self._seen(*looked_at)

    def cosine(self, scale: str) -> Floats:
        return self.layout.total(self._survey.nearness, SCALES[scale]) / (
            max(float(np.linalg.norm(self._survey.direction)), 1e-9) * self._units.lengths(scale)
        )

    def like(self, likely: Floats) -> Floats:
        best = np.flatnonzero(likely >= LIKELY * likely.max())
        share = likely[best] / self._units.lengths("sentence")[best]
        middle = share @ self._units.sums(best)  # (D,)
        near = self.layout.total(self._units.products(middle), 0) / self._units.lengths("sentence")  # (S,)
        others = float(middle @ middle) - 2 * likely * near + likely**2  # a unit is no evidence for itself
        return np.asarray((near - likely) / np.sqrt(np.maximum(others, 1e-12)))

    @computed_once
    def _mass(self) -> Floats:
        return self._attention

    def _guessed(self) -> Floats:
        """About the attention that each unit draws `(S,)`; sums to 1."""
        found = self._on_a_line(STEEPNESS / TEMPERATURE, 0.0)
        return np.asarray(found / max(float(found.sum()), 1e-300))

    def _seen(self, numbers: Integers, context: Sequence[Tensor]) -> Floats:
        """The attention that each unit draws `(S,)`; sums to 1. Of those that are not looked at, about."""
        own = np.asarray(attention_mass(self._asked, context).double().numpy())  # (N,)
        counted = np.array([len(state) for state in context], dtype=np.float64)  # (N,)
        self._tokens = self._tokens * counted.sum() / max(float(self._tokens[numbers].sum()), 1.0)  # as the encoder cuts texts
        self._tokens[numbers] = counted
        there = (counted > 0) & (own > 0)
        density, near = np.log(own[there] / counted[there]), self._survey.nearness[numbers][there] / counted[there]
        slope = STEEPNESS / TEMPERATURE
        if len(near) >= LEAST and float(np.ptp(near)) > 1e-6:
            slope = max(0.0, float(np.polyfit(near, density, 1)[0]))
        found = self._on_a_line(slope, float((density - slope * near).mean()))
        found[numbers] = own
        return np.asarray(found / found.sum())

    def _on_a_line(self, slope: float, height: float) -> Floats:
        """The attention of each unit `(S,)`.

        The log of a token's attention is taken to grow with the nearness of the unit's mean state.
        """
        return np.asarray(self._tokens * np.exp(height + slope * self._survey.nearness / np.maximum(self._tokens, 1)))


@dataclass(frozen=True, eq=False)
class _Silenced:
    """All units, some of which say nothing."""

    units: KnownUnits
    numbers: Integers

    @property
    def layout(self) -> Layout:
        return self.units.layout

    @property
    def conversation(self) -> bool:
        return self.units.conversation

    @property
    def siblings(self) -> NDArray[np.bool_]:
        return self.units.siblings

    @property
    def tokens(self) -> Floats:
        return _zeroed(self.units.tokens, self.numbers)

    @property
    def words(self) -> WordTable:
        return _SilencedWords(self.units.words, self.numbers)

    def named(self, query: str) -> Floats:
        return self.units.named(query)

    def lengths(self, scale: str) -> Floats:
        return self.units.lengths(scale)

    def products(self, direction: Floats) -> Floats:
        return _zeroed(self.units.products(direction), self.numbers)

    def sums(self, numbers: Integers) -> Floats:
        return self.units.sums(numbers)


@dataclass(frozen=True, eq=False)
class _SilencedWords:
    """The words of all units, some of which have none."""

    table: WordTable
    numbers: Integers

    @property
    def lengths(self) -> Floats:
        return _zeroed(self.table.lengths, self.numbers)

    def counts(self, word: str) -> Floats:
        return _zeroed(self.table.counts(word), self.numbers)

    def found(self, word: str) -> int:
        return self.table.found(word)


def _zeroed(values: Floats, numbers: Integers) -> Floats:
    """A copy of `(S,)` with zeros at some places."""
    found = values.copy()
    found[numbers] = 0
    return found

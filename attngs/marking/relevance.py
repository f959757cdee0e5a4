"""Scores of the embedded marker -> probabilities: does a sentence bear on the question at all?

A score ranks the sentences of one context. It does not say whether the best of them is any good: to `hi`, some sentence is always the
best. A probability says it, and means the same in every context:

    p_i = bearing * standing_i / max_j standing_j

`bearing` is the probability that the context has anything on the question: a logistic regression on a few measures of the question and of
the sentences that scored best. `standing_i` says how far sentence `i` rises above the crowd of its context; where there are too few for a
crowd, how probably it would bear on the question if it were the only one. So the best sentence has the probability `bearing`, and the
order of the others stays that of their scores.

`python -m benchmarks.floor` made the numbers below and makes them again: of questions that can be answered, of idle turns such as greetings
and sums, and of questions about other people's documents. Its page has the curve, `benchmarks/results/floor.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from torch import Tensor

from attngs.marking.algorithm import ranking
from attngs.marking.scales import standardised
from attngs.marking.scorers.lexical import word_index
from attngs.marking.scorers.states import summed
from attngs.protocols import Floats
from attngs.reading.sentence_states import SentenceStates
from attngs.text.words import mostly_latin, words
from attngs.types import ScoreRequest, Sentence, Whole

FINALISTS = 16
"""Sentences with the best scores, of which the measures are taken."""

CLOSEST = 3
"""Likeness is averaged over at most this many of them, because a single one of many may be close by accident."""

FOR_ONE = 8
"""Sentences for each that it is averaged over: of a few notes, only one is about the question."""

CROWD = 8
"""Fewest sentences of which one can rise above the others."""

STEEPNESS = 1.8
"""How fast standing grows with the score, for each standard deviation of the context's scores; it is one half at their mean.

That of a logistic regression that tells evidence from other sentences. A higher middle would save more tokens, and lose evidence.
"""


IDLE = (
    "Hello there!",
    "Good morning",
    "How are you doing?",
    "Thanks a lot",
    "You are welcome",
    "Okay, great",
    "Goodbye, see you tomorrow",
    "What is 12 plus 30?",
    "Solve this equation for x",
    "Convert 10 miles to kilometres",
    "Write a function that sorts a list",
    "Why does my code raise an exception?",
    "Translate this sentence into Spanish",
    "What is the capital of Australia?",
    "Who wrote Hamlet?",
    "How does photosynthesis work?",
    "Tell me a joke",
    "Write a poem about autumn",
    "Fix the grammar of this paragraph",
    "What can you do?",
    "Summarise this article",
    "Who won the world cup?",
    "What is the weather like?",
    "Explain recursion to a beginner",
)
"""Messages that ask for nothing that a memory holds, one of each kind; they are no part of the benchmark."""

SMALL_TALK = 0.75
"""Cosine from which a sentence is an idle message itself, such as a greeting in an old chat: it is no answer to one of today."""


class Measures(NamedTuple):
    """What tells a question with an answer from an idle one."""

    likeness: float
    """Cosine of the question and the finalist that is closest to it, averaged with that of the few that are."""
    shared: float
    """Log of how many of the question's words the context has. A word of a single sentence counts 1, one of every sentence nearly 0."""
    cover: float
    """The largest share of the question's words in one finalist, weighted by rarity; words that the context lacks are the rarest."""
    sentences: float
    """Log of the number of the context's sentences: among many, some are close by accident."""
    idle: float
    """Mean cosine of the question and the idle messages that are closest to it."""


class Calibration(NamedTuple):
    """The weights of a logistic regression."""

    bias: float
    weights: Mapping[str, float]
    """By the name of the measure; the others count for nothing."""

    def __call__(self, measures: Measures) -> float:
        """The probability that the context has anything on the question."""
        odds = self.bias + sum(weight * getattr(measures, name) for name, weight in self.weights.items())
        return 0.5 * (1 + math.tanh(0.5 * odds))  # a sigmoid that cannot overflow


LATIN = Calibration(-1.362, MappingProxyType({"likeness": 17.612, "shared": 1.72, "sentences": -1.174, "idle": -8.639}))
"""For questions in the Latin script."""

OTHER = Calibration(-5.765, MappingProxyType({"shared": 2.833, "cover": 10.01}))
"""For questions in other scripts, whose states say little: the embedded model knows English alone."""


def probabilities(request: ScoreRequest, scores: Sequence[float], states: SentenceStates) -> Floats:
    """The probability that each sentence bears on the question `(S,)`; it falls where the score falls.

    Args:
        request: The question and its context.
        scores: Of the sentences `(S,)`, as they will be ranked.
        states: The encoder, which has read the context already.
    """
    calibration = calibration_for(request.query)
    size, having = _known(request, states)
    bearing = calibration(_measured(request, scores, states, size, having))
    if size >= CROWD:
        return bearing * standing(scores, request.whole)
    return bearing * _alone(request, scores, lambda one, own: calibration(_measured(one, own, states, size, having)))


def calibration_for(query: str) -> Calibration:
    """The weights for the question's script."""
    return LATIN if mostly_latin(query) else OTHER


def measure(request: ScoreRequest, scores: Sequence[float], states: SentenceStates) -> Measures:
    """What is known of a question and its context, from the finalists' states and the context's words."""
    return _measured(request, scores, states, *_known(request, states))


def _known(request: ScoreRequest, states: SentenceStates) -> tuple[int, Mapping[str, int]]:
    """How many sentences the context has, and how many of them have each word of the question."""
    if request.whole:
        return request.whole.units, request.whole.having
    index = word_index(states.cache, request.sentences, request.namespace)
    return len(request.sentences), {word: index.found(word) for word in dict.fromkeys(words(request.query))}


def _measured(request: ScoreRequest, scores: Sequence[float], states: SentenceStates, size: int, counted: Mapping[str, int]) -> Measures:
    finalists = _finalists(request, scores)
    asked = list(dict.fromkeys(words(request.query)))
    having = np.array([counted.get(word, 0) for word in asked], dtype=np.float64)
    rarity = _rarity(having, size)
    total = float(rarity.sum())
    shared = [sum(weight for weight, word in zip(rarity, asked, strict=True) if word in bag) for bag in map(frozenset, finalists.values())]
    likeness, idle = _closeness(request, [request.sentences[i] for i in finalists], states, most=min(CLOSEST, max(1, size // FOR_ONE)))
    return Measures(
        likeness=likeness,
        shared=math.log1p(float(rarity[having > 0].sum())),
        cover=float(max(shared, default=0.0)) / total if total else 0.0,
        sentences=math.log(max(size, 1)),
        idle=idle,
    )


def standing(scores: Sequence[float], whole: Whole | None = None) -> Floats:
    """How far each sentence rises above the crowd `(S,)`, 0 to 1.

    Args:
        scores: Of the sentences `(S,)`.
        whole: The crowd, where the sentences are some of many.
    """
    values = np.asarray(scores, dtype=np.float64)
    above = (values - whole.mean) / max(whole.spread, 1e-9) if whole else standardised(values)
    rise = 0.5 * (1 + np.tanh(0.5 * STEEPNESS * above))
    return np.asarray(rise / rise.max())


def _alone(request: ScoreRequest, scores: Sequence[float], probability: Callable[[ScoreRequest, Sequence[float]], float]) -> Floats:
    """How probably each of a few sentences bears on the question, as a share of the best one `(S,)`.

    None is less probable than one with a lower score.
    """
    found = np.zeros(len(scores))
    for i, sentence in enumerate(request.sentences):
        starts = {head.start for head in sentence.heads}
        own = [j for j, other in enumerate(request.sentences) if j == i or (other.position == sentence.position and other.start in starts)]
        one = replace(request, sentences=[request.sentences[j] for j in own])
        found[i] = probability(one, [scores[j] for j in own])
    levels, level = np.unique(scores, return_inverse=True)
    best = np.zeros(len(levels))
    np.maximum.at(best, level, found)
    return np.asarray(np.maximum.accumulate(best)[level] / best.max())


def _finalists(request: ScoreRequest, scores: Sequence[float]) -> dict[int, list[str]]:
    """The numbers of the best sentences and their heads, with their words.

    None of them only repeats the question.
    """
    best = ranking(scores)[:FINALISTS]
    heads = {(request.sentences[i].position, head.start) for i in best for head in request.sentences[i].heads}
    heads -= {(request.sentences[i].position, request.sentences[i].start) for i in best}
    if heads:
        best += [i for i, sentence in enumerate(request.sentences) if (sentence.position, sentence.start) in heads]
    asked, bags = words(request.query), {i: words(request.sentences[i].text) for i in best}
    return {i: bag for i, bag in bags.items() if len(bag) > len(asked) or _spaced(bag) not in _spaced(asked)}


def _closeness(request: ScoreRequest, finalists: Sequence[Sentence], states: SentenceStates, *, most: int) -> tuple[float, float]:
    """How close the question is to the finalists, and to idle messages.

    Of the finalists that are not idle themselves, the closest `most` count.
    """
    read = states.just_read([request.query, *(sentence.text for sentence in finalists)], request.namespace)
    middle, *near = _directions(summed(read, read[0].float()))
    idle = _directions(states.of_own(IDLE))
    likely = np.sort([one @ middle for one in near if (idle @ one).max() < SMALL_TALK])
    likeness = float(likely[-1] + likely[-most:].mean()) / 2 if len(likely) else 0.0
    return likeness, float(np.sort(idle @ middle)[-CLOSEST:].mean())


def _directions(sums: Tensor) -> Floats:
    """The direction of each text from the sum of its states, both `(S, D)`; zeros for no tokens."""
    found = sums.double().numpy()
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


def _rarity(having: Floats, size: int) -> Floats:
    """The rarity of words `(W,)`, as a share of that of a word in a single one of `size` sentences."""
    return np.asarray(np.log1p((size - having + 0.5) / (having + 0.5)) / math.log1p((size - 0.5) / 1.5)) if size else having


def _spaced(bag: Sequence[str]) -> str:
    """Words with a space round each."""
    return f" {' '.join(bag)} "

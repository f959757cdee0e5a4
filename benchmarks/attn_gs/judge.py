"""What a profile was worth: numbers of one case, some of them without any reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from sklearn.metrics import roc_auc_score

from attngs.text.words import words
from benchmarks.attn_gs.data import RATING, Case, ratings
from benchmarks.attn_gs.reader import Reader

LOSS, ROUGE_1, ROUGE_L, NEW_WORDS = "loss of the answer", "ROUGE-1", "ROUGE-L", "new title words held"
EXPECTED, KEPT_MEAN = "expected rating", "mean of the kept ratings"
LIKED = 4.0
"""A rating from here on says that the user liked the film."""


def judge(reader: Reader, case: Case, profile: str, *, writes: bool) -> dict[str, float]:
    """The numbers of one case.

    Args:
        reader: Predicts.
        case: What to predict.
        profile: What is left of the user's past.
        writes: Whether the reader also writes a title, which takes longer than all else.
    """
    reading = reader.read(case, profile)
    found = {LOSS: reading.loss()}
    if case.task == RATING:
        kept = [stars for _, stars in ratings(profile)]
        expected = {EXPECTED: sum(stars * share for stars, share in reading.ratings().items())}
        return found | expected | ({KEPT_MEAN: fmean(kept)} if kept else {})
    if new := new_words(case):
        found[NEW_WORDS] = len(new & set(words(profile.casefold()))) / len(new)
    if writes:
        written = reading.title()
        found |= {ROUGE_1: rouge_1(case.answer, written), ROUGE_L: rouge_l(case.answer, written)}
    return found


def new_words(case: Case) -> set[str]:
    """The words of the title that the abstract lacks: only the profile, or the reader, can know them."""
    return set(words(case.answer.casefold())) - set(words(case.subject.casefold()))


def rouge_1(gold: str, written: str) -> float:
    """F1 of the words that two texts share (Lin, 2004), in lower case, without stemming."""
    first, second = words(gold.casefold()), words(written.casefold())
    shared = sum(min(first.count(word), second.count(word)) for word in set(first))
    return _f1(shared, len(first), len(second))


def rouge_l(gold: str, written: str) -> float:
    """F1 of the longest common subsequence of two texts' words (Lin, 2004)."""
    first, second = words(gold.casefold()), words(written.casefold())
    row = [0] * (len(second) + 1)
    for word in first:
        corner = 0
        for number, other in enumerate(second, 1):
            corner, row[number] = row[number], corner + 1 if word == other else max(row[number], row[number - 1])
    return _f1(row[-1], len(first), len(second))


def _f1(shared: int, gold: int, written: int) -> float:
    return 2 * shared / (gold + written) if shared else 0.0


def like_auc(gold: Sequence[float], predicted: Sequence[float]) -> float | None:
    """How often a film that was liked gets the higher prediction of two; `None` where all or none were liked."""
    liked = np.asarray(gold) >= LIKED
    return None if liked.all() or not liked.any() else float(roc_auc_score(liked, predicted))


class Bias:
    """Predictions without any model: means, and the usual bias model with shrunk biases of users and films.

    Args:
        histories: The ratings of other users, a list each.
    """

    SHRINKAGE = 5.0
    """Ratings of 0 bias that every user and film is given."""

    def __init__(self, histories: Sequence[Sequence[tuple[str, float]]]) -> None:
        everything = [stars for history in histories for _, stars in history]
        self.mean = fmean(everything)
        by_film: dict[str, list[float]] = {}
        for history in histories:
            user = self._shrunk([stars - self.mean for _, stars in history])
            for film, stars in history:
                by_film.setdefault(film, []).append(stars - self.mean - user)
        self._films = {film: self._shrunk(rest) for film, rest in by_film.items()}

    def predictions(self, case: Case) -> Mapping[str, float]:
        """By the name of the baseline."""
        own = list(ratings(case.profile_text))
        film = self._films.get(case.subject, 0.0)
        user = self._shrunk([stars - self.mean - self._films.get(name, 0.0) for name, stars in own])
        return {
            "mean of all ratings": self.mean,
            "user's mean": fmean(stars for _, stars in own) if own else self.mean,
            "film's mean": self.mean + film,
            "bias model": min(5.0, max(0.5, self.mean + user + film)),
        }

    def _shrunk(self, rest: Sequence[float]) -> float:
        return sum(rest) / (len(rest) + self.SHRINKAGE)

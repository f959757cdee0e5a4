"""What is measured: `verify`, and two simpler ways. A method says how suspicious a reply is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from attngs.checking.verify import verify
from attngs.text.words import words
from benchmarks.faithfulness.data import Case

FALSE_ALARMS = 0.1
"""A baseline's threshold flags at most this share of the faithful rewrites of the development half."""

_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to tell a faithful reply from one with an error."""

    name: str
    note: str
    suspicion: Callable[[Case], float]
    """Of a reply: the higher, the likelier it has an error."""
    threshold: float | None = None
    """A reply is flagged from this suspicion on. `None`: the development half sets it."""


def _unsupported(case: Case) -> float:
    return float(sum(len(verdict.unsupported) for verdict in verify(case.reply, case.sentences)))


def _unknown_figures(case: Case) -> float:
    known = {figure for sentence in case.sentences for figure in _FIGURE.findall(sentence.text)}
    return float(sum(figure not in known for figure in _FIGURE.findall(case.reply)))


def _unknown_words(case: Case) -> float:
    known = {word for sentence in case.sentences for word in words(sentence.text)}
    said = words(case.reply)
    return sum(word not in known for word in said) / max(1, len(said))


METHODS = (
    Method(name="attngs", note="`verify`", suspicion=_unsupported, threshold=1),
    Method(name="figures", note="a figure of the reply stands nowhere in the context", suspicion=_unknown_figures, threshold=1),
    Method(name="word overlap", note="share of the reply's words that stand nowhere in the context", suspicion=_unknown_words),
)


def threshold(method: Method, faithful: Sequence[float]) -> float:
    """The suspicion from which a method flags a reply.

    Its own threshold, or the lowest one that flags at most `FALSE_ALARMS` of these faithful rewrites.
    """
    if method.threshold is not None:
        return method.threshold
    allowed = int(FALSE_ALARMS * len(faithful))
    return float(np.nextafter(sorted(faithful, reverse=True)[allowed], np.inf))

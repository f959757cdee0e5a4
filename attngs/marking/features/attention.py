"""Features of a model's own attention: the log of the lift that every head gives to a sentence.

`last.L05.H03` is what the last prompt position pays in the fourth head of the sixth readable layer, `query.` what the question's tokens pay
on average, and `...mean` the paper's mean over the heads. 0 is uniform attention. `neutral.` is the same for a question about nothing in
particular: a probe that subtracts it removes sinks, places and catchy words (cf. SAGE, arXiv 2604.15583). The context is the same for all
of them: where it can be kept, each further question costs only its own tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from attngs.errors import AssetError
from attngs.marking.algorithm import pool_heads, token_density
from attngs.marking.scorers.attention import AttentionScorer
from attngs.marking.scorers.differential import NEUTRAL_QUERY
from attngs.protocols import Floats
from attngs.reading.segments import ReadFrom
from attngs.types import ScoreRequest, Sentence, Warmth

FLOOR = 1e-4
"""The least lift: less attention says nothing more, and a sentence without tokens has none."""

_NAME = re.compile(r"(?P<neutral>neutral\.)?(?P<read_from>last|query)\.L(?P<layer>\d+)\.(?:H(?P<head>\d+)|mean)")


class HeadName(NamedTuple):
    """What a feature reads."""

    neutral: bool
    read_from: ReadFrom
    layer: int
    head: int | None
    """`None` for the mean over heads."""

    def __str__(self) -> str:
        head = "mean" if self.head is None else f"H{self.head:02d}"
        return f"{'neutral.' if self.neutral else ''}{self.read_from}.L{self.layer:02d}.{head}"

    @classmethod
    def parse(cls, name: str) -> HeadName | None:
        """The parts of a name; `None` for one of another kind."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        head = match["head"]
        read_from: ReadFrom = "last" if match["read_from"] == "last" else "query"
        return cls(bool(match["neutral"]), read_from, int(match["layer"]), int(head) if head else None)


def head_names(layers: Iterable[int], heads: int, positions: Sequence[ReadFrom]) -> tuple[str, ...]:
    """The names of the heads and means of some layers, from each position, for both questions.

    The second question is the neutral one.
    """
    return tuple(
        str(HeadName(habit, read_from, layer, head))
        for habit in (False, True)
        for read_from in positions
        for layer in layers
        for head in (None, *range(heads))
    )


class AttentionFeatures:
    """Reads the named heads, and only the layers and positions that their names ask for.

    Args:
        scorer: Of the model; it must read every named layer.
        names: As `head_names` gives them.

    Raises:
        AssetError: A name asks for a layer or head that the scorer does not read.
    """

    def __init__(self, scorer: AttentionScorer, names: Sequence[str]) -> None:
        parsed = [(name, HeadName.parse(name)) for name in names]
        heads = scorer.reader.heads[scorer.layers[0]]
        for name, part in parsed:
            if part is None or part.layer not in scorer.layers or (part.head or 0) >= heads:
                raise AssetError(
                    f"the feature `{name}` asks for attention that is not there: layers {list(scorer.layers)} with {heads} heads are read."
                )
        self.names = tuple(names)
        self._scorer = scorer
        self._parts = [part for _, part in parsed if part is not None]
        self._passes = list(dict.fromkeys((part.neutral, part.read_from) for part in self._parts))

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or its error."""
        neutral = [replace(request, query=NEUTRAL_QUERY) for request in requests]
        read = {key: self._scorer.read(neutral if key[0] else requests, key[1]) for key in self._passes}
        return [self._columns({key: outcomes[i] for key, outcomes in read.items()}) for i in range(len(requests))]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before the first question.

        Raises:
            UnsupportedModelError: Nothing that the model reads of a context can be kept.
        """
        return self._scorer.warm(sentences, namespace)

    def forget(self, namespace: str | None = None) -> None:
        self._scorer.forget(namespace)

    def _columns(self, read: dict[tuple[bool, ReadFrom], tuple[Floats, Floats] | Exception]) -> Floats | Exception:
        logs: dict[tuple[bool, ReadFrom], tuple[Floats, Floats]] = {}
        for key, outcome in read.items():
            if isinstance(outcome, Exception):
                return outcome
            mass, tokens = outcome
            logs[key] = _log(token_density(mass, tokens)), _log(token_density(pool_heads(mass), tokens))  # (L, H, S), (L, S)
        columns = [
            logs[part.neutral, part.read_from][1][self._scorer.layers.index(part.layer)]
            if part.head is None
            else logs[part.neutral, part.read_from][0][self._scorer.layers.index(part.layer), part.head]
            for part in self._parts
        ]
        return np.stack(columns, axis=1)


def _log(lift: Floats) -> Floats:
    return np.log(np.maximum(lift, FLOOR))

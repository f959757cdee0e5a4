"""How much of what is marked does a rewrite hold, and would an extract of as many tokens hold more?

A sentence of the context weighs what its score has above the mean of all scores; unmarked ones weigh nothing. An extract
holds all of the sentences it keeps. A rewrite holds of a source the share of its terms that stand in the statements linked
to it; a good paraphrase has half of them, so that half counts as all. A statement has few links, so what it says nearly
word for word counts too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from attngs.checking.alignment import terms
from attngs.checking.language.languages import tell_language
from attngs.types import Marking
from attngs.writing.statements import RewriteStatement

PARAPHRASED = 0.5
"""Share of a sentence's terms that a statement linked to it needs, to hold all of it."""
SAID = 0.8
"""The same for a statement that is not linked to it."""


def holds_less(marking: Marking, statements: Sequence[RewriteStatement], extract: Collection[int]) -> bool:
    """Whether a rewrite holds less of what is marked than an extract.

    Args:
        marking: The sentences, their scores and marks.
        statements: The rewrite.
        extract: The sentences that an extract of as many tokens keeps.
    """
    mean = fmean(marking.scores)
    weights = {i: max(0.0, marking.scores[i] - mean) for i, marked in enumerate(marking.marked) if marked}
    said = [(_terms(statement.text), statement.sources) for statement in statements if statement.text]
    held = sum(weight * _held(i, _terms(marking.sentences[i].text), said) for i, weight in weights.items())
    return held < sum(weights.get(i, 0.0) for i in extract)


def _held(source: int, wanted: frozenset[str], said: Sequence[tuple[frozenset[str], tuple[int, ...]]]) -> float:
    """How much of a source the statements hold, 0 to 1."""
    if not wanted:
        return float(any(source in links for _, links in said))
    linked = frozenset[str]().union(*(found for found, links in said if source in links))
    share = len(wanted & linked) / (PARAPHRASED * len(wanted))
    repeated = any(len(wanted & found) >= SAID * len(wanted) for found, _ in said)
    return 1.0 if repeated else min(1.0, share)


def _terms(text: str) -> frozenset[str]:
    return frozenset(terms(text, tell_language(text)))

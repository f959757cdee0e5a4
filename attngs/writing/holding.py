"""How much of what is marked does a rewrite hold, and would an extract of as many tokens hold more?

A sentence of the context weighs what its score has above the mean of all scores; unmarked ones weigh nothing. An extract
holds all of the sentences it keeps. A rewrite holds of a source the share of its terms that stand in the statements linked
to it; a good paraphrase has half of them, so that half counts as all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from statistics import fmean

from attngs.checking.alignment import terms
from attngs.checking.language.languages import tell_language
from attngs.types import Marking
from attngs.writing.statements import RewriteStatement

PARAPHRASED = 0.5
"""Share of a sentence's terms that a paraphrase of it needs."""


def holds_less(marking: Marking, statements: Sequence[RewriteStatement], extract: Collection[int]) -> bool:
    """Whether a rewrite holds less of what is marked than an extract.

    Args:
        marking: The sentences, their scores and marks.
        statements: The rewrite.
        extract: The sentences that an extract of as many tokens keeps.
    """
    mean = fmean(marking.scores)
    weights = {i: max(0.0, marking.scores[i] - mean) for i, marked in enumerate(marking.marked) if marked}
    said = defaultdict[int, set[str]](set)
    for statement in statements:
        if statement.text:
            found = set(terms(statement.text, tell_language(statement.text)))
            for i in statement.sources:
                said[i] |= found
    held = sum(weights[i] * _share(marking.sentences[i].text, found) for i, found in said.items() if i in weights)
    return held < sum(weights.get(i, 0.0) for i in extract)


def _share(source: str, said: Collection[str]) -> float:
    """How much of a source is said: all of it from `PARAPHRASED` of its terms on."""
    wanted = set(terms(source, tell_language(source)))
    return min(1.0, len(wanted.intersection(said)) / (PARAPHRASED * len(wanted))) if wanted else 1.0

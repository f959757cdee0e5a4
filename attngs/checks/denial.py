"""Does the sentence deny what the evidence affirms, or affirm what it denies?"""

from __future__ import annotations

from collections.abc import Iterable

from attngs.claims.clauses import Clause
from attngs.evidence import SourceClause


def flipped(clause: Clause, sources: Iterable[SourceClause]) -> str:
    """A word of the clause that the sources have with the other sign only; empty if there is none.

    Words that a denial is about decide, on either side: the clause's own, and those of the sources that it repeats.
    """
    signs: dict[str, set[int]] = {}
    focus = set[str]()
    for source in sources:
        for word in source.clause.said:
            signs.setdefault(word.stem, set()).add(word.polarity)
            if word.focus:
                focus.add(word.stem)
    about = [word for word in clause.said if (word.focus or word.stem in focus) and word.stem in signs and word.polarity]
    wrong = [word for word in about if word.polarity not in signs[word.stem] and 0 not in signs[word.stem]]
    return wrong[0].text if wrong and 2 * len(wrong) >= len(about) else ""

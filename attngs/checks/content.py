"""Is there a statement in the sentence that the evidence does not carry at all?"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.claims.clauses import Clause, Said

_RUN = 3  # words in a row that nothing carries
_SHARE = 0.7  # of a sentence's words
_PREFIX = 5


def invented(clauses: Sequence[Clause], stems: frozenset[str]) -> list[Said]:
    """The words of a sentence that make up a statement of their own; empty where they are but other words for what is known.

    Args:
        clauses: The sentence.
        stems: Stems of the evidence.
    """
    prefixes = frozenset(stem[:_PREFIX] for stem in stems if len(stem) >= _PREFIX)
    words = [word for clause in clauses for word in clause.said]
    missing = [word for word in words if not _carried(word.stem, stems, prefixes)]
    if len(missing) >= 2 and len(missing) >= _SHARE * len(words):
        return missing
    lost = set(missing)
    for clause in clauses:
        run = list[Said]()
        for word in clause.said:
            run = [*run, word] if word in lost else []
            if len(run) >= _RUN:
                return run
    return []


def cover(clauses: Sequence[Clause], stems: frozenset[str]) -> float:
    """Share of the words with content that the evidence has."""
    prefixes = frozenset(stem[:_PREFIX] for stem in stems if len(stem) >= _PREFIX)
    words = [word.stem for clause in clauses for word in clause.said]
    return sum(_carried(stem, stems, prefixes) for stem in words) / len(words) if words else 1.0


def _carried(stem: str, stems: frozenset[str], prefixes: frozenset[str]) -> bool:
    return stem in stems or (len(stem) >= _PREFIX and stem[:_PREFIX] in prefixes)

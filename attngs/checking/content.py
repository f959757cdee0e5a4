"""Is there a statement in the sentence that the evidence does not carry at all?"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.checking.language.clauses import Clause, Said

_ALONE = 3  # words of a clause of which none is carried
_RUN = 4  # words in a row that nothing carries
_SHARE = 0.7  # of all that a sentence says
_PREFIX = 5


def invented(clauses: Sequence[Clause], stems: frozenset[str]) -> list[Said]:
    """The words of a sentence that make up a statement of their own; empty where they are but other words for what is known.

    Names and figures are other checks' business; here they tie the words round them to the evidence.

    Args:
        clauses: The sentence.
        stems: Stems of the evidence.
    """
    prefixes = frozenset(stem[:_PREFIX] for stem in stems if len(stem) >= _PREFIX)
    missing = [word for clause in clauses for word in clause.said if not _carried(word.stem, stems, prefixes)]
    said = sum(len(clause.said) + len(clause.mentions) + sum(name.sure for name in clause.names) for clause in clauses)
    if len(missing) >= 2 and len(missing) >= _SHARE * said:
        return missing
    lost = set(missing)
    for clause in clauses:
        if len(clause.said) >= _ALONE and not clause.mentions and lost.issuperset(clause.said):
            return list(clause.said)
        ties = sorted(
            [mention.start for mention in clause.mentions if not mention.weak] + [name.start for name in clause.names if name.sure]
        )
        run = list[Said]()
        for word in clause.said:
            tied = run and any(run[-1].start < tie < word.start for tie in ties)
            run = [*([] if tied else run), word] if word in lost else []
            if len(run) >= _RUN:
                return run
    return []


def _carried(stem: str, stems: frozenset[str], prefixes: frozenset[str]) -> bool:
    return stem in stems or (len(stem) >= _PREFIX and stem[:_PREFIX] in prefixes)

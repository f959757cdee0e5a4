"""Figures that a question names or asks for.

"Which machine does press 2 replace?" names a thing by its number. Its neighbours, press 3 and invoice 8842, say nearly the same in nearly
the same words, and states hardly tell numbers apart. So of the best units those gain that have the number behind the same word, or have a
head that has; in a table the word may be the name of the column.

"How much rent do I pay?" and "when is the exam?" ask for a figure, and what has none can hardly answer. So of the best units those gain
that have a number, an amount, a day or a time which the question does not have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import tell_language
from attngs.marking.scales import raised
from attngs.protocols import Floats
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence

NAMED = 1.0
"""What a unit gains that has a number of the question, in standard deviations of the context's scores."""
ASKED = 0.5
"""What a unit gains that has a figure where one is asked for: the most that cost nothing on ExpMRC and on BEAM's chats 1 to 3."""
BEST = 64
"""Units that are looked at, the best first: those that a budget may hold."""
LONGEST = 600
"""Characters of a unit, a head and a question that are read."""
EARLY = 60
"""Characters of a question in which it says that it asks for a figure."""

_ASKS = re.compile(
    r"\bhow (?:many|much|long|old|far|often|big|large|tall|high|deep|fast|heavy|wide|late|early|expensive)\b"
    r"|\b(?:what|which) (?:time|day|date|year|month|week|hour)\b"
    r"|^\W*(?:and |so |but )?(?:since |until |till |by )?when\b(?!.*\b(?:what|wh(?:o|ich|ere|y)|how)\b)"
    r"|\bwie (?:viele?n?|lange|alt|hoch|groß|weit|oft|teuer|schwer|tief|breit|schnell)\b|\bwieviele?\b|\bwann\b|\ban welchem tag\b"
    r"|\bcombien\b|\bquand\b|\bquel(?:le)? (?:heure|jour|date|année|âge)\b"
    r"|\bcuánt[oa]s?\b|\bcuándo\b|\bqué (?:hora|día|año|fecha)\b"
    r"|\bquant[oaie]s?\b|\bquando\b|\bche (?:ora|giorno|anno)\b|\bque (?:horas|dia|ano)\b"
    r"|\bhoeveel\b|\bwanneer\b|\bhoe (?:lang|oud|vaak|ver|laat)\b"
    r"|\bile\b|\bkiedy\b|сколько|когда|\bkaç\b|\bne zaman\b|\bbao nhiêu\b|\bkhi nào\b"
    r"|多少|几[个点岁次年月天]|幾|多久|多大|多长|什么时候|何时|哪[天年]|いくつ|いくら|いつ|何[時個人年日本回分歳]|몇|얼마|언제",
    re.IGNORECASE,
)
"""How a question asks for a number, an amount or a time, in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian,
Turkish, Vietnamese, Chinese, Japanese and Korean."""


def lift_by_figures(request: ScoreRequest, scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` in which units gain that have a figure of the question, or one that it asks for.

    Args:
        request: The question and the units.
        scores: Of the units. The result stays in their range.
    """
    query, sentences = request.query[:LONGEST], request.sentences
    named = numbered(words(query))
    asks = _ASKS.search(query, 0, EARLY) is not None
    if not (named or asks) or len(scores) < 2:
        return scores
    own = np.array(scores)
    best = [int(i) for i in np.argsort(-own, kind="stable")[:BEST]]
    gains = np.zeros(len(own))
    if named:
        gains[[i for i in best if _has(sentences[i], named)]] += NAMED
    if asks:
        gains += _with_figures(query, sentences, best)
    return raised(own, gains, request.whole) if gains.any() else scores


def numbered(found: Sequence[str]) -> set[tuple[str, str]]:
    """Each number among words with the word before it, which it may be the number of."""
    return {pair for pair in pairwise(found) if pair[1][:1].isdigit() and not pair[0][:1].isdigit()}


def _with_figures(query: str, sentences: Sequence[Sentence], best: Sequence[int]) -> Floats:
    """What units gain for a figure that the question does not have `(S,)`."""
    known, gains = _figures(query), np.zeros(len(sentences))
    gains[[i for i in best if not _figures(sentences[i].text[:LONGEST]) <= known]] = ASKED
    return gains


def _figures(text: str) -> set[object]:
    """What the figures of a text mean."""
    mentions, _ = find_figures(text, tell_language(text))
    return {meaning for mention in mentions if not mention.weak for meaning in mention.meanings}


def _has(sentence: Sentence, named: set[tuple[str, str]]) -> bool:
    """Whether a unit or a head of it has one of these numbers behind its word."""
    text = sentence.document.text
    own = words(sentence.text[:LONGEST])
    above = [words(text[head.start : min(head.end, head.start + LONGEST)]) for head in sentence.heads]
    if any(not named.isdisjoint(pairwise(part)) for part in (own, *above)):
        return True
    return sentence.kind in {"row", "cell"} and bool(above) and any(number in own[:2] and word in above[-1] for word, number in named)

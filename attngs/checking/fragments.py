"""What is lost where a part of a sentence is quoted without the words that qualify it?

"Ana moved to Porto" stands word for word in "I don't think Ana moved to Porto", which does not say so. All that the quoted words can
have lost stands outside them: a denial, a hedge, who says it, on which condition, how many or how often. It counts where it reaches
them: nothing between that ends a statement, and a "that" only behind a word such as "think", since "the boat that Ana sold" is sold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from attngs.checking.language.clauses import Clause
from attngs.checking.language.cues import Cue, find_cues
from attngs.checking.language.languages import Language
from attngs.checking.language.polarity import denials
from attngs.checking.language.tenses import tenses
from attngs.checking.language.tokens import Token
from attngs.checking.qualifiers import condition_cues
from attngs.checking.reports import is_own_report
from attngs.types import Claim

_ENDS = frozenset("; : . ! ? — – ( ) [ ] and but or so because while although though which who where".split())
"""End what a word before them is about. A comma does, too, but for what opens a sentence: "perhaps, after all,"."""
_SUBORDINATING = frozenset("that whether if when until unless after before as since once than".split())
_STATED = frozenset("dass daß ob que che".split())  # a comma before them ends nothing: "es stimmt nicht, dass"
_TAKING_STATEMENTS = frozenset(
    "think thinks thought believe believes believed say says said claim claims claimed mean means sure certain true clear case fact likely "
    "possible feel feels felt expect expects expected suppose imagine hear heard told me us him her them possibility chance idea".split()
)
"""Behind these, "that" begins what is thought or said."""
_PRESUPPOSING = frozenset(
    "know knew known realise realised realize realized notice noticed mind forget regret aware surprised tell told mention only".split()
)
"""Denied, they still say that what follows is so: "I did not know that Ana moved"."""
_UNSURE = frozenset({"possible", "hope", "wish", "plan", "advice", "permission", "ability", "preference"})
_NUMBERED = frozenset({"most", "many", "some", "few", "none", "only", "alternate"})
_TRAILER = 7  # tokens behind a statement that may say who says it: ", or so they say"


class QualifiedSentence(NamedTuple):
    """A sentence, and what in it may qualify its words."""

    tokens: Sequence[Token]
    language: Language
    denials: Sequence[int]
    """Numbers of tokens that deny something."""
    cues: Sequence[Cue]

    @classmethod
    def of(cls, tokens: Sequence[Token], language: Language) -> QualifiedSentence:
        cues = find_cues(tokens) if language.code == "en" else []
        hedged = {i for cue in cues if cue.group == "modality" for i in range(cue.start, cue.end)}  # "not sure"
        return cls(tokens, language, [i for i in denials(tokens, language) if i not in hedged], cues)

    def lost(self, start: int, end: int) -> Claim | None:
        """What qualifies the tokens from `start` to `end` from outside; `None` if nothing does."""
        place = _Place(self.tokens, start, end)
        if (i := next((i for i in self.denials if _denies(i, place, self.language)), None)) is not None:
            return Claim("negation", self.tokens[i].text)
        for kind, qualifies in _QUALIFIERS:
            if found := next((cue for cue in self.cues if qualifies(cue, place, self.language)), None):
                return Claim(kind, " ".join(token.text for token in self.tokens[found.start : found.end]))
        return None


class _Place(NamedTuple):
    """Where the quoted words stand among the tokens of a sentence."""

    tokens: Sequence[Token]
    start: int
    end: int


def check_fragment(clauses: Sequence[Clause], sources: Sequence[Clause], language: Language) -> Iterator[Claim]:
    """What every sentence that has the quoted words says beside them, and they do not.

    Args:
        clauses: A sentence of the reply that is part of a sentence of the sources, word for word.
        sources: The clauses of the sentences that have it.
        language: Of both. Hedges, reports, conditions and quantities are known in English only.
    """
    wanted = _stripped([token for clause in clauses for token in clause.tokens])
    lost = list[Claim | None]()
    for tokens in _sentences(sources):
        if places := list(_places(wanted, tokens)):
            sentence = QualifiedSentence.of(tokens, language)
            lost += [sentence.lost(start, end) for start, end in places]
    if lost and all(lost):
        yield from (claim for claim in lost[:1] if claim)


def _stripped(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens from the first word to the last."""
    spoken = [i for i, token in enumerate(tokens) if token.is_word]
    return tokens[spoken[0] : spoken[-1] + 1] if spoken else ()


def _sentences(clauses: Sequence[Clause]) -> Iterator[Sequence[Token]]:
    tokens = list[Token]()
    for clause in clauses:
        if clause.opens and tokens:
            yield tokens
            tokens = []
        tokens.extend(clause.tokens)
    yield tokens


def _places(wanted: Sequence[Token], tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    texts, sought = [token.text for token in tokens], [token.text for token in wanted]
    for start in range(len(texts) - len(sought) + 1 if sought else 0):
        if texts[start : start + len(sought)] == sought:
            yield start, start + len(sought)


def _denies(i: int, place: _Place, language: Language) -> bool:
    """Whether a denial at a place reaches the quoted words."""
    if i < place.start:
        presupposed = any(token.lower in _PRESUPPOSING for token in place.tokens[i : place.start])
        return _reaches(i + 1, place) and not presupposed
    ahead = range(place.end, i) if language.deny_back else ()
    return i == place.end or (place.end < i and bool(ahead) and not any(_ends(place.tokens, j) for j in ahead))


def _reaches(i: int, place: _Place) -> bool:
    """Whether what ends before a place is about the quoted words behind it."""
    tokens = place.tokens
    between = range(i, place.start)
    apart = any(_ends(tokens, j) or (tokens[j].lower in _SUBORDINATING and not _opens_statement(tokens, i, j)) for j in between)
    return not apart and tokens[place.start].lower not in _ENDS


def _ends(tokens: Sequence[Token], j: int) -> bool:
    following = tokens[j + 1].lower if j + 1 < len(tokens) else ""
    return tokens[j].lower in _ENDS or (tokens[j].text == "," and following not in _STATED)


def _opens_statement(tokens: Sequence[Token], i: int, j: int) -> bool:
    """Whether the "that" at a place begins what is thought or said, and not what tells more of a noun."""
    return j == i or tokens[j - 1].lower in _TAKING_STATEMENTS


def _is_unsure(cue: Cue, place: _Place, language: Language) -> bool:
    """Whether a hedge before or behind the quoted words is about them."""
    if cue.group != "modality" or cue.kind not in _UNSURE:
        return False
    if cue.kind == "possible":
        return _leads(cue, place) or _trails(cue, place)
    return cue.end <= place.start and _reaches(cue.end, place)


def _is_reported(cue: Cue, place: _Place, language: Language) -> bool:
    """Whether a cue before or behind the quoted words tells that somebody else says them."""
    told = cue.group == "reported" and cue.kind != "mention" and not is_own_report(place.tokens, cue)
    return told and (_leads(cue, place) or _trails(cue, place))


def _leads(cue: Cue, place: _Place) -> bool:
    """Whether a cue before the quoted words reaches them, or opens their sentence before a comma."""
    if cue.end > place.start:
        return False
    opens = not any(token.is_word for token in place.tokens[: cue.start])
    ended = any(token.lower in _ENDS for token in place.tokens[cue.end : place.start + 1])
    return _reaches(cue.end, place) or (opens and not ended and place.tokens[place.start - 1].text == ",")


def _trails(cue: Cue, place: _Place) -> bool:
    """Whether a cue stands in a few last words behind the quoted ones, right behind them or a comma."""
    apart = place.end < len(place.tokens) and place.tokens[place.end].text in {",", "—", "–"}
    return (
        cue.start >= place.end
        and len(place.tokens) - place.end <= _TRAILER
        and (apart or (cue.start == place.end and cue.kind != "report"))
    )


def _is_conditional(cue: Cue, place: _Place, language: Language) -> bool:
    """Whether a condition before or behind the quoted words is theirs."""
    tokens, quoted = place.tokens, place.tokens[place.start : place.end]
    if cue not in condition_cues(tokens) or (cue.kind == "without" and not denials(quoted, language)):
        return False
    if cue.start >= place.end:
        return not any(_ends(tokens, j) or tokens[j].lower in _SUBORDINATING for j in range(place.end, cue.start - 1))
    once = tokens[cue.start].lower.startswith("when") and "past" in tenses(quoted, ())  # "when she wanted to go"
    commas = [j for j in range(cue.end, place.start) if tokens[j].text == ","]
    apart = any(_ends(tokens, j) for j in range(commas[-1] + 1 if commas else cue.end, place.start + 1))
    return (
        cue.end <= place.start
        and not once
        and not apart
        and not any(token.text in {";", ".", "—", "–"} for token in tokens[cue.end : place.start])
    )


def _counts(cue: Cue, place: _Place, language: Language) -> bool:
    """Whether a cue says of how much or how often the quoted words hold.

    It stands right behind them, or before them with nothing but function words between.
    """
    between = place.tokens[cue.end : place.start]
    before = cue.end <= place.start and all(token.lower in language.function_words for token in between) and _reaches(cue.end, place)
    return cue.group == "quantity" and cue.kind in _NUMBERED and (before or cue.start == place.end)


_QUALIFIERS: tuple[tuple[str, Callable[[Cue, _Place, Language], bool]], ...] = (
    ("condition", _is_conditional),
    ("attribution", _is_reported),
    ("modality", _is_unsure),
    ("quantity", _counts),
)

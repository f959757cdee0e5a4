"""Is the reply as sure and as general as its sources, of the same time and on the same condition?

"Might move" is not "moves", "most" are not "all", "used to smoke" is not "smokes", "take it if it hurts" is not "take it".
A statement of the reply is compared with those statements of the sources that share most of its words. It is unsupported
where all of them qualify it otherwise. English only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from attngs.checking.figures import LIGHT, carried
from attngs.checking.language.clauses import Clause
from attngs.checking.language.cues import Cue, find_cues
from attngs.checking.language.names import USER
from attngs.checking.language.tenses import acts, states, tenses, verb_times
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import term
from attngs.checking.reports import introduces, is_another, reporter
from attngs.types import Claim

_NEAR = 0.6  # of what the most similar source statement shares: from there on a source statement is about the same
_ABOUT = 0.5  # of what a statement of the reply says: so much of it must stand in a source statement that is about the same
_CARRIED_BY = {
    "fact": {"fact", "ability", "duty", "plan", "certain", "preference"},
    "certain": {"fact", "duty", "certain"},
    "ability": {"fact", "ability", "permission", "plan", "certain", "advice"},
    "permission": {"permission", "ability", "possible", "fact", "advice"},
    "possible": {"possible", "permission", "ability", "plan", "wish", "hope"},
    "plan": {"plan", "wish", "duty", "fact", "certain"},
    "hope": {"hope", "wish", "possible"},
    "wish": {"wish", "hope", "plan", "possible", "fact", "preference"},
    "preference": {"preference", "wish", "fact"},
    "advice": {"advice", "wish", "fact"},
    "duty": {"duty", "fact", "certain"},
}
"""For each modality of a reply those of a source that carry it. An imperative counts as a fact."""
_AS_MANY = {
    "all": {"all"},
    "most": {"most"},
    "many": {"many", "most"},
    "some": {"some", "many", "few"},
    "few": {"few", "some"},
    "none": {"none", "few"},
    "only": {"only", "few", "some"},
    "alternate": {"alternate", "some"},
}
"""The same for quantities."""
_SOFTENED = frozenset({"possible", "advice", "duty", "wish", "hope"})
_DETERMINERS = frozenset("a an the my his her its our their this that".split())
_WITH_FIGURE = frozenset("over above under below up maximum max minimum more less fewer longer shorter exceeds exceeding".split())
_FIGURE_REACH = 12  # characters from such a word to its figure
_ASKING = frozenset("ask asks asked know knows knew wonder wondering see sure check checked find told".split())
_WHEN = frozenset("when whenever".split())
_LONGEST = 30  # tokens of a condition
_ENDS = frozenset(", ; : — – ( )".split())


class _Statement(NamedTuple):
    """What a clause says, and how it is qualified."""

    clause: Clause
    cues: tuple[Cue, ...]
    stems: frozenset[str]
    """Of its words, but for its cues and those that say little."""
    names: frozenset[str]
    reporter: frozenset[str] | None
    """Names and stems of who says it, empty where that is not told; `None` where nobody is said to say it."""

    def kinds(self, group: str) -> frozenset[str]:
        return frozenset(cue.kind for cue in self.cues if cue.group == group)

    def modality(self) -> frozenset[str]:
        """How sure it is; the least sure word counts: "perhaps she will"."""
        found = self.kinds("modality") or frozenset({"fact"})
        return found - {"plan"} if found & {"possible", "certain"} else found

    def opens_condition(self) -> bool:
        """Whether it is a condition: "if it rains"."""
        return any(cue.group == "condition" and cue.start == 0 for cue in self.cues)

    def only_exists(self) -> bool:
        """Whether it says no more than that there is something: "there's an exam"."""
        return len(self.stems) == 1 and any(token.lower in {"there", "there's"} for token in self.clause.tokens[:1])

    def denies_without(self) -> bool:
        """Whether two denials say what must be: "not without a parent"."""
        return "without" in self.kinds("condition") and any(_denies(token) for token in self.clause.tokens)

    def tenses(self) -> frozenset[str]:
        ahead = {"future"} if self.kinds("modality") & {"plan", "hope"} else set[str]()
        return tenses(self.clause.tokens, self.kinds("tense") | ahead)


def check_qualifiers(clauses: Sequence[Clause], sources: Sequence[Clause]) -> Iterator[Claim]:
    """What a sentence says more surely, more generally, of another time or with fewer conditions.

    Args:
        clauses: A sentence of the reply.
        sources: The clauses of the sentences that it is linked to, in order.
    """
    known, said = _read_all(sources), _read_all(clauses)
    reports = any(statement.kinds("reported") for statement in said)
    everybody = frozenset[str]().union(*(statement.stems | statement.names for statement in said))
    for statement in said:
        if state := _ended(statement, known):
            yield Claim("tense", state)
        near = _near(statement, known)
        for group, differs in _GROUPS:
            if near and all(differs(statement, source) for source in near):
                yield Claim("quantity" if group == "bound" else group, _words(statement, group))
        reporters = [source.reporter for source in near if source.reporter is not None]
        named = not everybody.isdisjoint(frozenset[str]().union(*reporters))  # "in Paolo's view" has no cue, but Paolo
        soft = reports or named or bool(statement.modality() & _SOFTENED)
        dropped = len(reporters) == len(near) > 0 and not soft  # nobody but them says it
        if dropped or (reporters and is_another(statement.clause, statement.cues, reporters)):
            yield Claim("attribution", _words(statement, "reported"))
    yield from _conditions(clauses, said, sources, known)


def _read_all(clauses: Sequence[Clause]) -> list[_Statement]:
    """The statements of some clauses.

    "Until he was four" tells of the clause before it, too, that it has ended. "They say that" is said of the clause after it.
    """
    read = [_read(clause) for clause in clauses]
    for i, (before, statement) in enumerate(pairwise(read), 1):
        if statement.reporter is None and introduces(before.clause, before.cues, statement.clause):
            read[i] = statement._replace(reporter=before.reporter)
    for i, (statement, after) in enumerate(pairwise(read)):
        ends = [cue for cue in after.cues if cue.kind == "ended" and cue.start == 0 and not after.clause.opens]
        read[i] = statement._replace(cues=(*statement.cues, *(cue._replace(end=0) for cue in ends)))
    return [statement for statement in read if not statement.clause.question]


def _read(clause: Clause) -> _Statement:
    figures, named = {mention.start for mention in clause.mentions}, {name.start for name in clause.names if name.sure}
    found = [
        cue for cue in find_cues(clause.tokens) if clause.tokens[cue.start].start not in named and not _goes_somewhere(clause.tokens, cue)
    ]
    cues = [cue for cue in found if cue.group != "bound" or _bounds(clause, cue, figures)]
    inside = {clause.tokens[i].start for cue in cues for i in range(cue.start, cue.end)}
    stems = frozenset(word.stem for word in clause.content if word.start not in inside)
    names = frozenset(name.key for name in clause.names) - {USER}
    return _Statement(clause, tuple(cues), stems - LIGHT, names, reporter(clause, cues))


def _goes_somewhere(tokens: Sequence[Token], cue: Cue) -> bool:
    """Whether "going to" is followed by a place: "going to a cottage"."""
    after = tokens[cue.end] if cue.end < len(tokens) else None
    return tokens[cue.end - 1].lower == "to" and tokens[cue.end - 2].lower == "going" and after is not None and after.lower in _DETERMINERS


def _bounds(clause: Clause, cue: Cue, figures: Container[int]) -> bool:
    """Whether a word such as "over" has a figure behind it. "At least" and "or more" need none."""
    last = clause.tokens[cue.end - 1]
    if last.lower != "than" and clause.tokens[cue.start].lower not in _WITH_FIGURE:
        return True
    return last.lower in {"more", "less", "fewer"} or any(last.end + step in figures for step in range(_FIGURE_REACH))


def _near(statement: _Statement, known: Sequence[_Statement]) -> list[_Statement]:
    """The statements of the sources that are about the same.

    Where some of them have all its names, or tell of the same act, only those.
    """
    shared = [(source, _shared(statement, source)) for source in known]
    most = max((weight for _, weight in shared), default=0.0)
    if most < max(1.0, _ABOUT * _shared(statement, statement)):
        return []
    near = [source for source, weight in shared if weight >= _NEAR * most]
    near = [source for source in near if source.names >= statement.names] or near
    done = acts(statement.clause.tokens) - LIGHT
    return [source for source in near if source.stems & done] or near


def _shared(statement: _Statement, source: _Statement) -> float:
    """How much two statements have in common. Names and figures tell less than words."""
    figures = sum(not mention.weak and carried(mention, source.clause.figures) for mention in statement.clause.mentions)
    return len(statement.stems & source.stems) + 0.5 * (len(statement.names & source.names) + figures)


def _words(statement: _Statement, group: str) -> str:
    """The words of a statement that a claim is about: its cue of this group, or its first words."""
    tokens = statement.clause.tokens
    first = next(((cue.start, cue.end) for cue in statement.cues if cue.group == group), (0, len(tokens)))
    return " ".join(token.text for token in tokens[slice(*first)])


def _is_surer(statement: _Statement, source: _Statement) -> bool:
    """Whether the source does not say it as surely, or not as a duty or a wish."""
    if (
        len(statement.stems) + len(statement.names) + len(statement.clause.mentions) < 2
        or statement.opens_condition()
        or statement.only_exists()
        or source.denies_without()
    ):
        return False
    said, known = statement.modality(), source.modality()
    done = said == {"fact"} and "past" in statement.tenses()
    if done and "past" not in source.tenses() and known.isdisjoint({"fact", "certain"}):
        return True
    return all(_CARRIED_BY[kind].isdisjoint(known) for kind in said)


def _is_of_others(statement: _Statement, source: _Statement) -> bool:
    """Whether both tell how many or how often, and not the same."""
    said, known = statement.kinds("quantity"), source.kinds("quantity")
    if _is_opposed(statement.clause, source.clause) or ("only" in said and any(_denies(token) for token in statement.clause.tokens)):
        return False
    if any(mention.kind == "number" and _is_part(source.clause, mention.end) for mention in source.clause.mentions):
        known = known - {"all"} | {"some"}
    return bool(said and known - {"none"}) and all(_AS_MANY[kind].isdisjoint(known) for kind in said)


def _is_opposed(clause: Clause, source: Clause) -> bool:
    """Whether one says the opposite of the other: nearly all closed, a few open."""
    mine, theirs = ({word.stem: term(word.text.lower(), None).opposite for word in one.content} for one in (clause, source))
    return any(mine[stem] != theirs[stem] for stem in mine.keys() & theirs.keys())


def _is_part(clause: Clause, end: int) -> bool:
    """Whether "of" or "out of" follows a number: "three of the five"."""
    return any(token.lower in {"of", "out"} and token.start == end + 1 for token in clause.tokens)


def _is_bound_otherwise(statement: _Statement, source: _Statement) -> bool:
    said, known = statement.kinds("bound"), source.kinds("bound")
    return bool(said and known) and said.isdisjoint(known)


def _is_of_another_time(statement: _Statement, source: _Statement) -> bool:
    said, known = statement.tenses(), source.tenses()
    if "formerly" in said:
        return known.isdisjoint({"formerly", "past"}) and not source.clause.denies  # "no longer"
    if "formerly" in known:
        return said.isdisjoint({"past", "now"})
    if "past" in known and said & {"past", "future", "ended"} == set() and ("ended" in known or "still" in said):
        return True
    if "future" in known and "past" not in known:
        return "past" in said and "future" not in said
    if "future" in said and "past" not in said:
        return "past" in known and "future" not in known
    mine, theirs = verb_times(statement.clause.tokens), verb_times(source.clause.tokens)
    both = mine.keys() & theirs.keys() & statement.stems
    return any(mine[stem] != theirs[stem] and (mine[stem] == "past" or "past" not in said) for stem in both)  # "got cracks"


def _ended(statement: _Statement, known: Sequence[_Statement]) -> str:
    """A state of today in a statement that is a past one in all sources; empty if there is none."""
    theirs = [state for source in known for state in states(source.clause.tokens)]
    for mine in states(statement.clause.tokens):
        same = [state for state in theirs if state.verb == mine.verb and state.stems & mine.stems]
        if not mine.past and same and all(state.past for state in same):
            return mine.text
    return ""


_GROUPS: tuple[tuple[str, Callable[[_Statement, _Statement], bool]], ...] = (
    ("modality", _is_surer),
    ("quantity", _is_of_others),
    ("bound", _is_bound_otherwise),
    ("tense", _is_of_another_time),
)


class _Condition(NamedTuple):
    """A condition in a sentence."""

    sign: int
    """1 for "if", -1 for "unless" and "if not"."""
    condition: frozenset[str]
    main: frozenset[str]
    """What holds on it."""
    clauses: tuple[Clause, ...]
    """The sentence."""


def _conditions(
    clauses: Sequence[Clause], said: Sequence[_Statement], sources: Sequence[Clause], known: Sequence[_Statement]
) -> Iterator[Claim]:
    """Conditions of the sources that a sentence of the reply drops or turns round."""
    mine = [found for sentence in _sentences(clauses) for found in _read_conditions(sentence)]
    everything = frozenset[str]().union(*(clause.stems | {name.key for name in clause.names} for clause in clauses))
    for found in (found for sentence in _sentences(sources) for found in _read_conditions(sentence)):
        turned = [one for one in mine if len(one.condition & found.condition) >= _NEAR * len(one.condition) and one.main & found.main]
        if turned and all(one.sign != found.sign for one in turned):
            yield Claim("condition", " ".join(sorted(turned[0].condition)))
        if mine or everything & found.condition or any("either" in clause.words for clause in clauses):
            continue
        others = [source for source in known if source.clause not in found.clauses]
        for statement in said:
            shared = statement.stems & found.main
            whole = shared == found.main and 2 * len(shared) >= len(statement.stems)
            holds = shared and (whole or len(shared) >= _NEAR * len(statement.stems))
            if holds and not any(shared <= other.stems for other in others):
                yield Claim("condition", _words(statement, "condition"))


def _sentences(clauses: Sequence[Clause]) -> Iterator[tuple[Clause, ...]]:
    sentence = list[Clause]()
    for clause in clauses:
        if clause.opens and sentence:
            yield tuple(sentence)
            sentence = []
        sentence.append(clause)
    if sentence:
        yield tuple(sentence)


def _read_conditions(sentence: tuple[Clause, ...]) -> Iterator[_Condition]:
    """The conditions of a sentence. Each reaches to the next comma or clause."""
    tokens = [token for clause in sentence for token in clause.tokens]
    content = {word.start: word.stem for clause in sentence for word in clause.content if word.stem not in LIGHT}
    names = {name.start: name.key for clause in sentence for name in clause.names}
    ends = {clause.tokens[0].start for clause in sentence if clause.tokens} | {token.start for token in tokens if token.text in _ENDS}
    denied = any(map(_denies, tokens))
    for cue in condition_cues(tokens):
        if cue.kind == "without" and not denied:
            continue
        reach = range(cue.end + 1, min(len(tokens), cue.end + _LONGEST))
        end = next((i for i in reach if tokens[i].start in ends or _is_subject(tokens[i])), cue.end + _LONGEST)
        inside = {token.start for token in tokens[cue.start : end]}
        condition = frozenset(stem for start, stem in (content | names).items() if start in inside)
        if condition:
            sign = 1 if cue.kind == "given" else -1
            turned = any(_denies(token) for token in tokens[cue.end : end])
            main = frozenset(stem for start, stem in content.items() if start not in inside)
            yield _Condition(-sign if turned else sign, condition, main, sentence)


def condition_cues(tokens: Sequence[Token]) -> list[Cue]:
    """The cues of a sentence that open a condition: neither "asked if" nor "when I was small"."""
    cues = find_cues(tokens)
    past = "past" in tenses(tokens, ()) and not any(cue.group == "modality" for cue in cues)
    return [
        cue
        for cue in cues
        if cue.group == "condition"
        and not (cue.start and tokens[cue.start - 1].lower in _ASKING)
        and not (past and tokens[cue.start].lower in _WHEN)
    ]


def _is_subject(token: Token) -> bool:
    """Whether it is "I" or "we'll"."""
    return token.lower.partition("'")[0] in {"i", "we", "you", "he", "she", "they"}


def _denies(token: Token) -> bool:
    return token.lower in {"not", "no", "never", "cannot", "nobody"} or token.lower.endswith("n't")

"""A text, read into clauses: what each says, of whom, with which figures, and what it denies.

Replies and sources are read alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import Language, english
from attngs.checking.language.mentions import Figures, Mention
from attngs.checking.language.names import TITLES, Name, find_names
from attngs.checking.language.polarity import Signs, read_signs
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import Term, term, wording
from attngs.text.boundaries import sentence_ends

_DASHES = frozenset("; — – ( ) [ ] | •".split())
_QUOTES = frozenset("\"'“”„«»‘’([「*_")
_OPENERS = frozenset(":：•…¿¡-–—")
_APPOSITION = 4  # tokens of "his wife,"
_LONGEST_NAME = 12  # words
_AHEAD = 8  # tokens that tell a statement from one more item of a list
_POINTERS = frozenset("it that this them there one ones".split())
_COORDINATING = frozenset("and but".split())
_GENERAL = frozenset("anything everything all everyone anybody anyone any every each".split())
_LISTING = frozenset("and or und oder et ou y o e ed".split())
_AUXILIARIES = frozenset(
    "is are was were has have had will would can could must should may might does did do wants needs hates loves likes plans".split()
)
_POSSESSIVES = frozenset(
    "his her hers their theirs its son sa ses leur leurs su sus suo sua suoi sue seu seus suas ihr ihre ihren sein seine".split()
)
_COMMAS = frozenset(", ， 、 。".split())


class ContentWord(NamedTuple):
    """A word that says something: no article, no pronoun, no name, no figure."""

    stem: str
    text: str
    start: int
    end: int
    polarity: int
    """1 affirmed, -1 denied, 0 where it cannot be told."""
    focus: bool
    """Whether a denial is about this word, or the word is a denial itself: "dislike"."""
    head: bool
    """Whether it is the first of the words that a denial is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A stretch of a sentence that makes about one statement."""

    start: int
    end: int
    content: tuple[ContentWord, ...]
    stems: frozenset[str]
    """Stems of its content."""
    mentions: tuple[Mention, ...]
    figures: Figures
    """What the mentions can mean."""
    names: tuple[Name, ...]
    tokens: tuple[Token, ...]
    words: frozenset[str]
    """All words in lower case."""
    opens: bool
    """Whether a sentence begins with it."""
    denies: bool
    """Whether anything in it is negative, be it only "only"."""
    question: bool
    points: bool
    """Whether "it" or "that" in it stands for something said before."""
    elided: bool
    """Whether it goes on without a subject of its own: "and works there"."""
    first_person: bool
    second_person: bool
    third_person: bool
    possessive_only: bool
    """Whether it has no words of the third person but "his" and "her"."""


class _Stretch(NamedTuple):
    """Where a clause stands."""

    start: int
    end: int
    opens: bool
    """Whether a sentence begins there."""
    question: bool


def read_clauses(text: str, language: Language | None) -> list[Clause]:
    """The clauses of a text in order. Linear in its length."""
    mentions, tokens = find_figures(text, language)
    ends = list(sentence_ends(text, 0, len(text)))
    openings = frozenset(_openings(text, tokens, ends))
    names = sorted(find_names(text, tokens, language, openings), key=lambda name: name.start)
    clauses = list[Clause]()
    token_at = mention_at = name_at = 0
    for stretch in _stretches(text, tokens, ends, mentions, language):
        first_token, first_mention, first_name = token_at, mention_at, name_at
        while token_at < len(tokens) and tokens[token_at].start < stretch.end:
            token_at += 1
        while mention_at < len(mentions) and mentions[mention_at].start < stretch.end:
            mention_at += 1
        while name_at < len(names) and names[name_at].start < stretch.end:
            name_at += 1
        inside = tokens[first_token:token_at]
        clause = _clause(stretch, inside, mentions[first_mention:mention_at], names[first_name:name_at], language)
        clauses.append(_unsigned(clause) if clauses and _goes_against(clause, clauses) else clause)
    return clauses


def _goes_against(clause: Clause, before: Sequence[Clause]) -> bool:
    """Whether a "but not" is against a denial: "she can skip the scales, but not the prelude"."""
    words = [token.lower for token in clause.tokens if token.is_word][:2]
    against = words == ["but", "not"] or (words[:1] == ["not"] and before[-1].words == {"but"})
    return against and not clause.opens and any(not each.words.isdisjoint(wording().deniers) for each in before[-2:])


def _unsigned(clause: Clause) -> Clause:
    """The clause without signs, which nobody can tell."""
    return replace(clause, content=tuple(word._replace(polarity=0, focus=False, head=False) for word in clause.content))


def _clause(
    stretch: _Stretch, tokens: Sequence[Token], mentions: Sequence[Mention], names: Sequence[Name], language: Language | None
) -> Clause:
    known = language or english()
    named = {name.start for name in names if name.sure}
    words = frozenset(token.lower for token in tokens if token.is_word)
    places = [i for i, token in enumerate(tokens) if _has_content(token, known) and token.start not in named]
    terms = {i: term(tokens[i].lower, language) for i in places}
    signs = read_signs(tokens, places, [mention.start for mention in mentions if not mention.weak], known)
    soft = any(found.opposite for found in terms.values()) or not words.isdisjoint(known.soft) or _used_to(tokens)
    content = tuple(_content(tokens, terms, signs, known, soft=soft, question=stretch.question))
    subject = min([word.start for word in content[:1]] + [name.start for name in names[:1]], default=-1)
    pronouns = words & known.subjects
    return Clause(
        start=stretch.start,
        end=stretch.end,
        content=content,
        stems=frozenset(word.stem for word in content),
        mentions=tuple(mentions),
        figures=Figures.of(mentions),
        names=tuple(name._replace(first=name.start <= subject) for name in names),
        tokens=tuple(tokens),
        words=words,
        opens=stretch.opens,
        denies=signs.denies or soft,
        question=stretch.question,
        points=not words.isdisjoint(_POINTERS),
        elided=not stretch.opens and _goes_on(tokens, known),
        first_person=not words.isdisjoint(known.speakers),
        second_person=not words.isdisjoint(known.hearers),
        third_person=bool(pronouns),
        possessive_only=pronouns <= _POSSESSIVES,
    )


def _content(
    tokens: Sequence[Token], terms: dict[int, Term], signs: Signs, language: Language, *, soft: bool, question: bool
) -> Iterator[ContentWord]:
    """The words with content, and whether they are affirmed or denied.

    In a question nothing is for sure, nor where two denials meet.

    Args:
        tokens: The tokens of a clause.
        terms: The term of each word with content, by its number.
        signs: What the clause affirms and denies.
        language: Of the clause.
        soft: Whether the clause has a word that makes denials uncertain, such as "only", or a word like "dislike".
        question: Whether the clause is part of a question.
    """
    opposite = any(found.opposite for found in terms.values())
    twice = language.deny_back and soft and signs.denies  # "nicht verboten"
    for i, found in terms.items():
        uncertain = not found.opposite and (opposite or twice or (soft and signs.sign[i] > 0))  # "never forgets it", "only fish"
        sign = 0 if question or uncertain else signs.sign[i]
        yield ContentWord(
            stem=found.stem,
            text=tokens[i].text,
            start=tokens[i].start,
            end=tokens[i].end,
            polarity=-sign if found.opposite else sign,
            focus=i in signs.focus or found.opposite,
            head=i in signs.heads or found.opposite,
        )


def _used_to(tokens: Sequence[Token]) -> bool:
    """Whether a clause says what once was: it affirms and denies nothing of today."""
    return any((one.lower, other.lower) == ("used", "to") for one, other in pairwise(tokens))


def _has_content(token: Token, language: Language) -> bool:
    word = token.lower
    return (
        token.is_word
        and not token.values
        and word not in language.function_words
        and word not in TITLES
        and not _is_function(word, language)
    )


def _goes_on(tokens: Sequence[Token], language: Language) -> bool:
    """Whether a clause begins with a verb, or with "and" and a verb."""
    return bool(tokens) and _looks_like_verb(tokens, int(tokens[0].lower in _COORDINATING), language)


def _looks_like_verb(tokens: Sequence[Token], i: int, language: Language) -> bool:
    """An auxiliary, or a word with a verb's ending before a word without content."""
    if language.code != "en" or i >= len(tokens) or not tokens[i].is_word:
        return False
    word = tokens[i].lower
    if word in _AUXILIARIES or word.endswith("n't"):
        return True
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    verbal = word in wording().irregular or (word.endswith(("s", "ed")) and not word.endswith("ss"))
    return verbal and following in language.function_words and following not in {"and", "or", "of"}


def _is_function(word: str, language: Language) -> bool:
    """`l'`, `d'`, `she'd`: elided words."""
    head, apostrophe, tail = word.partition("'")
    if not apostrophe:
        return False
    return head in language.function_words and (tail in language.function_words or len(tail) < 3)


def _openings(text: str, tokens: Sequence[Token], ends: Sequence[int]) -> Iterator[int]:
    """Where words stand that open a sentence, or follow a colon, a bullet or a quotation mark."""
    starts = {0, *ends}
    behind = last = 0  # where the white space and the quotation marks before the last token begin, and where it stands itself
    for token in tokens:
        before = token.start
        while before > last and before not in starts and _is_passed(text[before - 1]):
            before -= 1
        if before > last or before in starts or not _is_passed(text[before - 1]):
            behind = before
        last = token.start
        if token.is_word and (behind in starts or text[behind - 1] in _OPENERS):
            yield token.start


def _is_passed(character: str) -> bool:
    return character.isspace() or character in _QUOTES


def _stretches(
    text: str, tokens: Sequence[Token], ends: Sequence[int], mentions: Sequence[Mention], language: Language | None
) -> Iterator[_Stretch]:
    """Where the clauses stand, sentence by sentence."""
    position = figure = start = 0
    for end in ends:
        inside, figures = list[Token](), list[int]()
        while figure < len(mentions) and mentions[figure].start < end:
            if not mentions[figure].weak:
                figures.append(mentions[figure].start)
            figure += 1
        while position < len(tokens) and tokens[position].start < end:
            inside.append(tokens[position])
            position += 1
        question = text[start:end].rstrip(" \n\t\"'”»)").endswith(("?", "？", "؟"))
        opened = start
        for cut in _cuts(inside, figures, language or english()):
            if cut > opened:
                yield _Stretch(opened, cut, opened == start, question)
                opened = cut
        if end > opened:
            yield _Stretch(opened, end, opened == start, question)
        start = end


def _cuts(tokens: Sequence[Token], figures: Sequence[int], language: Language) -> Iterator[int]:
    """Where a sentence falls apart into clauses.

    At dashes, before conjunctions, and after commas with a statement on both sides.
    """
    content = since = 0  # words with content since the last cut, and where it was
    for i, token in enumerate(tokens):
        if token.lower in _COORDINATING and content and _looks_like_verb(tokens, i + 1, language):
            cuts = True
        elif token.text in _DASHES:
            cuts = bool(content) or token.text == ";"
        elif token.lower == "but" and any(before.lower in _GENERAL for before in tokens[max(0, i - 2) : i]):
            cuts = False  # "anything but olives"
        elif token.text in _COMMAS or token.lower in language.breaks:
            full = content > 1 or _measured(figures, since, token.start)
            cuts = (content > 0 or i > 2) and _opens_statement(tokens, _after_break(tokens, i, language), language, full=full)
        else:
            cuts = False
            content += _tells(token, language)
        if cuts:
            content, since = 0, token.start if token.is_word else token.end
            yield since


def _tells(token: Token, language: Language) -> bool:
    """Whether a word says something; the name of a month is part of a figure."""
    return token.is_word and token.lower not in language.function_words and token.lower not in language.months


def _measured(figures: Sequence[int], since: int, place: int) -> bool:
    """Whether there is a figure between two places, and one after the second."""
    before = bisect_left(figures, place)
    return before > 0 and figures[before - 1] >= since and figures[-1] > place


def _after_break(tokens: Sequence[Token], i: int, language: Language) -> int:
    """The place after a conjunction, after a comma, or after a comma and a conjunction."""
    after = i + 1
    return after + 1 if not tokens[i].is_word and after < len(tokens) and tokens[after].lower in language.breaks else after


def _coordinates(tokens: Sequence[Token], i: int, language: Language) -> bool:
    """Whether a name at a place goes with the name before: "with Dad and Uncle Frank"."""
    before = tokens[i - 2] if i > 1 and tokens[i - 1].lower in _LISTING else tokens[i - 1]
    if not _is_capital(before):
        return False
    last = min(len(tokens), i + _LONGEST_NAME)
    after = next((place for place in range(i, last) if not _is_capital(tokens[place])), last)
    return language.code == "en" and not _looks_like_verb(tokens, after, language)


def _is_capital(token: Token) -> bool:
    return token.is_word and token.text[0].isupper()


def _opens_statement(tokens: Sequence[Token], i: int, language: Language, *, full: bool) -> bool:
    """Whether a statement of its own begins at a place.

    It does after a word like "but", with a pronoun, with a name, or where many words follow.

    Args:
        tokens: The tokens of a sentence.
        i: The place, right after a comma or a conjunction.
        language: Of the sentence.
        full: Whether what stands before may be a statement too.
    """
    if i >= len(tokens):
        return False
    before, first = tokens[i - 1], tokens[i]
    if before.is_word and before.lower in language.breaks and before.lower not in _LISTING:
        return True
    if _is_pronoun(first, language) and not _is_apposition(tokens, i):
        return True
    if before.text in _COMMAS and _looks_like_verb(tokens, i, language):
        return False  # "Anna, my sister, is ill"
    if (first.lower, tokens[i + 1].lower if i + 1 < len(tokens) else "") == ("the", "user"):
        return True
    if language.names and _is_capital(first) and full:
        return not _coordinates(tokens, i, language)
    return full and _content_ahead(tokens, i, language) > 1


def _is_pronoun(token: Token, language: Language) -> bool:
    return token.lower in language.subjects or token.lower in language.speakers or token.lower in language.hearers


def _is_apposition(tokens: Sequence[Token], i: int) -> bool:
    """Whether a possessive opens an apposition, such as "his wife,"."""
    return tokens[i].lower in _POSSESSIVES and any(token.text in _COMMAS for token in tokens[i : i + _APPOSITION])


def _content_ahead(tokens: Sequence[Token], i: int, language: Language) -> int:
    """Words with content up to where a list would go on."""
    count = 0
    for token in tokens[i : i + _AHEAD]:
        if token.text in _COMMAS or token.text in _DASHES or token.lower in _LISTING:
            break
        count += token.is_word and token.lower not in language.function_words
    return count

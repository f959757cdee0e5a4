"""A text read into clauses: what each says, of whom, with which figures, and what it denies. Both a reply and its sources are read so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import Language, english
from attngs.checking.language.mentions import Figures, Mention
from attngs.checking.language.names import TITLES, Name, find_names
from attngs.checking.language.polarity import denials, signs
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import term, wording
from attngs.text.boundaries import sentence_ends

_DASHES = frozenset("; — – ( ) [ ] | •".split())
_QUOTES = frozenset("\"'“”„«»‘’([「*_")
_OPENERS = frozenset(":：•…¿¡-–—")
_APPOSITION = 4  # tokens of "his wife,"
_POINTERS = frozenset("it that this them there one ones".split())
_COORDINATING = frozenset("and but".split())
_LISTING = frozenset("and or und oder et ou y o e ed".split())
_AUXILIARIES = frozenset(
    "is are was were has have had will would can could must should may might does did do wants needs hates loves likes plans".split()
)
_POSSESSIVES = frozenset(
    "his her hers their theirs its son sa ses leur leurs su sus suo sua suoi sue seu seus suas ihr ihre ihren sein seine".split()
)
_COMMAS = frozenset(", ， 、 。".split())


class Said(NamedTuple):
    """A word with content."""

    stem: str
    text: str
    start: int
    end: int
    polarity: int
    """1 affirmed, -1 denied, 0 where it cannot be told."""
    focus: bool
    """Whether a denial is about this word, or it is a denial itself: "dislike"."""
    head: bool
    """Whether it is the first of the words that a denial is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A stretch of a sentence with one statement in it, about."""

    start: int
    end: int
    said: tuple[Said, ...]
    mentions: tuple[Mention, ...]
    figures: Figures
    """What the mentions can mean."""
    names: tuple[Name, ...]
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
    """Whether "his" and "her" are all that it has of the third person."""


def read_clauses(text: str, language: Language | None) -> list[Clause]:
    """The clauses of a text in order. Linear in its length."""
    mentions, tokens = find_figures(text, language)
    ends = list(sentence_ends(text, 0, len(text)))
    openings = frozenset(_openings(text, tokens, ends))
    names = sorted(find_names(text, tokens, language, openings), key=lambda name: name.start)
    clauses = list[Clause]()
    token_at = mention_at = name_at = 0
    for start, end, opens, question in _spans(text, tokens, ends, mentions, language):
        first_token, first_mention, first_name = token_at, mention_at, name_at
        while token_at < len(tokens) and tokens[token_at].start < end:
            token_at += 1
        while mention_at < len(mentions) and mentions[mention_at].start < end:
            mention_at += 1
        while name_at < len(names) and names[name_at].start < end:
            name_at += 1
        clauses.append(
            _clause(
                (start, end),
                tokens[first_token:token_at],
                mentions[first_mention:mention_at],
                names[first_name:name_at],
                language,
                opens=opens,
                question=question,
            )
        )
    return clauses


def _clause(
    span: tuple[int, int],
    tokens: Sequence[Token],
    mentions: Sequence[Mention],
    names: Sequence[Name],
    language: Language | None,
    *,
    opens: bool,
    question: bool,
) -> Clause:
    known = language or english()
    named = {name.start for name in names if name.sure}
    words = frozenset(token.lower for token in tokens if token.is_word)
    content = [i for i, token in enumerate(tokens) if _has_content(token, known) and token.start not in named]
    denied = denials(tokens, known)
    sign, focus, heads = signs(tokens, content, denied, known)
    terms = {i: term(tokens[i].lower, language) for i in content}
    opposite = any(terms[i].opposite for i in content)
    soft = opposite or not words.isdisjoint(known.soft)
    said = list[Said]()
    for i in content:
        twice = known.deny_back and soft and bool(denied)  # "nicht verboten"
        uncertain = not terms[i].opposite and (opposite or twice or (soft and sign[i] > 0))  # "never forgets it", "only fish"
        plain = 0 if question or uncertain else sign[i]
        polarity = -plain if terms[i].opposite else plain
        is_opposite = terms[i].opposite
        said.append(
            Said(
                stem=terms[i].stem,
                text=tokens[i].text,
                start=tokens[i].start,
                end=tokens[i].end,
                polarity=polarity,
                focus=i in focus or is_opposite,
                head=i in heads or is_opposite,
            )
        )
    subject = min([word.start for word in said[:1]] + [name.start for name in names[:1]], default=-1)
    pronouns = words & known.subjects
    return Clause(
        start=span[0],
        end=span[1],
        said=tuple(said),
        mentions=tuple(mentions),
        figures=Figures.of(mentions),
        names=tuple(name._replace(first=name.start <= subject) for name in names),
        words=words,
        opens=opens,
        denies=bool(denied) or soft,
        question=question,
        points=not words.isdisjoint(_POINTERS),
        elided=not opens and _goes_on(tokens, known),
        first_person=not words.isdisjoint(known.speakers),
        second_person=not words.isdisjoint(known.hearers),
        third_person=bool(pronouns),
        possessive_only=pronouns <= _POSSESSIVES,
    )


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
    for token in tokens:
        before = token.start
        while before > 0 and before not in starts and (text[before - 1].isspace() or text[before - 1] in _QUOTES):
            before -= 1
        if token.is_word and (before in starts or text[before - 1] in _OPENERS):
            yield token.start


def _spans(
    text: str, tokens: Sequence[Token], ends: Sequence[int], mentions: Sequence[Mention], language: Language | None
) -> Iterator[tuple[int, int, bool, bool]]:
    """Start and end of each clause, whether a sentence opens there, and whether it is a question."""
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
                yield opened, cut, opened == start, question
                opened = cut
        if end > opened:
            yield opened, end, opened == start, question
        start = end


def _cuts(tokens: Sequence[Token], figures: Sequence[int], language: Language) -> Iterator[int]:
    """Where a sentence falls apart: at dashes, before conjunctions and after commas with a statement on both sides."""
    content = since = 0  # words with content since the last cut, and where it was
    for i, token in enumerate(tokens):
        cut: int | None = None
        if token.lower in _COORDINATING and content and _looks_like_verb(tokens, i + 1, language):
            cut = token.start
        elif token.text in _DASHES:
            cut = token.end if content or token.text == ";" else None
        elif token.text in _COMMAS or token.lower in language.breaks:
            after = i + 1 if token.is_word else _after_break(tokens, i + 1, language)
            measured = any(since <= figure < token.start for figure in figures) and bool(figures) and figures[-1] > token.start
            opens = bool(content or i > 2) and _opens_statement(tokens, after, language, full=content > 1 or measured)
            cut = (token.start if token.is_word else token.end) if opens else None
        else:
            content += token.is_word and token.lower not in language.function_words and token.lower not in language.months
        if cut is not None:
            yield cut
            content, since = 0, cut


def _after_break(tokens: Sequence[Token], i: int, language: Language) -> int:
    return i + 1 if i < len(tokens) and tokens[i].lower in language.breaks else i


def _coordinates(tokens: Sequence[Token], i: int, language: Language) -> bool:
    """Whether a name at a place goes with the name before: "with Dad and Uncle Frank"."""
    before = tokens[i - 2] if i > 1 and tokens[i - 1].lower in _LISTING else tokens[i - 1]
    if not (before.is_word and before.text[0].isupper()):
        return False
    while i < len(tokens) and tokens[i].is_word and tokens[i].text[0].isupper():
        i += 1
    return language.code == "en" and not _looks_like_verb(tokens, i, language)


def _opens_statement(tokens: Sequence[Token], i: int, language: Language, *, full: bool) -> bool:
    """Whether a statement of its own begins: with a pronoun, a name, or after a word like "but"."""
    if i >= len(tokens):
        return False
    previous = tokens[i - 1].lower
    if (
        tokens[i - 1].is_word
        and previous in language.breaks
        and previous not in {"and", "or", "und", "oder", "et", "ou", "y", "e", "o", "ed"}
    ):
        return True
    following = tokens[i]
    pronoun = following.lower in language.subjects or following.lower in language.speakers or following.lower in language.hearers
    if pronoun and not (following.lower in _POSSESSIVES and any(token.text in _COMMAS for token in tokens[i : i + _APPOSITION])):
        return True
    if tokens[i - 1].text in _COMMAS and _looks_like_verb(tokens, i, language):
        return False  # "Anna, my sister, is ill"
    if (following.lower, tokens[i + 1].lower if i + 1 < len(tokens) else "") == ("the", "user"):
        return True
    if language.names and following.is_word and following.text[0].isupper() and full:
        return not _coordinates(tokens, i, language)
    ahead = 0  # words with content up to where a list would go on
    for token in tokens[i : i + 8]:
        if token.text in _COMMAS or token.text in _DASHES or token.lower in _LISTING:
            break
        ahead += token.is_word and token.lower not in language.function_words
    return full and ahead > 1

"""A text read into clauses: what each says, of whom, with which figures, and what it denies. Both a reply and its sources are read so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attngs.boundaries import sentence_ends
from attngs.claims.figures import find_figures
from attngs.claims.languages import Language, english
from attngs.claims.mentions import Mention
from attngs.claims.names import Name, find_names
from attngs.claims.polarity import denials
from attngs.claims.tokens import Token
from attngs.claims.wording import term

_DASHES = frozenset("; — – ( ) [ ] | •".split())
_COMMAS = frozenset(", ， 、 。".split())
_FOCUS = 2  # words after a denial that it is about


class Said(NamedTuple):
    """A word with content."""

    stem: str
    text: str
    start: int
    end: int
    polarity: int
    """1 affirmed, -1 denied, 0 where it cannot be told."""
    focus: bool
    """Whether a denial is about this word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A stretch of a sentence with one statement in it, about."""

    start: int
    end: int
    said: tuple[Said, ...]
    mentions: tuple[Mention, ...]
    names: tuple[Name, ...]
    words: frozenset[str]
    """All words in lower case."""
    opens: bool
    """Whether a sentence begins with it."""
    denies: bool
    question: bool
    first_person: bool
    second_person: bool
    third_person: bool


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
    denied = denials(tokens, language)
    words = frozenset(token.lower for token in tokens if token.is_word)
    said = list[Said]()
    for i, token in enumerate(tokens):
        if not token.is_word or token.start in named or token.lower in known.function_words or _is_function(token.lower, known):
            continue
        stem, opposite = term(token.lower, language)
        polarity = _polarity(i, denied, known, question=question)
        said.append(Said(stem, token.text, token.start, token.end, -polarity if opposite else polarity, focus=opposite))
    said = _focused(said, [tokens[i] for i in denied], known)
    subject = min([word.start for word in said[:1]] + [name.start for name in names[:1]], default=-1)
    return Clause(
        start=span[0],
        end=span[1],
        said=tuple(said),
        mentions=tuple(mentions),
        names=tuple(name._replace(first=name.start <= subject) for name in names),
        words=words,
        opens=opens,
        denies=bool(denied),
        question=question,
        first_person=not words.isdisjoint(known.speakers),
        second_person=not words.isdisjoint(known.hearers),
        third_person=not words.isdisjoint(known.subjects),
    )


def _is_function(word: str, language: Language) -> bool:
    """`l'`, `d'`, `she'd`: elided words."""
    head, apostrophe, tail = word.partition("'")
    if not apostrophe:
        return False
    return head in language.function_words and (tail in language.function_words or len(tail) < 3)


def _polarity(i: int, denied: Sequence[int], language: Language, *, question: bool) -> int:
    """After one denial a word is denied; before one, after two, or in a question it cannot be told."""
    if question or len(denied) > 1:
        before = sum(position < i for position in denied)
        return 0 if question or before != 1 else -1
    if not denied:
        return 1
    return -1 if denied[0] < i or language.deny_back else 0


def _focused(said: list[Said], cues: Sequence[Token], language: Language) -> list[Said]:
    """Mark the words that each denial is about: the next ones, or where it denies backwards the nearest."""
    focused = set[int]()
    for cue in cues:
        after = [i for i, word in enumerate(said) if word.start > cue.start]
        before = [i for i, word in enumerate(said) if word.end <= cue.start]
        focused.update(after[:_FOCUS])
        if language.deny_back:
            focused.update(before[-_FOCUS:])
    return [word._replace(focus=True) if i in focused else word for i, word in enumerate(said)]


def _openings(text: str, tokens: Sequence[Token], ends: Sequence[int]) -> Iterator[int]:
    """Where the first word of each sentence stands, and of what follows a colon, a bullet or a quotation mark."""
    end_at, fresh = 0, True
    for token in tokens:
        while end_at < len(ends) and token.start >= ends[end_at]:
            end_at, fresh = end_at + 1, True
        if token.is_word:
            if fresh:
                yield token.start
            fresh = False
        elif token.text in {":", "•", "“", "”", '"', "(", "「", "¿", "¡", "…"}:
            fresh = True


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
        if token.text in _DASHES:
            cut = token.end if content else None
        elif token.text in _COMMAS or token.lower in language.breaks:
            after = i + 1 if token.is_word else _after_break(tokens, i + 1, language)
            measured = any(since <= figure < token.start for figure in figures) and bool(figures) and figures[-1] > token.start
            opens = bool(content) and _opens_statement(tokens, after, language, full=content > 1 or measured)
            cut = (token.start if token.is_word else token.end) if opens else None
        else:
            cut = None
            content += token.is_word and token.lower not in language.function_words and token.lower not in language.months
        if cut is not None:
            yield cut
            content, since = 0, cut


def _after_break(tokens: Sequence[Token], i: int, language: Language) -> int:
    return i + 1 if i < len(tokens) and tokens[i].lower in language.breaks else i


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
    if following.lower in language.subjects or following.lower in language.speakers or following.lower in language.hearers:
        return True
    if language.names and following.is_word and following.text[0].isupper() and full:
        return True
    ahead = sum(token.is_word and token.lower not in language.function_words for token in tokens[i : i + 8])
    return full and ahead > 1

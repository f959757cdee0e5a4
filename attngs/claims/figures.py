"""All figures of a text: contacts, dates, times, quantities and numbers, each character in one of them at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.claims.contacts import find_contacts
from attngs.claims.dates import find_clocks, find_numeric_dates, find_spoken_dates
from attngs.claims.languages import Language, english
from attngs.claims.measures import RANGE, find_measures
from attngs.claims.mentions import Day, Mention, Number, Reading
from attngs.claims.tokens import Token, tokenize


def find_figures(text: str, language: Language | None = None) -> tuple[list[Mention], list[Token]]:
    """Mentions in order, and the tokens that are in none of them."""
    language = language or english()
    found = list[Mention]()
    rest = text
    for scan in (find_numeric_dates, find_contacts, find_clocks):
        mentions = list(scan(rest))
        found += mentions
        rest = _without(rest, mentions)
    tokens = [token for token in tokenize(rest, language) if token.text[0] != "\0"]
    measures, tokens = _take(find_measures(tokens), tokens)
    dates, tokens = _take(find_spoken_dates(tokens, language), tokens)
    numbers = [(_number(tokens, i, language), i, i + 1) for i, token in enumerate(tokens) if token.values]
    plain, tokens = _take(numbers, tokens)
    return sorted([*found, *measures, *dates, *plain], key=lambda mention: mention.start), tokens


def _without(text: str, mentions: Sequence[Mention]) -> str:
    """The text with what was read blanked out."""
    pieces, position = [], 0
    for mention in mentions:
        pieces += [text[position : mention.start], "\0" * (mention.end - mention.start)]
        position = mention.end
    return "".join([*pieces, text[position:]])


def _take(found: Iterable[tuple[Mention, int, int]], tokens: list[Token]) -> tuple[list[Mention], list[Token]]:
    """The mentions, and the tokens without those of the sure ones."""
    mentions, rest, position = list[Mention](), list[Token](), 0
    for mention, first, end in found:
        mentions.append(mention)
        rest += tokens[position : end if mention.weak else first]  # "a", "once" and "first" are words still
        position = end
    return mentions, rest + tokens[position:]


def _number(tokens: Sequence[Token], i: int, language: Language) -> Mention:
    """A bare number, with the word that it counts."""
    token = tokens[i]
    readings: list[Reading] = [Number(value) for value in token.values]
    if _in_range(tokens, i):  # 0.9 to 1.2 million
        readings += [Number(value * tokens[i + 2].scale) for value in token.values]
    if token.ordinal and token.is_word and i and tokens[i - 1].lower in {"a", "one"}:
        readings.append(Number(1 / token.values[0]))  # a fifth
    if token.ordinal and 1 <= token.values[0] <= 31:
        readings.append(Day(day=int(token.values[0])))
    near = [t for t in tokens[i + 1 : i + 4] if t.start - token.end < 40]
    counted = next((t.lower for t in near if t.is_word and t.lower not in language.function_words), None)
    return Mention(kind="number", start=token.start, end=token.end, readings=tuple(readings), weak=token.weak, counted=counted)


def _in_range(tokens: Sequence[Token], i: int) -> bool:
    return i + 2 < len(tokens) and tokens[i + 1].lower in RANGE and tokens[i + 2].scale > 1

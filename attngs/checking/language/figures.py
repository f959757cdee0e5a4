"""All figures of a text: contacts, dates, times, quantities and numbers.

No character is in two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from attngs.checking.language.dates import find_clocks, find_numeric_dates, find_spoken_dates
from attngs.checking.language.languages import Language, english
from attngs.checking.language.measures import RANGE, find_measures
from attngs.checking.language.mentions import Contact, Day, Match, Meaning, Mention, Number
from attngs.checking.language.tokens import Token, tokenize

_CONTACT = re.compile(
    r"""(?P<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)
    | (?P<link>(?:https?://|www\.)[^\s<>"'()\[\]{}，。、]{1,2000}
      | (?<![\w@.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.(?:com|org|net|io|de|fr|es|it|pt|uk|ch|at|eu|gov|edu|app|dev|ai|co|br|me)
        (?:/[^\s<>"'()\[\]{}]{0,2000})?(?![\w@-]))
    | (?P<handle>(?<![\w@])[@#][\w-]*[^\W\d_][\w-]*)
    | (?P<code>(?<![\w])(?=[\w/-]{0,40}\d)(?=[\w/-]{0,40}[A-Z])[A-Z0-9][A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*(?![\w]))
    | (?P<version>(?<![\w.])v?\d+(?:\.\d+){2,}(?![\w]))
    | (?P<phone>(?<![\w.,])(?:\+|00)?\(?\d{1,5}\)?(?:[ \u00a0./-]{1,2}\(?\d{2,12}\)?){1,6}(?![\w]))
    | (?P<long>(?<![\w.,])\d{7,}(?![\w]))""",
    re.VERBOSE,
)
_ORDINARY = re.compile(r"\d+(?:st|nd|rd|th|k|K|M|[ap]m|AM|PM|h|H|[A-Za-z]{1,3})|\d+[hH:]\d\d|\d{1,2}[hH]?|\d{4}-\d\d-\d\d(?:T[\d:]+Z?)?")
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}[./-]\d{1,4}|\d{4}-\d{1,4}")
_CODE_UNITS = re.compile(r"\d+(?:[.,]\d+)?-?(?:mg|kg|km|cm|mm|ml|GB|TB|MB|kW|kWh|W|KB|EUR|USD|GBP|CHF|C|F)")
_APART = frozenset("on at in to from until till for with by and or but after before per".split())
_SPACED_THOUSANDS = re.compile(r"\d{1,3}(?:[ \u00a0.]\d{3})+")


def find_figures(text: str, language: Language | None = None) -> tuple[list[Mention], list[Token]]:
    """Read the figures of a text.

    Args:
        text: Any text.
        language: Its language; English where it is not known.

    Returns:
        The mentions in order, and the tokens that are in none of them. Tokens of a weak mention are words too.
    """
    language = language or english()
    found = list[Mention]()
    rest = text
    for scan in (find_numeric_dates, _find_contacts, find_clocks):
        mentions = list(scan(rest))
        found += mentions
        rest = _without(rest, mentions)
    tokens = [token for token in tokenize(rest, language) if token.text[0] != "\0"]
    measures, tokens = _take(find_measures(tokens), tokens)
    dates, tokens = _take(find_spoken_dates(tokens, language), tokens)
    numbers = [Match(_number(tokens, i, language), i, i + 1) for i, token in enumerate(tokens) if token.values]
    plain, tokens = _take(numbers, tokens)
    return sorted([*found, *measures, *dates, *plain], key=lambda mention: mention.start), tokens


def _without(text: str, mentions: Sequence[Mention]) -> str:
    """The text with the mentions blanked out."""
    pieces, position = [], 0
    for mention in mentions:
        pieces += [text[position : mention.start], "\0" * (mention.end - mention.start)]
        position = mention.end
    return "".join([*pieces, text[position:]])


def _take(found: Iterable[Match], tokens: list[Token]) -> tuple[list[Mention], list[Token]]:
    """The mentions, and the tokens that are in none of them but the weak ones."""
    mentions, rest, position = list[Mention](), list[Token](), 0
    for mention, first, end in found:
        mentions.append(mention)
        rest += tokens[position : end if mention.weak else first]  # "a", "once" and "first" are words still
        position = end
    return mentions, rest + tokens[position:]


def _number(tokens: Sequence[Token], i: int, language: Language) -> Mention:
    """A bare number, with the word that it counts."""
    token = tokens[i]
    meanings: list[Meaning] = [Number(value) for value in token.values]
    if _in_range(tokens, i):  # 0.9 to 1.2 million
        meanings += [Number(value * tokens[i + 2].scale) for value in token.values]
    if token.ordinal and token.is_word and i and tokens[i - 1].lower in {"a", "one"}:
        meanings.append(Number(1 / token.values[0]))  # a fifth
    if token.ordinal and 1 <= token.values[0] <= 31:
        meanings.append(Day(day=int(token.values[0])))
    part = len(tokens) > i + 1 and tokens[i + 1].lower == "of"  # "three of the five printers" counts printers
    near = takewhile(_goes_on, tokens[i + 1 + part : i + (5 if part else 4)])
    counted = next((t.lower for t in near if t.start - token.end < 40 and not t.values and t.lower not in language.function_words), None)
    return Mention(kind="number", start=token.start, end=token.end, meanings=tuple(meanings), weak=token.weak, counted=counted)


def _goes_on(token: Token) -> bool:
    """Whether what a number counts may follow: not after a comma, nor after "on" in "eight on weekdays"."""
    return (token.is_word or bool(token.values) or token.text in {"-", "'"}) and token.lower not in _APART


def _in_range(tokens: Sequence[Token], i: int) -> bool:
    return i + 2 < len(tokens) and tokens[i + 1].lower in RANGE and tokens[i + 2].scale > 1


def _find_contacts(text: str) -> Iterator[Mention]:
    """Addresses, phone numbers and codes, in order."""
    for match in _CONTACT.finditer(text):
        key = _key(match)
        if key:
            end = match.end() - (len(match[0]) - len(match[0].rstrip(".,;:!?)")))
            yield Mention(kind="contact", start=match.start(), end=end, meanings=(Contact(key),))


def _key(match: re.Match[str]) -> str:
    """The contact in one spelling; empty for what only looks like one."""
    kind, text = match.lastgroup, match[0].rstrip(".,;:!?)")
    if kind in {"mail", "handle"}:
        return text.lower()
    if kind == "link":
        return re.sub(r"^https?://|^www\.", "", re.sub(r"^https?://", "", text.lower())).rstrip("/")
    if kind == "code":
        ordinary = _ORDINARY.fullmatch(text) or _CODE_UNITS.fullmatch(text)
        return "" if ordinary else re.sub(r"[-_/]", "", text).lower()
    if kind == "phone":
        figures = re.sub(r"\D", "", text)
        if len(figures) < 7 or _DATE.fullmatch(text) or _SPACED_THOUSANDS.fullmatch(text):
            return ""
        return figures[-9:] if len(figures) > 9 else figures.lstrip("0")  # with or without the country
    if kind == "long":
        return text[-9:] if 9 < len(text) < 16 else text.lstrip("0")
    return text.lower()

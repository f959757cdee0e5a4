"""Text -> words, signs and numerals, with their places.

"Two hundred and five", "1.250,50" and "zweiundzwanzig" are one numeral each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from attngs.checking.language.languages import Language, english

_TOKEN = re.compile(
    r"""(?P<number>(?<![\w.,])[-−]?(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,'’]\d+)*)|\d+(?:[.,'’]\d+)*)
        (?P<suffix>(?:st|nd|rd|th|er|ère|ème|e|[kK]|bn|M|Mio|Mrd)(?!\w)|[º°ª](?![CF]))?
    | (?P<fraction>[½¼¾⅓⅔])
    | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
    | (?P<sign>\S)""",
    re.VERBOSE,
)
_ELIDED = re.compile(r"(?<![^\W_])([^\W\d_]{1,5})['’](?=[^\W\d_])")  # "t'appelle", "dell'offerta": one character each, so places stay
_GROUPS = re.compile(r"\d{1,3}(?:([.,'])\d{3})(?:\1\d{3})*")
_LONGEST = 30  # digits; anything longer is a code
_MULTIPLIERS = {"k": 1000, "bn": 10**9, "m": 10**6, "mio": 10**6, "mrd": 10**9}
_FRACTIONS = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
_HALVES = frozenset("half halb halbe halben halber demi demie medio media mezzo mezza meio meia".split())
_ONES = frozenset("a an once ein eine einen einem einer".split())
_UNSURE = frozenset("couple pair second neuf sei sette due cent once".split())
_JOINTS = frozenset("and und et y e".split())
_FACTORS = frozenset({100, 1000, 10**6, 10**9})
_DOZENS = frozenset("dozen dutzend douzaine docena dozzina dúzia".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, a sign or a numeral."""

    text: str
    start: int
    end: int
    lower: str
    """The text in lower case, with plain apostrophes."""
    values: tuple[Fraction, ...] = ()
    """What a numeral can mean."""
    ordinal: bool = False
    weak: bool = False
    """Whether it may not be meant as a number."""
    is_word: bool = False
    scale: int = 1
    """The last factor of a numeral such as "two million", if it is a thousand or more; else 1."""


class WordValue(NamedTuple):
    """The number that a word means."""

    value: Fraction
    ordinal: bool
    weak: bool
    """Whether it may not be meant as a number."""


def tokenize(text: str, language: Language | None = None) -> list[Token]:
    """The tokens of a text in order. The words of one numeral are one token.

    Args:
        text: Any text.
        language: Its language; English where it is not known.
    """
    language = language or english()
    if language.code in {"fr", "it"}:
        text = _ELIDED.sub(r"\1 ", text)
    return _join_numerals([_token(match, language) for match in _TOKEN.finditer(text)])


def digits(written: str) -> tuple[Fraction, ...]:
    """What figures can mean: `1.000` is a thousand or one. Codes and versions mean nothing."""
    sign = -1 if written[0] in "-−" else 1
    plain = re.sub(r"[ \u00a0\u202f]", "", written.lstrip("-−")).replace("’", "'")
    groups = _GROUPS.fullmatch(plain)
    if len(plain) > _LONGEST or (not groups and max(plain.count("."), plain.count(",")) > 1):
        return ()  # a code, a version
    found = []
    if groups:
        found.append(Fraction(re.sub(r"\D", "", plain)))
    if not groups or (plain.count(groups[1]) == 1 and groups[1] != "'"):
        whole, point, decimals = _split_decimals(plain)
        found.append(Fraction(f"{whole or 0}.{decimals}" if point else whole))
    return tuple(found) if sign > 0 else (*(-value for value in found), *found)  # "minus 2.75"


def _split_decimals(plain: str) -> tuple[str, str, str]:
    position = max(plain.rfind("."), plain.rfind(","))
    if position < 0:
        return re.sub(r"\D", "", plain), "", ""
    return re.sub(r"\D", "", plain[:position]), ".", re.sub(r"\D", "", plain[position + 1 :])


def _token(match: re.Match[str], language: Language) -> Token:
    text, start, end = match[0], match.start(), match.end()
    lower = text.lower().replace("’", "'")
    if match["word"]:
        number = word_value(lower, language)
        if number is None:
            return Token(text=text, start=start, end=end, lower=lower, is_word=True)
        value, ordinal, weak = number
        return Token(text=text, start=start, end=end, lower=lower, is_word=True, values=(value,), ordinal=ordinal, weak=weak)
    if match["fraction"]:
        return Token(text=text, start=start, end=end, lower=lower, values=(_FRACTIONS[text],))
    if match["number"]:
        suffix = (match["suffix"] or "").lower()
        factor = _MULTIPLIERS.get(suffix, 1)
        values = tuple(value * factor for value in digits(match["number"]))
        return Token(text=text, start=start, end=end, lower=lower, values=values, ordinal=bool(suffix) and suffix not in _MULTIPLIERS)
    return Token(text=text, start=start, end=end, lower=lower)


@lru_cache(maxsize=50_000)
def word_value(word: str, language: Language) -> WordValue | None:
    """The number that a word in lower case means; `None` for any other word."""
    if word in _HALVES:
        return WordValue(Fraction(1, 2), ordinal=False, weak=True)
    if word in language.numbers or (word in _ONES and language.code in {"en", "de"}):
        value = language.numbers.get(word, 1)
        return WordValue(Fraction(value), ordinal=False, weak=value == 1 or word in _UNSURE)
    if word in language.ordinals:
        value = language.ordinals[word]
        return WordValue(Fraction(value), ordinal=True, weak=value < 3 or language.code not in {"en", "de", "fr"})
    if language.code in {"de", "it"} and len(word) > 5 and (compound := _compound(word, language)):
        return WordValue(Fraction(compound), ordinal=False, weak=False)
    return None


def _compound(word: str, language: Language) -> int | None:
    """`zweihundertfünfzig`, `trentacinque`: numbers written as one word."""
    for name, factor in (("tausend", 1000), ("mila", 1000), ("mille", 1000), ("hundert", 100), ("cento", 100)):
        before, found, after = word.partition(name)
        if found:
            head = 1 if not before else _small(before, language)
            rest = 0 if not after else _compound(after.removeprefix("und"), language)
            return None if head is None or rest is None else head * factor + rest
    return _small(word, language)


def _small(word: str, language: Language) -> int | None:
    numbers = language.numbers
    if word in numbers:
        return numbers[word]
    if language.code == "de":
        unit, _, tens = word.partition("und")
        value = 1 if unit == "ein" else numbers.get(unit, 0)
        return numbers[tens] + value if 0 < value < 10 and numbers.get(tens, 0) >= 20 else None
    for tens, value in numbers.items():
        if value >= 20 and word.startswith(tens[:-1]):
            for rest in (word[len(tens) :], word[len(tens) - 1 :]):
                if 0 < numbers.get(rest.replace("é", "e"), 0) < 10:
                    return value + numbers[rest.replace("é", "e")]
    return None


def _join_numerals(tokens: Sequence[Token]) -> list[Token]:
    """Join the tokens that make up one numeral: two | hundred | and | five."""
    joined: list[Token] = []
    i = 0
    while i < len(tokens):
        first, end = tokens[i], i + 1
        value = first.values[0] if first.values and not first.ordinal else None
        total = Fraction(0)
        while value is not None and (part := _next_part(tokens, end)) is not None:
            grown = _grown(value, tokens[part], first.is_word, tokens[part - 1] if part > end else None)
            if grown is None:
                break
            value, end = grown, part + 1
            if tokens[part].values[0] >= 1000:
                total, value = total + value, Fraction(0)
        joined.append(first if end == i + 1 else _numeral(first, tokens[end - 1], total + (value or 0)))
        i = end
    return joined


def _numeral(first: Token, last: Token, value: Fraction) -> Token:
    text = f"{first.text} {last.text}"
    scale = int(last.values[0]) if last.values[0] >= 1000 else 1
    return Token(text=text, start=first.start, end=last.end, lower=text.lower(), values=(value,), ordinal=last.ordinal, scale=scale)


def _next_part(tokens: Sequence[Token], end: int) -> int | None:
    """The next part of a numeral: right there, after a hyphen, after "and" or after "and a"."""
    step = end
    if step < len(tokens) and (tokens[step].lower in _JOINTS or tokens[step].text in {"-", "\u2011"}):
        step += 1
        if step + 1 < len(tokens) and tokens[step].lower in _ONES and tokens[step + 1].lower in _HALVES:
            step += 1
    return step if step < len(tokens) and tokens[step].is_word and tokens[step].values else None


def _grown(current: Fraction, part: Token, in_words: bool, joint: Token | None) -> Fraction | None:
    """The numeral with one more part; `None` where the part is a numeral of its own."""
    value = part.values[0]
    joined_by_word = joint is not None and joint.is_word  # "and", not a hyphen
    if part.lower in _HALVES:
        return current + value if joined_by_word and current >= 1 else None
    if value in _FACTORS or part.lower in _DOZENS:
        return None if joined_by_word or current >= value else current * value
    return _added(current, value, alone=joint is None) if in_words else None


def _added(current: Fraction, value: Fraction, *, alone: bool) -> Fraction | None:
    """A number in words with a smaller one behind it; `alone`: nothing stands between them."""
    if current == 4 and value == 20:  # quatre-vingts
        return Fraction(80)
    if alone and current in {19, 20} and value >= 10:  # nineteen ninety-eight
        return current * 100 + value
    if not current:  # two thousand | twenty
        return value if value < 1000 else None
    return current + value if value < _room(current) else None


def _room(current: Fraction) -> int:
    """What may follow a number is less than this.

    100 after hundreds, 20 after 60 and 80, as in French, and 10 after other tens.
    """
    if current < 20:
        return 0
    if current % 100 == 0:
        return 100
    if current in {60, 80}:
        return 20
    return 10 if current % 10 == 0 else 0

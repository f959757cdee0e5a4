"""Who and what a text names.

Capitals that a sentence does not explain, kin ("her sister"), and names before an honorific (田中さん).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attngs.checking.language.languages import Language
from attngs.checking.language.measures import is_unit
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import term, wording

USER = "@user"
"""The key of "the user": whoever says "I" in a text without speaker labels."""
TITLES = frozenset(
    "mr mrs ms dr prof miss mister sir madam doctor professor herr frau madame monsieur señor señora sr sra signor signora dona".split()
)
_HONORIFIC = re.compile(
    r"(?P<japanese>[\u4e00-\u9fff]{1,4}|[\u30a0-\u30ff]{2,12}|[\u3041-\u3096]{2,4})(?:さん|様|くん|ちゃん|氏)"
    r"|(?P<chinese>[\u4e00-\u9fff])(?:先生|女士|小姐|太太|医生|醫生|老师|老師)"
    r"|(?P<korean>[\uac00-\ud7a3]{2,4}?)(?:\s?씨|님)"
)
_ABSTRACT = ("ly", "ing", "ed", "ion", "ions", "ness", "ment", "ments", "ity", "ies", "ance", "ence", "ship", "ism")
COMMON = frozenset(
    "work rent dinner lunch breakfast coffee tea school sleep money rain snow traffic music food water milk bread sugar meat fish "
    "wine beer weather news help time life love health pain stress peace hope luck trouble progress research advice homework "
    "housework luggage furniture jewelry equipment information knowledge evidence feedback support access attention exercise swimming "
    "yoga football soccer tennis golf chess math maths english french german spanish italian history science art business finance "
    "sales marketing staff management today tomorrow yesterday tonight next last recently previously finally first second third "
    "another additional important new old summer winter spring autumn dad mom mum mother father sister brother grandma grandpa doctor "
    "doctors kids children parents friends still sorry thanks thank hi hello hey dear yes no okay ok please note summary notes update "
    "total overall regarding following key contact address phone email name age date dates deadline budget cost price salary weight "
    "height blood pressure medication medications allergies allergy diet plan plans goal goals task tasks action actions decision "
    "decisions meeting meetings project projects team flight flights hotel trip travel check bring take call keep make use see go "
    "come get give send pay book buy eat drink try avoid started stopped moved works lives likes loves hates prefers wants needs has "
    "had is was bedtime interest morning mornings evening evenings night nights noon weekend weekends calls half electricity internet "
    "heating parking surgery physio insurance delivery shipping entry admission gas petrol diesel oil paint paper wood cash credit debt "
    "tax taxes income profit loss growth demand shellfish seafood nuts dairy gluten chicken pork beef rice pasta fruit fruits vegetables "
    "salad soup cheese butter eggs chocolate dessert juice alcohol tobacco smoke noise light dust fever nausea asthma diabetes "
    "vitamins therapy university college church court students pupils teachers members guests "
    "visitors customers clients patients tenants neighbours neighbors colleagues employees people men women boys girls nobody dogs cats "
    "birds plants flowers tomatoes trees books tickets orders shoes clothes towels keys prices costs fees bills payments exams lessons "
    "classes emails messages letters photos videos headaches symptoms clothing packing bedding laundry rubbish garbage trash recycling "
    "nicotine caffeine shade sunshine damp mould mold "
    "silence luck childcare daycare broadband cholesterol iron salt pepper garlic onions potatoes carrots lentils beans mushrooms seafood "
    "passports visas luggage fuel battery batteries rehearsal rehearsals practice kickoff registration enrolment sessions".split()
)
_VERBS = frozenset(
    "is was has had will would can could does did should must may might needs wants likes isn't wasn't hasn't won't can't doesn't "
    "didn't and or who also now never always still just".split()
)
_APPOSITIVE = re.compile(
    r",\s+(?:an?|the|who|whose|her|his|my|their|our|le|la|les|un|une|mon|ma|son|sa|der|die|das|ein|eine|mein|meine|ihr|ihre|el|il|lo|una|uno|o|"
    r"um|uma|mi|su|suo|sua|seu)\b|,\s+l['’]"
)
_PLACING = frozenset("in at near via into".split())
_MOVING = frozenset(
    "way move moved moving trip flight flew flights travel travelled go goes going went back came drive drove ferry train bus road".split()
)
_BEFORE_NAMES = frozenset(
    "frau herr herrn tante onkel schwester bruder cousin cousine sohn tochter mutter vater oma opa dr prof doktor freundin freund "
    "kollege kollegin nachbar nachbarin chef chefin".split()
)


class Name(NamedTuple):
    """A name, or a word of kin."""

    key: str
    """The name in lower case, or `@` and the stem of the word of kin."""
    start: int
    end: int
    first: bool
    """Whether it opens its clause: what is said may be said of it."""
    sure: bool
    """Whether it is surely a name, not just the capital that opens a sentence."""
    opens: bool = False
    """Whether it opens its sentence, so that its capital tells nothing."""
    owner: bool = False
    """Whether it has a possessive: what is said is said of what it owns."""
    placed: bool = False
    """Whether it stands where a place does: "in Bergen", "instead of Rome", "on the way to Oslo", but not "according to Tom"."""


def find_names(text: str, tokens: Sequence[Token], language: Language | None, openings: frozenset[int]) -> Iterator[Name]:
    """The names in a text: first those before an honorific, then all others, each in order.

    Args:
        text: The text.
        tokens: Its tokens without figures.
        language: Its language.
        openings: Where sentences open; a capital there is no sign of a name.
    """
    for match in _HONORIFIC.finditer(text):
        group = match.lastgroup or "japanese"
        yield Name(match[group], match.start(group), match.end(group), first=False, sure=True)
    for i, token in enumerate(tokens):
        if not token.is_word or token.values:
            continue
        key = (token.lower[:-1] if _is_plural_initials(token.text) else token.lower).removesuffix("'s").removesuffix("'")
        owner = token.lower.endswith(("'s", "'"))
        if (language is None or language.code == "en") and (kin := _kin(key, language)):
            yield Name(kin, token.start, token.end, first=False, sure=True, owner=owner)
        elif _capital(token) and _is_name(tokens, i, key, language, opens := token.start in openings):
            sure = _is_sure(tokens, i, language, opens) or (opens and bool(_APPOSITIVE.match(text, token.end)))
            yield Name(key, token.start, token.end, first=False, sure=sure, opens=opens, owner=owner, placed=_is_placed(tokens, i))


def _is_placed(tokens: Sequence[Token], i: int) -> bool:
    before, further = (tokens[j].lower if j >= 0 else "" for j in (i - 1, i - 2))
    return before in _PLACING or (before == "of" and further == "instead") or (before == "to" and further in _MOVING)


def _is_sure(tokens: Sequence[Token], i: int, language: Language | None, opens: bool) -> bool:
    """Whether a word that can be a name is one.

    Where every noun has a capital, that takes a word like "Tante" before it.
    """
    if language and not language.names:
        return i > 0 and tokens[i - 1].lower in _BEFORE_NAMES
    if not opens:
        return True
    return _opens_as_name(tokens, i) if language is None or language.code == "en" else _opens_before_verb(tokens, i, language)


def _opens_before_verb(tokens: Sequence[Token], i: int, language: Language) -> bool:
    """Whether another word with content follows, or a denial.

    In a language whose nouns have articles, such a first word is a name.
    """
    following = tokens[i + 1] if i + 1 < len(tokens) else None
    return (
        following is not None
        and following.is_word
        and (following.lower not in language.function_words or following.lower in language.negators)
    )


def same_name(one: str, other: str) -> bool:
    """Whether two keys name the same: "Italy" and "Italian" do, "Maria" and "Mario" do not."""
    if one == other or one.rstrip("s") == other.rstrip("s"):
        return True
    if (one, other) in wording().demonyms or (other, one) in wording().demonyms:
        return True
    short, long = sorted((one, other), key=len)
    root = short.rstrip("aeiouy")
    if len(root) < 3 or len(long) == len(short) or not long.startswith(root):
        return False
    return long[len(root) :].lstrip("aeiou") in {"n", "sh", "se", "ch"}


def _kin(word: str, language: Language | None) -> str:
    """The key of a word of kin; empty for any other word."""
    if word == "user":
        return USER
    stem = term(word, language).stem
    return f"@{stem}" if stem in wording().relation_stems else ""


def _is_plural_initials(word: str) -> bool:
    """Whether it is "LEDs" or "CDs"."""
    return len(word) > 2 and word.endswith("s") and word[:-1].isupper()


def _capital(token: Token) -> bool:
    return token.text[0].isupper() and (len(token.text) > 1 or ord(token.text[0]) > 0x250)


def _is_name(tokens: Sequence[Token], i: int, key: str, language: Language | None, opens: bool) -> bool:
    if key == "new" and i + 1 < len(tokens) and tokens[i + 1].lower.startswith("year"):
        return False
    if key in TITLES or is_unit(key) or (language and (key in language.function_words or _is_calendar(key, language))):
        return False
    if language and any(part in language.function_words for part in [key.partition("'")[0]] if "'" in key):
        return False
    return not (opens and (key in COMMON or (key.endswith(_ABSTRACT) and not _followed_by_capital(tokens, i))))


def _is_calendar(key: str, language: Language) -> bool:
    """Whether a word is a month or a weekday."""
    return key in language.months or key in language.weekdays


def _followed_by_capital(tokens: Sequence[Token], i: int) -> bool:
    return i + 1 < len(tokens) and tokens[i + 1].is_word and _capital(tokens[i + 1])


def _opens_as_name(tokens: Sequence[Token], i: int) -> bool:
    """Whether the first word of a sentence is a name, by what follows.

    A verb or a name follows no noun without an article.
    """
    token = tokens[i]
    if token.lower.endswith("'s") or token.text.isupper():
        return True
    if i + 1 >= len(tokens):
        return False
    following = tokens[i + 1]
    if following.lower.endswith("s") and i + 2 < len(tokens) and _is_finite(tokens[i + 2].lower):
        return _capital(following)  # "noisy restaurants are"
    if following.lower == "who" and token.lower.endswith("s"):
        return False  # "students who"
    if following.lower in {"and", "or", "&", ","}:
        return _followed_by_capital(tokens, i + 1)
    if following.lower in _VERBS or (following.is_word and _capital(following)):
        return not token.lower.endswith("s") or following.lower not in {"are", "were", "have", "do"}
    plural = token.lower.endswith("s") and not token.lower.endswith(("is", "us", "as", "ss", "es"))
    return following.is_word and _looks_like_verb(following.lower) and not plural


def _is_finite(word: str) -> bool:
    return word in {"are", "were", "have", "do", "can", "will", "may", "must", "should"} or word in wording().verbs or word.endswith("ed")


def _looks_like_verb(word: str) -> bool:
    return (word in wording().irregular or word.endswith(("ed", "s"))) and not word.endswith("ss")

"""What needs no memory: a greeting, a sum, a translation of a text that the message brings along, and a question about code.

These are plain rules, so that they can be read, and the same message is always treated alike. A greeting, a sum and a translation are
recognised by having no other words than such messages have; a question about code by a word that stands for nothing else, where it is about
nobody. What they do not catch, the marker judges: "Who painted the Night Watch?" and "Who painted the kitchen?" differ in nothing that a
rule could see.
"""

from __future__ import annotations

import re
from typing import Literal

Idle = Literal["greeting", "sum", "translation", "code"]

WHY_IDLE: dict[str, str] = {
    "greeting": "A greeting needs no memory, so none was sent.",
    "sum": "A sum needs no memory, so none was sent.",
    "translation": "A translation needs no memory, so none was sent.",
    "code": "This is about code and not about you, so no memory was sent.",
}
"""Why a message is answered without memory, by its kind."""

_GREETINGS = frozenset(
    "hi hello hey hiya yo there good morning afternoon evening night day greetings welcome thanks thank you very much so many cheers ta bye"
    " goodbye ok okay great cool nice perfect super fine lovely wonderful how are things going it doing today all well again"
    " hallo guten morgen tag abend danke schön tschüss bonjour salut bonsoir merci beaucoup hola buenos días buenas gracias adiós"
    " olá ola bom dia boa tarde noite obrigado obrigada ciao buongiorno grazie ahoj dobrý den děkuji".split()
)
_OPENS = frozenset(
    "hi hello hey hiya yo good greetings welcome thanks thank cheers ta bye goodbye ok okay great cool nice perfect super fine lovely"
    " wonderful how hallo guten danke tschüss bonjour salut bonsoir merci hola buenos buenas gracias adiós olá ola bom boa obrigado"
    " obrigada ciao buongiorno grazie ahoj dobrý děkuji".split()
)
_NUMBERS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half third quarter quarters thirds"
    " dozen".split()
)
_UNITS = frozenset(
    "second seconds minute minutes hour hours day days week weeks month months year years decade century mm millimetre"
    " millimetres millimeters cm centimetre centimetres centimeter centimeters m metre metres meter meters km kilometre"
    " kilometres kilometer kilometers inch inches foot feet ft yard yards mile miles acre acres hectare hectares mg gram"
    " grams g kg kilo kilos kilogram kilograms tonne tonnes ounce ounces oz pound pounds lb lbs stone ml millilitre"
    " millilitres cl dl litre litres liter liters l pint pints gallon gallons cup cups tablespoon tablespoons teaspoon"
    " teaspoons celsius fahrenheit kelvin degree degrees bit bits byte bytes kb mb gb tb kilobytes megabytes gigabytes euro"
    " euros dollar dollars cent cents mph kmh knots watt watts kilowatt kilowatts joule joules calories".split()
)
_OPERATIONS = frozenset(
    "plus minus times multiplied divided percent percentage squared cubed power root mod modulo remainder prime factorial factors factorise"
    " sum product average mean median solve split divide share convert add subtract multiply double triple halve tip discount off vat tax"
    " interest increased decreased round rounded".split()
)
_BETWEEN = frozenset(
    "what whats s is are was the a an of to in into by from on over and or with for as at how much many there it if"
    " calculate compute work out please so number numbers even odd square cube cent per equal equals make makes up down"
    " between among people ways each decimal decimals places place nearest whole x y z n".split()
)
_IN_SUMS = _NUMBERS | _UNITS | _OPERATIONS | _BETWEEN
_IN_ONE = re.compile(r"^how many (\w+) (?:(?:are|is) (?:there )?|there are )?(?:in|to|make) (?:a|an|one|the) (?:\w+ )?(\w+)$")
_CONVERTED = re.compile(r"\d\s*([^\W\d_]+)(?:\s+[\d.,]+(?:\s*[^\W\d_]+)?)?\s+(?:in|to|into|as)\s+([^\W\d_]+)")
_SIGNS = re.compile(r"[-+*/×÷^%=√]|\d\s*x\s*\d")

_TRANSLATES = frozenset(
    "translate translation say put übersetze übersetz sagt traduis traduisez dit traduce traduzca dice traduza diz traduci".split()
)
_AROUND_TEXTS = frozenset(
    "please can could would you do how is the this that following a an in to into from for of as word sentence phrase text paragraph bitte"
    " diesen dieses den das satz ins aus dem wie man auf en ce cette texte phrase comment on au est el la esta este frase texto al del cómo"
    " se por favor come si questa questo testo como para o".split()
)
_LANGUAGES = frozenset(
    "english spanish french german italian portuguese dutch polish czech slovak swedish danish norwegian finnish hungarian romanian greek"
    " turkish russian ukrainian arabic hebrew hindi chinese mandarin japanese korean latin deutsch deutsche englisch englische spanisch"
    " spanische französisch französische italienisch italienische portugiesisch portugiesische anglais espagnol français allemand italien"
    " portugais inglés español francés alemán italiano portugués inglese spagnolo francese tedesco portoghese inglês espanhol francês"
    " alemão".split()
)
_IN_TRANSLATIONS = _TRANSLATES | _AROUND_TEXTS | _LANGUAGES
_QUOTED = re.compile(r"(?<!\w)[\"“”„«‘'](?=\S).+?(?<=\S)[\"“”»’'](?!\w)", re.DOTALL)
_AFTER_COLON = re.compile(r"\s?:.*\w.*", re.DOTALL)
_WORD_FOR = re.compile(r"^what(?: i|[’']?)s the (\w+) (?:word|expression|term) for (?:(?:a|an|the|to) )?\w+$")

_PERSONAL = re.compile(
    r"\b(?:i|i'm|i've|i'd|i'll|my|mine|me|we|we're|our|ours|us|he|she|his|her|him|hers|they|their|them|did|was|were|said|told)\b",
    re.IGNORECASE,
)
_HOW_TO = re.compile(
    r"\b(?:how|where|why|when) (?:do|can|would|could|must) (?:i|you|we|they)\b|\b(?:give|show|tell|help|explain to) me\b",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"```|\b(?:(?<!monty )python3?|javascript|typescript|golang|php|kotlin|haskell|css|html|sql|postgres(?:ql)?|mysql|sqlite|regex(?:es|p)?"
    r"|regular expression|bash|zsh|powershell|git|nginx|docker(?:file)?|kubernetes|kubectl|npm|numpy|pandas|pytest|django|webpack|json|yaml"
    r"|xml|localhost|segfault|stack ?trace|traceback|null pointer|makefile|crontab|ssh|chmod|grep|awk|mutex|deadlock|race condition"
    r"|garbage collect(?:or|ion)|unit tests?|async|stack overflow|boolean|big-?o notation|linked list|binary search|hash ?map)\b"
    r"|\bc\+\+|\bc#|\bnode\.js|\.(?:py|js|ts|css|html|sh|rs|cpp|java)\b|\b\w+\(\)",
    re.IGNORECASE,
)
_PROGRAM = re.compile(
    r"^(?:(?:please|can you|could you|help me|and|now),? )*"
    r"(?:write|fix|explain|debug|refactor|implement|generate|optimi[sz]e|review|convert|translate)\b.{0,60}?"
    r"\b(?:java|rust|ruby|shell|swift|code|function|script|class|query|algorithm)\b",
    re.IGNORECASE | re.DOTALL,
)


def idle_kind(text: str) -> Idle | None:
    """Why a message needs no memory; `None` if it may need some."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if _is_greeting(words):
        return "greeting"
    if _is_sum(text.casefold(), words):
        return "sum"
    about = _HOW_TO.sub("", text)
    if not _PERSONAL.search(about) and _is_translation(text.casefold()):
        return "translation"
    if (_CODE.search(text) or _PROGRAM.search(text)) and not _PERSONAL.search(about):
        return "code"
    return None


def _is_greeting(words: list[str]) -> bool:
    return 0 < len(words) <= 7 and words[0] in _OPENS and all(word in _GREETINGS for word in words)


def _is_sum(text: str, words: list[str]) -> bool:
    """Whether it has numbers, what is done with them, and nothing else; or asks how many of a unit another one has."""
    within = _IN_ONE.match(text.strip(" ?.!"))
    if within and _UNITS.issuperset(within.groups()):
        return True
    if not _IN_SUMS.issuperset(words):
        return False
    converted = _CONVERTED.search(text)
    does = _SIGNS.search(text) or not _OPERATIONS.isdisjoint(words) or (converted and _UNITS.issuperset(converted.groups()))
    return bool(does) and bool(re.search(r"\d", text) or not _NUMBERS.isdisjoint(words))


def _is_translation(text: str) -> bool:
    """Whether it has a text in quotes or after a colon, and otherwise only says which language it wants; or asks for one word."""
    word_for = _WORD_FOR.match(text.strip(" ?.!"))
    if word_for and word_for[1] in _LANGUAGES:
        return True
    around = _QUOTED.sub(" ", text)
    around = _AFTER_COLON.sub("", text, count=1) if around == text else around
    words = re.findall(r"[^\W\d_]+", around)
    return around != text and _IN_TRANSLATIONS.issuperset(words) and not (_TRANSLATES.isdisjoint(words) or _LANGUAGES.isdisjoint(words))

"""What a message is: a greeting, a sum and code need no memory, and a statement about oneself is worth keeping.

These are plain rules, so that they can be read, and the same message is always treated alike. What they do not catch, the marker judges.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from langchain_core.messages import AnyMessage

from attngs import Question
from langchain_attngs import question_of

Kind = Literal["greeting", "sum", "code", "statement", "question", "other"]

WHY_IDLE = {
    "greeting": "A greeting needs no memory, so none was sent.",
    "sum": "A sum needs no memory, so none was sent.",
    "code": "This is about code and not about you, so no memory was sent.",
}
"""Why a message is answered without memory, by its kind."""

LONGEST_STATEMENT = 300
"""Characters of a statement that is offered for keeping."""

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
_OWN = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|my|mine|me|we|our|ours|us)\b", re.IGNORECASE)
_ASKED_SUM = re.compile(
    r"^(?:and |so |please )*(?:what(?:'s| is| are)|how (?:much|many) (?:is|are)|calculate|compute|work out|add up)?\b", re.IGNORECASE
)
_SUM_WORDS = re.compile(
    r"\b(?:plus|minus|times|multiplied|divided|by|over|of|percent|per cent|squared|cubed|to the power|square root|the|and|equals?|mod"
    r"|euros?|dollars?|pounds?|cents?)\b",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"[-+*/x×÷^%]|\b(?:plus|minus|times|multiplied|divided|percent|per cent|squared|cubed|power|root|mod)\b", re.IGNORECASE
)
_CODE = re.compile(
    r"^(?:(?:please|can you|could you|help me|and|now),? )*"
    r"(?:write|fix|explain|debug|refactor|implement|generate|optimi[sz]e|review|convert|translate)\b.{0,60}?"
    r"(?:\b(?:python|javascript|typescript|java|rust|golang|ruby|php|sql|bash|shell|regex|regular expression|html|css|kotlin|swift|haskell"
    r"|code|function|script|class|query|algorithm|unit test)\b|\bc\+\+|\bc#|[\w.]+\(.*\))",
    re.IGNORECASE | re.DOTALL,
)
_REMEMBER = re.compile(r"^(?:please )?(?:remember|note|keep in mind|don't forget)(?: that)?[:,]?\s+", re.IGNORECASE)
_STATES = re.compile(
    r"^(?:(?:and|but|so|also|now|actually|well|by the way|today|yesterday|since \w+),? )*(?:i|i'm|i've|my|we|we're|we've|our)\b",
    re.IGNORECASE,
)
_WISHES = re.compile(
    r"^(?:i|we)(?:'d| would| want| need| wonder| wish| hope)\s(?:like|love|to know|you|if|whether|what|when|where|who|how|help)\b",
    re.IGNORECASE,
)


_CHANGES = re.compile(
    r"\b(?:now|nowadays|from now on|moved|no longer|not any ?more|any ?more|instead|since (?:last|this|yesterday)|changed|switched|became"
    r"|turned|quit|left|stopped|started|began|new|cancell?ed|postponed|sold|got (?:married|divorced|rid))\b",
    re.IGNORECASE,
)
"""Words that say that something was otherwise before."""


def tells_change(text: str) -> bool:
    """Whether a statement says that something has changed."""
    return _CHANGES.search(text) is not None


def kind_of(text: str) -> Kind:
    """What a message is."""
    text = " ".join(text.split())
    if _is_greeting(text):
        return "greeting"
    if _is_sum(text):
        return "sum"
    if "```" in text or (_CODE.search(text) and not _OWN.search(text)):
        return "code"
    if text.endswith("?"):
        return "question"
    return "statement" if fact_in(text) else "other"


def fact_in(text: str) -> str:
    """What a message states about its writer, in a form that can be kept; empty if it states nothing."""
    text = " ".join(text.split())
    told = _REMEMBER.sub("", text)
    if text.endswith("?") or len(told) > LONGEST_STATEMENT or len(told.split()) < 2:
        return ""
    if told != text:
        return told[:1].upper() + told[1:]
    is_long = len(told.split()) > 2 or told.casefold().startswith(("i'm ", "my "))
    return told if is_long and _STATES.match(told) and not _WISHES.match(told) else ""


def asked(messages: Sequence[AnyMessage]) -> str | Question:
    """What the memory is asked for the last message: nothing where it needs no memory."""
    last = next((str(message.text) for message in reversed(messages) if message.type == "human"), "")
    return "" if kind_of(last) in WHY_IDLE else question_of(messages)


def _is_greeting(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return 0 < len(words) <= 7 and words[0] in _OPENS and all(word in _GREETINGS for word in words)


def _is_sum(text: str) -> bool:
    """Whether nothing but numbers and what is done with them is left of it."""
    told = _ASKED_SUM.sub("", text)
    left = _SUM_WORDS.sub("", re.sub(r"(?<=\d)\s*x\s*(?=\d)", "*", told))
    return bool(re.search(r"\d", told) and _OPERATION.search(told) and not re.search(r"[^\W\d_]", left))

"""Addresses, numbers and codes that must be the same sign by sign: e-mail, links, handles, telephone, IBAN, order numbers, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attngs.claims.mentions import Contact, Mention

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
_SPACED_THOUSANDS = re.compile(r"\d{1,3}(?:[ \u00a0.]\d{3})+")


def find_contacts(text: str) -> Iterator[Mention]:
    """All of them, in order."""
    for match in _CONTACT.finditer(text):
        key = _key(match)
        if key:
            end = match.end() - (len(match[0]) - len(match[0].rstrip(".,;:!?)")))
            yield Mention(kind="contact", start=match.start(), end=end, readings=(Contact(key),))


def _key(match: re.Match[str]) -> str:
    """The sign in one spelling; empty for what only looks like one."""
    kind, text = match.lastgroup, match[0].rstrip(".,;:!?)")
    if kind == "mail" or kind == "handle":
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

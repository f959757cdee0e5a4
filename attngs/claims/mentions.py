"""What a text states in figures or signs, read into values that compare: every reading that the words allow."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple


class Number(NamedTuple):
    """`1,000`, `two`, `3rd`."""

    value: Fraction


class Quantity(NamedTuple):
    """`5 mg`, `$20`, `30 %`: comparable inside one dimension."""

    dimension: str
    amount: Fraction
    """In the dimension's base unit."""
    written: Fraction
    """In the unit as written."""


class Day(NamedTuple):
    """What is said of a date; `None` where nothing is."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    """0 is Monday."""


class Clock(NamedTuple):
    """A time of day."""

    minute: int
    """Since midnight."""


class Contact(NamedTuple):
    """An address, a number or a code: what must be the same sign by sign."""

    key: str


Reading = Number | Quantity | Day | Clock | Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A stretch of a text with the values that it can mean."""

    kind: str
    """`number`, `amount`, `unit`, `date`, `time` or `contact`."""
    start: int
    end: int
    readings: tuple[Reading, ...]
    weak: bool = False
    """Supports a claim but makes none: `a`, `one`, `half`, which mean a number only now and then."""
    counted: str | None = None
    """What a bare number counts, the word after it."""

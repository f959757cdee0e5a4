"""What a text states in figures or signs, as values that can be compared.

A mention has every meaning that its words allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar


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


class Rate(NamedTuple):
    """`a week`, `per week`, `weekly`: how often, or for how long."""

    period: str


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
    """An address, a phone number or a code, which must be the same sign by sign."""

    key: str


Meaning = Number | Quantity | Rate | Day | Clock | Contact
Kind = TypeVar("Kind", bound=Meaning)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A stretch of a text that states a value, with all the values that it can mean."""

    kind: str
    """`number`, `amount`, `unit`, `date`, `time` or `contact`."""
    start: int
    end: int
    meanings: tuple[Meaning, ...]
    weak: bool = False
    """Whether it supports a claim but makes none: `a`, `one` and `half` mean a number only now and then."""
    counted: str | None = None
    """The word after a bare number: what it counts."""


class Match(NamedTuple):
    """A mention with its place among the tokens of a text."""

    mention: Mention
    first: int
    """Its first token."""
    end: int
    """The token after its last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What some mentions can mean, ready to be looked up."""

    exact: frozenset[Meaning]
    days: tuple[Day, ...]
    numbers: frozenset[Fraction]
    amounts: frozenset[tuple[str, Fraction]]
    """Dimension and amount of quantities."""
    written: frozenset[Fraction]
    """Numbers of quantities, in the units as written."""
    shares: frozenset[Fraction]
    """In percent."""
    hours: frozenset[int]
    """Full hours of the day, by both clocks."""
    contacts: tuple[str, ...]

    @classmethod
    def of(cls, mentions: Iterable[Mention]) -> Figures:
        """What these can mean."""
        exact = frozenset(meaning for mention in mentions for meaning in mention.meanings)
        if not exact:
            return _NO_FIGURES
        quantities = _of_kind(Quantity, exact)
        return cls(
            exact=exact,
            days=tuple(sorted(_of_kind(Day, exact), key=repr)),
            numbers=frozenset(number.value for number in _of_kind(Number, exact)),
            amounts=frozenset((quantity.dimension, quantity.amount) for quantity in quantities),
            written=frozenset(quantity.written for quantity in quantities),
            shares=frozenset(quantity.amount for quantity in quantities if quantity.dimension == "share"),
            hours=_full_hours(_of_kind(Clock, exact)),
            contacts=tuple(contact.key for contact in _of_kind(Contact, exact)),
        )


def _of_kind(kind: type[Kind], meanings: Iterable[Meaning]) -> list[Kind]:
    return [meaning for meaning in meanings if isinstance(meaning, kind)]


def _full_hours(clocks: Iterable[Clock]) -> frozenset[int]:
    """Full hours by both clocks: 15:00 is 15 and 3."""
    hours = [clock.minute // 60 for clock in clocks if clock.minute % 60 == 0]
    return frozenset([*hours, *(hour % 12 or 12 for hour in hours)])


_NO_FIGURES = Figures(
    exact=frozenset(),
    days=(),
    numbers=frozenset(),
    amounts=frozenset(),
    written=frozenset(),
    shares=frozenset(),
    hours=frozenset(),
    contacts=(),
)

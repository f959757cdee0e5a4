"""When something was, from whatever a store wrote down.

A value that says no date is unknown, which is earlier than every date and never today.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from attngs.checking.language.dates import without_hyphens
from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import languages
from attngs.checking.language.mentions import Clock, Day, Mention

TIME_KEYS = (
    *(
        "date",
        "valid_at",
        "occurred_start",
        "event_time",
        "timestamp",
        "time",
        "published_at",
        "published",
        "publish_date",
        "sent_at",
        "sent",
    ),
    *("mentioned_at", "updated_at", "created_at"),
)
"""Under which names stores and loaders say when something was: what it tells of comes before when it was written down."""
FILE_TIME_KEYS = (
    *("last_modified_date", "last_modified", "modified_at", "modified", "moddate"),
    *("creation_date", "creationdate", "created", "last_accessed_date"),
)
"""Under which names readers of files say when a file was written, which may be long after what it tells of."""

_LONGEST = 100
"""Characters of a written date; a longer text is prose."""
_EARLIEST_SECONDS = 1e8
"""March 1973. A smaller number counts something else."""
_NUMBER = re.compile(r"[0-9]{9,}(?:\.[0-9]+)?")
_WRITTEN = (str, int, float, date)
"""What a time may be written as; other kinds of values are no times."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # whatever the locale is


class Moment(NamedTuple):
    """A point in time, and how much of it is known."""

    at: datetime
    """With a time zone: UTC where none is written. What is not known is the first of its kind, such as the first day of the month."""
    has_day: bool

    @property
    def day(self) -> str:
        """The day, such as 14 Mar 2026, which takes fewer tokens than 2026-03-14."""
        return f"{self.at.day} {_MONTHS[self.at.month - 1]} {self.at.year}"


UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""Sorts before every known time, so that nothing undated passes for the newest."""


def read_moment(value: object) -> Moment | None:
    """When a value says that something was; `None` where it does not.

    `05/01/2025` is 5 January: the day comes first, unless there is no such month.

    Args:
        value: A `date`, a `datetime`, seconds or milliseconds since 1970, or a text: ISO 8601, RFC 2822, or a date as people write it.
    """
    if isinstance(value, datetime):
        return Moment(_with_zone(value), True) if value == value else None  # pandas has a date that is none, as NaN is no number
    if isinstance(value, date):
        return Moment(datetime(value.year, value.month, value.day, tzinfo=UTC), True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return _read_text(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST else None


def given_time(fields: Mapping[str, object]) -> object:
    """What an item's fields say of its time, as it was written; `None` where they say nothing."""
    return _first(fields, TIME_KEYS)


def file_time(fields: Mapping[str, object]) -> object:
    """What an item's fields say of the time of its file, as written; `None` where they say nothing."""
    return _first(fields, FILE_TIME_KEYS)


def _first(fields: Mapping[str, object], keys: Iterable[str]) -> object:
    return next((value for key in keys if isinstance(value := fields.get(key), _WRITTEN) and not isinstance(value, bool) and value), None)


@lru_cache(maxsize=4096)
def _read_text(text: str) -> Moment | None:
    try:
        return Moment(_with_zone(datetime.fromisoformat(text)), True)
    except ValueError:
        pass
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    try:
        return Moment(_with_zone(parsedate_to_datetime(text)), True)
    except (ValueError, TypeError, IndexError):  # whatever is no mail date
        found = _written(text)
        return found if found and found.has_day else _written(without_hyphens(text)) or found


def _written(text: str) -> Moment | None:
    """A date as people write it, in each of our languages; the fullest that one of them reads."""
    best: Moment | None = None
    for language in languages():
        mentions = find_figures(text, language)[0]
        day = next((day for mention in mentions for day in _days(mention) if day.year), None)
        if day is None:
            continue
        clock = next((meaning for mention in mentions for meaning in mention.meanings if isinstance(meaning, Clock)), Clock(0))
        midnight = datetime(day.year or 1, day.month or 1, day.day or 1, tzinfo=UTC)
        found = Moment(midnight + timedelta(minutes=clock.minute), day.day is not None)
        if day.day:
            return found
        best = max(filter(None, (best, found)), key=lambda moment: moment.at)  # the later one knows the month
    return best


def _days(mention: Mention) -> Iterable[Day]:
    return (meaning for meaning in mention.meanings if isinstance(meaning, Day))


def _since_1970(number: float) -> Moment | None:
    """Seconds, or a thousandth, millionth or billionth of them, by their size."""
    if not _EARLIEST_SECONDS <= number < _EARLIEST_SECONDS * 1e12:  # no number at all fails too
        return None
    while number >= _EARLIEST_SECONDS * 1e3:
        number /= 1e3
    return Moment(datetime.fromtimestamp(number, tz=UTC), True)


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

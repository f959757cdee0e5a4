"""When an item was: every form that stores use, and nothing that is no date."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs.checking.times import UNKNOWN, file_time, given_time, read_moment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2024, 3, 18), "2024-03-18T00:00"),
        (datetime(2024, 3, 18, 9, 30), "2024-03-18T09:30"),
        (datetime(2024, 3, 18, 9, 30, tzinfo=UTC), "2024-03-18T09:30"),
        ("2024-03-18", "2024-03-18T00:00"),
        ("2024-03-18T09:30:00Z", "2024-03-18T09:30"),
        ("20240318", "2024-03-18T00:00"),
        ("2024/03/18", "2024-03-18T00:00"),
        ("Mon, 18 Mar 2024 09:30:00 +0000", "2024-03-18T09:30"),
        ("18 Mar 2024", "2024-03-18T00:00"),
        ("18-March-2024", "2024-03-18T00:00"),
        ("March 18th, 2024", "2024-03-18T00:00"),
        ("March-18-2024", "2024-03-18T00:00"),
        ("18-Mar-2024", "2024-03-18T00:00"),
        ("18_März_2024", "2024-03-18T00:00"),
        ("18-03-2024_v2", "2024-03-18T00:00"),
        ("9:30 am on 18 March, 2024", "2024-03-18T09:30"),
        ("18. März 2024", "2024-03-18T00:00"),
        ("18 mars 2024", "2024-03-18T00:00"),
        ("18 de marzo de 2024", "2024-03-18T00:00"),
        ("2024年3月18日", "2024-03-18T00:00"),
        ("18.03.2024", "2024-03-18T00:00"),
        ("04/03/2024", "2024-03-04T00:00"),
        ("03/18/2024", "2024-03-18T00:00"),
        ("18/03/24, 14:30", "2024-03-18T14:30"),
        (1_710_754_200, "2024-03-18T09:30"),
        (1_710_754_200.0, "2024-03-18T09:30"),
        (1_710_754_200_000, "2024-03-18T09:30"),
        ("1710754200", "2024-03-18T09:30"),
        ("1710754200.25", "2024-03-18T09:30"),
    ],
)
def test_a_time_is_read_in_every_form_that_stores_use(value: object, expected: str) -> None:
    found = read_moment(value)
    assert found is not None
    assert found.at.isoformat()[:16] == expected
    assert found.day == f"{int(expected[8:10])} Mar 2024"


@pytest.mark.parametrize(
    ("value", "expected"), [("March 2024", "2024-03-01"), ("März 2024", "2024-03-01"), ("2024-03", "2024-03-01"), ("2024", "2024-01-01")]
)
def test_a_month_or_a_year_has_no_day(value: str, expected: str) -> None:
    found = read_moment(value)
    assert found is not None
    assert (found.at.date().isoformat(), found.has_day) == (expected, False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "today",
        "yesterday",
        "last spring",
        "14:30",
        "3 May",
        "n/a",
        "version 12",
        None,
        True,
        3,
        -1,
        2024,
        [],
        "9" * 99,
        math.inf,
        math.nan,
        10**400,
    ],
)
def test_what_says_no_date_is_unknown(value: object) -> None:
    assert read_moment(value) is None


def test_a_time_keeps_its_own_day_and_is_compared_across_zones() -> None:
    early, late = read_moment("2024-03-18T00:30:00+02:00"), read_moment("2024-03-17T23:00:00Z")
    assert early is not None
    assert late is not None
    assert early.day == "18 Mar 2024"
    assert UNKNOWN < early.at < late.at


def test_what_an_item_tells_of_comes_before_when_it_was_written_down() -> None:
    assert given_time({"created_at": "2026-01-02", "valid_at": "2025-01-01", "updated_at": None}) == "2025-01-01"
    assert given_time({"created_at": "2026-01-02", "updated_at": "2026-01-03"}) == "2026-01-03"
    assert given_time({"date": "", "text": "x"}) is None
    assert given_time({"date": {"year": 2026}, "created_at": "2026-01-02"}) == "2026-01-02"


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes())
def test_no_value_breaks_it(value: object) -> None:
    found = read_moment(value)
    assert found is None or found.at >= UNKNOWN


def test_the_time_of_a_file_is_apart_from_that_of_its_content_and_yes_is_no_date() -> None:
    fields = {"last_modified": "2024-05-06", "published": True, "creation_date": "2024-01-01"}
    assert given_time(fields) is None
    assert file_time(fields) == "2024-05-06"
    assert file_time({"moddate": "", "creationdate": "2024-01-01"}) == "2024-01-01"
    assert given_time({**fields, "created_at": "2024-01-02"}) == "2024-01-02"
    assert file_time({"date": "2024-03-18"}) is None

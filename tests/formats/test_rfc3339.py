"""RFC 3339 times: to the microsecond, and nothing that is not one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.formats.rfc3339 import _in_any_form, from_microseconds, to_microseconds

NINE_US = 1_772_355_600_000_000


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-03-01T09:00:00Z", NINE_US),
        ("2026-03-01t09:00:00z", NINE_US),
        ("2026-03-01T09:00:00.5Z", NINE_US + 500_000),
        ("2026-03-01T09:00:00.000001Z", NINE_US + 1),
        ("2026-03-01T09:00:00.1234569999Z", NINE_US + 123_456),
        ("2026-03-01T17:00:00+08:00", NINE_US),
        ("2026-02-28T09:01:00-23:59", NINE_US),
        ("2026-03-01T09:00:00-00:00", NINE_US),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999999-23:59", 253_402_387_139_999_999),
    ],
)
def test_a_time_becomes_microseconds_since_the_epoch(text: str, microseconds: int) -> None:
    """Any zone, either case, any number of further digits, which are cut off and never round up."""
    assert to_microseconds(text) == microseconds


FORM = "must be an RFC 3339 time with a zone, like 2026-03-01T09:00:00.123Z"
NONE_SUCH = "must be a date and a time of day that exist"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", FORM),
        ("2026-03-01", FORM),
        ("2026-03-01T09:00:00", FORM),
        ("2026-03-01 09:00:00Z", FORM),
        ("2026-03-01T09:00Z", FORM),
        ("2026-03-01T09:00:00.Z", FORM),
        ("2026-03-01T09:00:00,5Z", FORM),
        ("2026-03-01T09:00:00+0800", FORM),
        ("2026-03-01T09:00:00Z\n", FORM),
        ("٢٠٢٦-03-01T09:00:00Z", FORM),
        ("1772355600", FORM),
        ("0000-01-01T00:00:00Z", NONE_SUCH),
        ("2026-02-29T00:00:00Z", NONE_SUCH),
        ("2026-13-01T00:00:00Z", NONE_SUCH),
        ("2026-03-01T24:00:00Z", NONE_SUCH),
        ("2016-12-31T23:59:60Z", NONE_SUCH),
        ("2016-12-31T23:59:60.000Z", NONE_SUCH),
        ("2026-03-01T09:00:00.12\u0663Z", FORM),
        ("2026-03-01T09:00:0\u00b2.123Z", FORM),
        ("2026-03-01 09:00:00.123Z", FORM),
        ("2026-03-01T09:00:00+24:00", "must have an offset from UTC of at most 23:59"),
        ("2026-03-01T09:00:00-08:60", "must have an offset from UTC of at most 23:59"),
        ("1969-12-31T23:59:59.999999Z", "must not be before 1970"),
        ("1969-12-31T23:59:59.999Z", "must not be before 1970"),
        ("1970-01-01T00:00:00+00:01", "must not be before 1970"),
        ("0001-01-01T00:00:00+23:59", "must not be before 1970"),
    ],
)
def test_what_is_no_time_is_refused(text: str, reason: str) -> None:
    """The reason says what is asked for."""
    with pytest.raises(ValueError, match="must") as caught:
        to_microseconds(text)
    assert str(caught.value) == reason


@given(
    st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - its zone is drawn
    st.integers(-1439, 1439),
)
def test_every_moment_keeps_its_microseconds(moment: datetime, offset_minutes: int) -> None:
    """What Python writes as ISO 8601, in any zone, is read as the moment it was."""
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert to_microseconds(aware.isoformat()) == expected


@given(st.datetimes(min_value=datetime(1970, 1, 1)))  # noqa: DTZ001 - it is meant in UTC
def test_what_is_written_is_read_as_the_same_moment(moment: datetime) -> None:
    """From microseconds to text and back."""
    microseconds = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    text = from_microseconds(microseconds)
    assert text is not None
    assert to_microseconds(text) == microseconds


def test_a_written_time_has_six_digits() -> None:
    """So that times compare as texts; behind the year 9999 there is nothing to write."""
    assert from_microseconds(NINE_US) == "2026-03-01T09:00:00.000000Z"
    assert from_microseconds(to_microseconds("9999-12-31T23:59:59.999999-23:59")) is None


def said(read: Callable[[str], int], text: str) -> int | str:
    try:
        return read(text)
    except ValueError as error:
        return str(error)


def test_the_usual_form_is_read_like_any_other() -> None:
    """Milliseconds in UTC have a short way, which takes and refuses what the long one does."""
    parts = (
        ["1969-12-31", "2026-02-28", "2026-02-29"],
        ["T", "t", " "],
        ["00:", "23:", "24:"],
        ["00:", "59:", "60:"],
        ["00", "59", "60"],
        [".000", ".999", ",500", ".12\u0663", ".5"],
        ["Z", "z", "Z\n"],
    )
    for text in map("".join, product(*parts)):
        assert said(to_microseconds, text) == said(_in_any_form, text)

"""RFC 3339 times: to the microsecond, and nothing that is not one."""

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.formats.rfc3339 import from_microseconds, to_microseconds

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


_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def by_the_letter(text: str) -> int | None:
    """RFC 3339, 5.6, member by member; None for what is no time, or is before 1970."""
    parts = _FORM.fullmatch(text)
    if parts is None:
        return None
    fraction, sign = parts[7], parts[8]
    hours, minutes = (int(parts[9]), int(parts[10])) if sign else (0, 0)
    try:
        moment = datetime(*map(int, parts.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type,misc] # six of them
    except ValueError:
        return None
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC) - offset) // timedelta(seconds=1)
    return None if seconds < 0 else seconds * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))


def read(text: str) -> int | None:
    try:
        return to_microseconds(text)
    except ValueError:
        return None


_TIMES = (
    "2026-03-01T09:00:00.123Z",
    "2026-03-01T09:00:00Z",
    "2024-02-29T23:59:59.999999+08:00",
    "1970-01-01T00:00:00.5-00:01",
    "9999-12-31T23:59:59z",
)
_SPOILING = "0123459+-Zz.,:;TtWw \n\u0663\u00b2_"


@given(st.data())
def test_what_python_takes_besides_is_no_time(data: st.DataObject) -> None:
    """Up to four characters of a time changed, left out or put in: it is read as the RFC says, or not at all."""
    text = list(data.draw(st.sampled_from(_TIMES)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 1))] = data.draw(st.text(_SPOILING, max_size=1))
    assert read("".join(text)) == by_the_letter("".join(text))


def test_nothing_but_digits_stands_for_a_digit() -> None:
    """Any two characters of the usual form changed at once, any three of its fraction."""
    usual = "2026-03-01T09:00:00.123Z"
    texts = {
        usual[:first] + one + usual[first + 1 : second] + other + usual[second + 1 :]
        for first, second in combinations(range(len(usual)), 2)
        for one, other in product("07+-Z.:W \u0663", repeat=2)
    }
    texts |= {usual[:20] + "".join(three) + "Z" for three in product(_SPOILING, repeat=3)}
    assert {text for text in texts if read(text) != by_the_letter(text)} == set()


@pytest.mark.parametrize(
    "text",
    ["2026-W09-7T09:00:00Z", "20260301T090000Z", "2026-03-01T09Z", "2026-03-01T09:00:00+08:00:30"],
)
def test_other_forms_of_iso_8601_are_no_times(text: str) -> None:
    """Weeks, times without their punctuation: Python reads some of them."""
    with pytest.raises(ValueError, match=FORM):
        to_microseconds(text)

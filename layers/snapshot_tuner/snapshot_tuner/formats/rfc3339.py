"""RFC 3339 times as whole microseconds since the Unix epoch, and back."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_USUAL_LENGTH = len("2026-03-01T09:00:00.123Z")
_MINUTE_IN_DIGITS = "60000"  # seconds and thousandths, compared as texts of one length
_NO_SUCH_TIME = "must be a date and a time of day that exist"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC = _EPOCH.replace(tzinfo=None)  # without its zone: every outcome is logged with two times made from it
_MICROSECOND = timedelta(microseconds=1)
_LAST_HOUR, _LAST_MINUTE, _LAST_SECOND = 23, 59, 59
_SECOND_US = 1_000_000


def to_microseconds(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; digits after the sixth are cut off.

    Raises ValueError, with a reason that does not repeat the text, for another form, for a date or time of
    day that does not exist (a leap second counts as one: the epoch has no number for it), for an offset
    beyond 23:59, and for a time before 1970.
    """
    if len(text) == _USUAL_LENGTH and text[19] == "." and text[23] == "Z":
        digits = text[17:19] + text[20:23]
        if digits.isascii() and digits.isdecimal() and digits < _MINUTE_IN_DIGITS:
            return _minute(text[:17]) + int(digits) * 1000
    return _in_any_form(text)


@lru_cache(maxsize=64)  # events are of now
def _minute(text: str) -> int:
    """When it began, of a text like 2026-03-01T09:00: with its last colon. Raises ValueError."""
    return _in_any_form(f"{text}00Z")


def _in_any_form(text: str) -> int:
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError("must be an RFC 3339 time with a zone, like 2026-03-01T09:00:00.123Z")
    date, hour, minute, second, fraction, sign, hours, minutes = parts.groups()
    seconds = _midnight(date) + _of_day(int(hour), int(minute), int(second))
    if sign:
        if int(hours) > _LAST_HOUR or int(minutes) > _LAST_MINUTE:
            raise ValueError("must have an offset from UTC of at most 23:59")
        offset = (int(hours) * 60 + int(minutes)) * 60
        seconds += offset if sign == "-" else -offset
    microseconds = seconds * _SECOND_US + (int(fraction[:6].ljust(6, "0")) if fraction else 0)
    if microseconds < 0:
        raise ValueError("must not be before 1970")
    return microseconds


@lru_cache(maxsize=16)  # events are of today
def _midnight(date: str) -> int:
    """Seconds since the epoch. Raises ValueError."""
    try:
        return (datetime.fromisoformat(date).replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        raise ValueError(_NO_SUCH_TIME) from None


def _of_day(hour: int, minute: int, second: int) -> int:
    if hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LAST_SECOND:
        raise ValueError(_NO_SUCH_TIME)
    return (hour * 60 + minute) * 60 + second


def from_microseconds(microseconds: int) -> str | None:
    """In UTC, with six digits: 2026-03-01T09:00:00.123000Z; None beyond the year 9999, which has five."""
    try:
        moment = _EPOCH_IN_UTC + timedelta(0, 0, microseconds)
    except OverflowError:
        return None
    return moment.isoformat(timespec="microseconds") + "Z"

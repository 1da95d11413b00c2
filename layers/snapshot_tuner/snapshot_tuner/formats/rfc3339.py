"""RFC 3339 times as whole microseconds since the Unix epoch, and back."""

import re
from datetime import UTC, datetime, timedelta

_in_utc = re.compile(r"....-..-..T(?!24)..:..:..(?:\.[0-9]+)?Z").fullmatch  # fromisoformat asks for the digits
_time = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([0-9]{2}):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-]([0-9]{2}):([0-9]{2}))"
).fullmatch
_from_iso = datetime.fromisoformat
_NO_SUCH_TIME = "must be a date and a time of day that exist"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC = _EPOCH.replace(tzinfo=None)  # without its zone: every outcome is logged with two times made from it
_LAST_HOUR, _LAST_MINUTE = "23", "59"
_DAY_SECONDS = 86_400
_SECOND_US = 1_000_000


def to_microseconds(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; digits after the sixth are cut off.

    Raises ValueError, with a reason that does not repeat the text, for another form, for a date or time of
    day that does not exist (a leap second counts as one: the epoch has no number for it), for an offset
    beyond 23:59, and for a time before 1970.
    """
    iso = text if _in_utc(text) else _as_iso(text)
    try:
        since = _from_iso(iso) - _EPOCH
    except ValueError:
        _as_iso(text)  # letters in the place of digits are another form
        raise ValueError(_NO_SUCH_TIME) from None
    days = since.days
    if days < 0:
        raise ValueError("must not be before 1970")
    return (days * _DAY_SECONDS + since.seconds) * _SECOND_US + since.microseconds


def _as_iso(text: str) -> str:
    """What fromisoformat reads, of a text in RFC 3339's form; it would take more than that. Raises ValueError."""
    parts = _time(text)
    if parts is None:
        raise ValueError("must be an RFC 3339 time with a zone, like 2026-03-01T09:00:00.123Z")
    hour, offset_hours, offset_minutes = parts.groups()
    if hour > _LAST_HOUR:
        raise ValueError(_NO_SUCH_TIME)
    if offset_hours and (offset_hours > _LAST_HOUR or offset_minutes > _LAST_MINUTE):
        raise ValueError("must have an offset from UTC of at most 23:59")
    return text.upper()


def from_microseconds(microseconds: int) -> str | None:
    """In UTC, with six digits: 2026-03-01T09:00:00.123000Z; None beyond the year 9999, which has five."""
    try:
        moment = _EPOCH_IN_UTC + timedelta(0, 0, microseconds)
    except OverflowError:
        return None
    return moment.isoformat(timespec="microseconds") + "Z"

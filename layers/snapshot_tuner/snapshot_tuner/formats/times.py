"""Times as senders write them, durations as people do.

A time is RFC 3339 and its usual variants, or a number of seconds, milli-, micro- or nanoseconds:
2026-03-01T09:00:00.123Z, +0800 without a colon, a space for the T, "(UTC+08:00)" behind; a number counts from 1970, in
the unit that its size says.
"""

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Json, is_number

_LOOSE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,40}))?"
    r" ?(?:([Zz]|UTC|GMT)|\(?(?:UTC|GMT)?([+-][0-9]{2}):?([0-9]{2})\)?)?"
)
_DIGITS: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_OFFSET: Final = re.compile(r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]")
_US_PER_UNIT: Final = (
    (10**11, Decimal(1_000_000)),  # as seconds, until the year 5138
    (10**14, Decimal(1_000)),  # as milliseconds; below, from 1973 on
    (10**17, Decimal(1)),
    (10**20, Decimal("0.001")),
)
_FORM: Final = "must be a time: RFC 3339, or s, ms, us or ns since 1970"

_DURATION: Final = re.compile(r"([0-9]{1,6})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST_SECONDS: Final = 24 * 3600

Zone = str | tzinfo
"""An offset like +08:00, or a place's rules."""


def duration(value: object) -> int:
    """Seconds, of a text such as `90s`, `10m` or `2h`. Raises ValueError for what is none, or is above 24h."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise ValueError("must be a duration from 1s to 24h: a whole number and s, m or h, such as 90s, 10m or 2h")
    return seconds


def zone(name: str) -> Zone:
    """`+08:00` or a name of the IANA data base such as Asia/Shanghai. Raises ValueError for neither."""
    if _OFFSET.fullmatch(name):
        return name
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an offset such as +08:00, or a time zone's name such as Asia/Shanghai") from None


def to_microseconds(value: Json, default: Zone | None = None) -> int:
    """Microseconds since the epoch; `default` is the zone of a text without one. Raises ValueError with a reason."""
    if isinstance(value, str):
        if value[10:11] == "T" and value[-1:] == "Z":  # as nearly every time is written
            return rfc3339.to_microseconds(value)
        if _DIGITS.fullmatch(value):
            return _from_number(Decimal(value))
        return _from_text(value, default)
    if is_number(value):
        return _from_number(Decimal(value))
    raise ValueError(f"{_FORM}, not {describe(value)}")


def _from_number(number: Decimal) -> int:
    for end, factor in _US_PER_UNIT:
        if 0 <= number < end:
            return int(number * factor)
    raise ValueError(f"{_FORM}, not this number")


def _from_text(text: str, default: Zone | None) -> int:
    found = _LOOSE.fullmatch(text)
    if found is None:
        raise ValueError(f"{_FORM}, not {describe(text)}")
    date, time, fraction, utc, hours, minutes = found.groups()
    moment = f"{date}T{time}" + (f".{fraction}" if fraction else "")
    if utc:
        return rfc3339.to_microseconds(f"{moment}Z")
    if hours:
        return rfc3339.to_microseconds(f"{moment}{hours}:{minutes}")
    if default is None:
        raise ValueError("must have a zone, such as Z or +08:00; or the reading a `zone`")
    if isinstance(default, str):
        return rfc3339.to_microseconds(moment + default)
    as_if_utc = rfc3339.to_microseconds(f"{moment}Z")
    local = datetime.fromtimestamp(as_if_utc // 1_000_000, UTC).replace(tzinfo=default)
    offset = local.utcoffset()
    return as_if_utc - (round(offset.total_seconds()) * 1_000_000 if offset is not None else 0)

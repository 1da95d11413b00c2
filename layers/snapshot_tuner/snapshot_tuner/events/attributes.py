"""What an event's own attributes may be, whoever set them: checks, and their findings in our words."""

import re
from typing import TYPE_CHECKING, Final

from snapshot_tuner.errors import EVENT_ID_CHARACTERS
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.formats.validation import Check, checked_then, made_by, text
from snapshot_tuner.model import SEQUENCE_DIGITS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

CALLER_PREFIX: Final = "caller:"
RTC_PREFIX: Final = "rtc:"
READING_PREFIX: Final = "/events/"
GIVEN_PREFIXES: Final = (CALLER_PREFIX, RTC_PREFIX, READING_PREFIX)
"""Sources that only we assign: to an authenticated caller, to the RTC service, to what a reading makes. A sender that
could claim one could collide with the real one's ids."""

_SEQUENCE_END = 2**128
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEQUENCE = re.compile(rf"0*([0-9]{{1,{SEQUENCE_DIGITS}}})")


def _without_control_characters(text: str) -> str:
    if text.isprintable():  # as nearly every text is: a pattern finds out more slowly
        return text
    found = _CONTROL_CHARACTER.search(text)
    if found:
        raise ValueError(f"must not contain control characters (U+{ord(found.group()):04X} at {found.start()})")
    return text


def microseconds(time: object) -> int:
    """Since the epoch. Raises ValueError, with the reason, for what is not RFC 3339 text."""
    if not isinstance(time, str):
        raise ValueError(f"must be an RFC 3339 string, not {describe(time)}")  # noqa: TRY004 - what pydantic collects
    return rfc3339.to_microseconds(time)


def _sequence(value: object) -> int:
    number = value
    if isinstance(value, str) and (digits := _SEQUENCE.fullmatch(value)):
        number = int(digits.group(1))
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _SEQUENCE_END:
        return number
    raise ValueError("must be an integer from 0 to 2^128 - 1, or a string of its decimal digits")


# Pydantic's findings in our words: what is asked for, and of what was found only what is short and safe.
_REASONS = {
    "missing": "is missing",
    "string_type": "must be a string, not {found}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length:,} characters",
    "string_unicode": "must not contain a lone surrogate",
    "literal_error": "must be {expected}, not {found}",
    "value_error": "{error}",
}


def _text(longest: int) -> Check:
    return checked_then(text(strict=True, shortest=1, longest=longest), _without_control_characters)


ID: Final = _text(EVENT_ID_CHARACTERS)
SOURCE: Final = _text(2048)
TYPE: Final = _text(1024)
TIME: Final = made_by(microseconds)
SEQUENCE: Final = made_by(_sequence)


def reason(error: "ErrorDetails") -> str:
    """What pydantic found."""
    found = error["input"]
    template = _REASONS.get(error["type"], "is not valid")
    return template.format(found=describe(found), **error.get("ctx", {}))

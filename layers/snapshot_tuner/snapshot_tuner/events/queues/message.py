"""A record of a queue or stream, whatever its source calls its parts."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Json

_MILLISECONDS_END: Final = 10**15


class Message(NamedTuple):
    """A body, when its source took it, and what else the source says of it.

    `body` is None if the record has none. `sent_us` is in microseconds since the epoch, None if the source does not
    say. `record` has `id`, `key`, `topic` and `headers`, as far as the source has them.
    """

    body: bytes | None
    sent_us: int | None
    record: dict[str, Json]


def by_place(listed: Mapping[str, list[Any]]) -> list[tuple[str, Any]]:
    """Each record with the name of the list that it is in; the order inside a list is kept."""
    return [(place, record) for place, records in listed.items() for record in records]


def mapping(value: object, field: str) -> Mapping[str, Any]:
    """Raises EventRejected for anything but an object."""
    if not isinstance(value, Mapping):
        raise EventRejected(field, f"must hold objects, not {describe(value)}")
    return value


def base64_bytes(members: Mapping[str, Any], field: str) -> bytes | None:
    """None if the field is missing or null. Raises EventRejected."""
    encoded = members.get(field)
    if encoded is None:
        return None
    if not isinstance(encoded, str):
        raise EventRejected(field, f"must be a string, not {describe(encoded)}")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        raise EventRejected(field, "is not base64 (RFC 4648, 4)") from None


def text(raw: bytes | None) -> str | None:
    """None also for what is not UTF-8: no placeholder could put it into an event."""
    try:
        return raw.decode() if raw is not None else None
    except UnicodeDecodeError:
        return None


def text_of_numbers(numbers: Iterable[object]) -> str | None:
    """Of a list of bytes, which sources written in Java give as -128 to 127 or as 0 to 255."""
    try:
        return text(bytes(number % 256 for number in numbers if isinstance(number, int)))
    except TypeError:
        return None


def from_milliseconds(value: object) -> int | None:
    """Microseconds since the epoch; None for anything else, such as Kafka's -1."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _MILLISECONDS_END:
        return None
    return value * 1000


def plain(value: object) -> Json:
    """A text, whole number or boolean; None for anything else, which the runtime has turned into floats."""
    return value if isinstance(value, str | int) else None

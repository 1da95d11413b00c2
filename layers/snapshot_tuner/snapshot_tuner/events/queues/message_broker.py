"""Amazon MQ: messages of ActiveMQ, and of RabbitMQ by queue. Neither source knows a partial failure.

Source: AWS Lambda Developer Guide, "Using Lambda with Amazon MQ".
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from snapshot_tuner.events.queues.message import (
    Message,
    base64_bytes,
    from_milliseconds,
    mapping,
    plain,
    text_of_numbers,
)
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import Json

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME: Final = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d) ([AP])M", re.ASCII)
"""Such as "Jan 1, 1970, 12:33:41 AM"."""


def read_active_mq(raw: object) -> Message:
    """Raises EventRejected."""
    message = mapping(raw, "messages")
    destination = message.get("destination")
    return Message(
        base64_bytes(message, "data") or b"",
        # When the broker took it, on its clock; the other time is the sender's.
        from_milliseconds(message.get("brokerInTime")) or from_milliseconds(message.get("timestamp")),
        record_of(
            id=plain(message.get("messageID")),
            topic=plain(destination.get("physicalName")) if isinstance(destination, Mapping) else None,
            headers=_headers(message.get("properties")),
        ),
    )


def read_rabbit_mq(placed: tuple[str, Any]) -> Message:
    """Of a message and the name of its queue, such as `queue::/`. Raises EventRejected."""
    queue, raw = placed
    message = mapping(raw, "rmqMessagesByQueue")
    properties = message.get("basicProperties")
    said = properties if isinstance(properties, Mapping) else {}
    return Message(
        base64_bytes(message, "data") or b"",
        _sent_us(said.get("timestamp")),
        record_of(
            id=plain(said.get("messageId")),
            topic=queue.partition("::")[0],
            headers=_headers(said.get("headers")),
        ),
    )


def _headers(headers: object) -> Json:
    return {name: _header(value) for name, value in headers.items()} if isinstance(headers, Mapping) else None


def _header(value: object) -> Json:
    """RabbitMQ's texts come as their bytes."""
    match value:
        case {"bytes": list(numbers)}:
            return text_of_numbers(numbers)
        case _:
            return plain(value)


def _sent_us(value: object) -> int | None:
    """The sender's `timestamp` property, in whole seconds of UTC, in the words of Java's English date format."""
    # Newer versions of Java have a narrow space before AM.
    found = _TIME.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    if found is None or found[1] not in _MONTHS:
        return None
    hour = int(found[4]) % 12 + (12 if found[7] == "P" else 0)
    month = _MONTHS.index(found[1]) + 1
    try:
        return rfc3339.to_microseconds(f"{found[3]}-{month:02}-{int(found[2]):02}T{hour:02}:{found[5]}:{found[6]}Z")
    except ValueError:
        return None

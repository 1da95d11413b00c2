"""Kafka, from Amazon MSK or self-managed: records by topic and partition.

Source: AWS Lambda Developer Guide, "Using Lambda with Amazon MSK" and "Configuring error handling controls for Kafka".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from snapshot_tuner.events.queues.message import (
    Message,
    base64_bytes,
    from_milliseconds,
    mapping,
    plain,
    text,
    text_of_numbers,
)
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.model import Json


def read(placed: tuple[str, Any]) -> Message:
    """Of a record and the name of its partition, such as `topic-0`. Raises EventRejected."""
    partition, raw = placed
    record = mapping(raw, "records")
    offset = record.get("offset")
    return Message(
        base64_bytes(record, "value"),
        from_milliseconds(record.get("timestamp")),
        record_of(
            # As consumers write it; unique in the cluster.
            id=f"{partition}@{offset}" if _is_offset(offset) else None,
            key=text(base64_bytes(record, "key")),
            topic=plain(record.get("topic")),
            headers=dict(_headers(record.get("headers"))),
        ),
    )


def identify(placed: tuple[str, Any]) -> object:
    """What Lambda calls a record that has to come back; None for one without a proper offset."""
    partition, raw = placed
    offset = raw.get("offset") if isinstance(raw, Mapping) else None
    return {"partition": partition, "offset": offset} if _is_offset(offset) else None


def _headers(listed: object) -> Iterator[tuple[str, Json]]:
    """Of several with one name the last counts, as for Kafka's own lastHeader; one that is not text is left out."""
    for header in listed if isinstance(listed, list) else ():
        for name, numbers in header.items() if isinstance(header, Mapping) else ():
            value = text_of_numbers(numbers) if isinstance(numbers, list) else None
            if value is not None:
                yield name, value


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

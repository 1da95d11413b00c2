"""Kinesis Data Streams: records of one shard.

Source: AWS Lambda Developer Guide, "Using Lambda with Kinesis Data Streams".
"""

import math
from collections.abc import Mapping

from snapshot_tuner.events.queues.message import Message, base64_bytes, from_milliseconds, mapping, plain
from snapshot_tuner.events.readings.reading import record_of


def read(raw: object) -> Message:
    """Raises EventRejected."""
    outer = mapping(raw, "Records")
    record = mapping(outer.get("kinesis"), "kinesis")
    arn = outer.get("eventSourceARN")
    return Message(
        base64_bytes(record, "data") or b"",
        _arrived_us(record.get("approximateArrivalTimestamp")),
        record_of(
            id=plain(outer.get("eventID")),  # shard and sequence number
            key=plain(record.get("partitionKey")),
            topic=arn.rpartition("/")[2] if isinstance(arn, str) else None,
        ),
    )


def identify(raw: object) -> str:
    """What Lambda calls a record that has to come back: empty, and the whole batch, without a sequence number."""
    record = raw.get("kinesis") if isinstance(raw, Mapping) else None
    number = record.get("sequenceNumber") if isinstance(record, Mapping) else None
    return number if isinstance(number, str) else ""


def _arrived_us(seconds: object) -> int | None:
    """Kinesis gives seconds with milliseconds after the decimal point."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return from_milliseconds(round(seconds * 1000))

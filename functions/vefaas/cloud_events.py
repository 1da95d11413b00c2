"""Messages as the platform's triggers send them: one event in binary mode, or a batch of them.

Source: the vendor's public samples and its Go runtime, branch with X-Faas-Batch-Events-Version; not tried live.
"""

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode

TIMER: Final = "timer"
QUEUES: Final = ("kafka", "rocketmq", "bmq")

BATCH_VERSION: Final = "1.0"
EVENTS_MOST: Final = 10_000

_TYPE_PREFIXES: Final = ("faas.", "bytefaas.")
_TYPE_SUFFIX: Final = ".event"
_STRUCTURED: Final = "application/cloudevents+json"
_LENGTH: Final = struct.Struct(">I")


class InvalidEvent(Exception):
    """The platform's words cannot be read; nothing of it is handled."""


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """What the source holds: a timer's tick, or the message of a queue with its body untouched.

    `kind` is the source's: "kafka". `id` is the same at every delivery. `sent_us` is microseconds since the epoch, None
    where the event does not say.
    """

    kind: str
    id: str
    body: bytes = field(repr=False)
    sent_us: int | None
    topic: str | None = None


def read_one(headers: Mapping[str, str], body: bytes) -> SourceMessage:
    """From headers with lower-case names. Raises InvalidEvent."""
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _STRUCTURED:
        attributes, body = _structured(body)
    kind = _kind(attributes.get("type", ""))
    where = [attributes.get(name, "") for name in ("topic", "partition", "offset")]
    id_ = "-".join(where) if all(where) else attributes.get("id", "")
    if not id_:
        raise InvalidEvent("ce-id is missing")
    return SourceMessage(kind, id_, body, _sent_us(attributes.get("time", "")), attributes.get("topic"))


def read_batch(headers: Mapping[str, str], body: bytes) -> Sequence[SourceMessage]:
    """A number of events, and for each its header lines and its body, all with their lengths. Raises InvalidEvent."""
    version = headers.get("x-faas-batch-events-version", BATCH_VERSION)
    if version != BATCH_VERSION:
        raise InvalidEvent(f"X-Faas-Batch-Events-Version must be {BATCH_VERSION}")
    count, position = _length(body, 0)
    if count > EVENTS_MOST:
        raise InvalidEvent(f"the batch claims {count:,} events; at most {EVENTS_MOST:,} are allowed")
    messages = []
    for _ in range(count):
        lines, position = _part(body, position)
        data, position = _part(body, position)
        messages.append(read_one(_header_lines(lines), data))
    if position != len(body):
        raise InvalidEvent("the batch has bytes after its last event")
    return messages


def _length(body: bytes, position: int) -> tuple[int, int]:
    if position + _LENGTH.size > len(body):
        raise InvalidEvent("the batch is cut short")
    (length,) = _LENGTH.unpack_from(body, position)
    return length, position + _LENGTH.size


def _part(body: bytes, position: int) -> tuple[bytes, int]:
    length, position = _length(body, position)
    if position + length > len(body):
        raise InvalidEvent("the batch is cut short")
    return body[position : position + length], position + length


def _header_lines(lines: bytes) -> dict[str, str]:
    # At the first colon: the vendor's own parser loses values that have one, such as times.
    pairs = (line.partition(":") for line in lines.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _structured(body: bytes) -> tuple[dict[str, str], bytes]:
    """Of `data` and `data_base64`, where the vendor sends both, the second one has the bytes as they were."""
    try:
        document = decode(body)
    except EventRejected as rejected:
        raise InvalidEvent(str(rejected)) from None
    if not isinstance(document, dict):
        raise InvalidEvent("body: must be a JSON object, a CloudEvent")
    attributes = {name: str(value) for name, value in document.items() if isinstance(value, str | int)}
    encoded, data = document.get("data_base64"), document.get("data")
    if isinstance(encoded, str):
        try:
            return attributes, base64.b64decode(encoded, validate=True)
        except ValueError:
            raise InvalidEvent("data_base64: is not valid Base64") from None
    if data is not None and not isinstance(data, str):
        raise InvalidEvent("data: must be a string, the message's body; or data_base64")
    return attributes, (data or "").encode()


def _kind(type_: str) -> str:
    for prefix in _TYPE_PREFIXES:
        kind = type_.removeprefix(prefix).removesuffix(_TYPE_SUFFIX)
        if type_ == prefix + kind + _TYPE_SUFFIX and kind in (TIMER, *QUEUES):
            return kind
    raise InvalidEvent(f"ce-type must be faas.KIND.event, with KIND one of {', '.join((TIMER, *QUEUES))}")


def _sent_us(time: str) -> int | None:
    try:
        return rfc3339.to_microseconds(time)
    except ValueError:
        return None

"""What providers wrap around an event: recognised by their members, opened from the outside in.

Shapes: CloudEvents 1.0 JSON format (`data` or `data_base64`); EventBridge event (`detail-type`, `detail`);
SNS notification (`Type`, `Message`); SQS record as Lambda and EventBridge Pipes pass it (`eventSource`,
`body`). Nothing here judges an event's own attributes: `signals` does that with the innermost one.
"""

import base64
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.readings.reading import Reading, Readings
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.model import Json

MAX_ENVELOPES = 8
"""Nested envelopes, the event's own included; more than any chain of queues and buses needs."""

_CLOUD_EVENT = "specversion, id, source, type"
_EVENTBRIDGE = "id, source, detail-type, detail"
SQS_SOURCE = "aws:sqs"
_MEMBERS_SHOWN = 5
_DISTINCTIVE = frozenset({"specversion", "detail-type", "Type", "eventSource", "messageId"})
"""Members that every kind of envelope has one of."""


class EnvelopeKind(Enum):
    """Who wrapped it."""

    CLOUD_EVENT = "CloudEvent"
    EVENTBRIDGE = "EventBridge event"
    SNS = "SNS notification"
    SQS = "SQS record"


class Envelope(NamedTuple):
    """A JSON object and what it was recognised as; its members are as received."""

    kind: EnvelopeKind
    members: Mapping[str, Json]


class Opened(NamedTuple):
    """The innermost complete event, its data, the envelopes around it (nearest first), and why its data is not JSON."""

    event: Envelope
    data: Json
    around: tuple[Envelope, ...]
    unread: str | None = None


class Unopened(NamedTuple):
    """A body that is not an envelope, the reading that knows it, and the envelopes around it, the nearest first."""

    reading: Reading
    body: Json
    around: tuple[Envelope, ...]


def open_document(document: Json, readings: Readings) -> Opened | Unopened:
    """Open a document down to its innermost complete event, or to what a reading knows. Raises EventRejected."""
    inner = _inner(document, readings) if readings.anywhere else _must_be_envelope(document)
    return open_envelope(inner, readings) if isinstance(inner, Envelope) else Unopened(inner, document, ())


def open_envelope(envelope: Envelope, readings: Readings) -> Opened | Unopened:
    """Open an envelope down to its innermost complete event, or to what a reading knows. Raises EventRejected.

    The data of an event is an envelope itself only where that one is complete; otherwise it is just data, or something
    that a reading also takes there.
    """
    around: tuple[Envelope, ...] = ()
    while len(around) < MAX_ENVELOPES:
        match envelope.kind:
            case EnvelopeKind.CLOUD_EVENT | EnvelopeKind.EVENTBRIDGE:
                try:
                    data, unread = _data(envelope)
                except EventRejected as rejected:
                    raise rejected.named(envelope.members.get("id")) from None
                complete = _complete_envelope(data)
                inner: Envelope | Reading | None = complete
                if complete is None and readings.inside:
                    inner = readings.find(data, inside=True)
                if inner is None:
                    return Opened(envelope, data, around, unread)
            case EnvelopeKind.SNS:
                data = decode(_carried_text(envelope, "Message"), within="Message")
                inner = _inner(data, readings)
            case EnvelopeKind.SQS:
                data = decode(_carried_text(envelope, "body"))
                inner = _inner(data, readings)
        around = (envelope, *around)
        if not isinstance(inner, Envelope):
            return Unopened(inner, data, around)
        envelope = inner
    raise EventRejected("body", f"has more than {MAX_ENVELOPES} nested envelopes")


def _inner(document: Json, readings: Readings) -> Envelope | Reading:
    """A complete envelope comes first, then a reading, then what an incomplete one lacks."""
    if readings.anywhere:
        found = _complete_envelope(document) or readings.find(document, inside=False)
        if found is not None:
            return found
    return _must_be_envelope(document)


def _must_be_envelope(document: Json) -> Envelope:
    if not isinstance(document, dict):
        raise EventRejected("body", f"must be a JSON object, the envelope of an event, not {describe(document)}")
    return Envelope(_kind(document), document)


def _kind(document: dict[str, Json]) -> EnvelopeKind:
    """For a place where there has to be an envelope: one distinctive member says which one is meant."""
    match document:
        case {"specversion": _}:
            return EnvelopeKind.CLOUD_EVENT
        case {"detail-type": _}:
            return EnvelopeKind.EVENTBRIDGE
        case {"Type": "Notification"}:
            return EnvelopeKind.SNS
        case {"Type": other, "TopicArn": _}:
            raise EventRejected("Type", f"must be 'Notification' to carry an event, not {describe(other)}")
        case {"eventSource": source} if source != SQS_SOURCE:
            raise EventRejected("eventSource", f"must be {SQS_SOURCE!r}, not {describe(source)}")
        case {"eventSource": _} | {"messageId": _, "body": _}:
            return EnvelopeKind.SQS
        case _:
            raise _unrecognised(document)


def _unrecognised(document: dict[str, Json]) -> EventRejected:
    names = [describe(name) for name in list(document)[:_MEMBERS_SHOWN]]
    found = f"members found: {', '.join(names) or 'none'}" + (", …" if len(document) > len(names) else "")
    # Each of these lacks its distinctive member: with it, it would not have come here.
    if "detail" in document:
        return EventRejected("detail-type", f"is missing; an EventBridge event has {_EVENTBRIDGE}; {found}")
    if document.keys() & {"id", "source", "type"}:
        return EventRejected("specversion", f"is missing; a CloudEvent has {_CLOUD_EVENT}; {found}")
    return EventRejected(
        "body",
        f"is no known envelope: neither a CloudEvent ({_CLOUD_EVENT}), nor an EventBridge event ({_EVENTBRIDGE}), "
        f"nor an SNS notification (Type, Message), nor an SQS record (eventSource, body), "
        f"and no reading of the policy (`events`) knows it; {found}",
    )


def _complete_envelope(data: Json) -> Envelope | None:
    # Most data has none of these members: cheaper to find out than with five patterns.
    if not isinstance(data, dict) or data.keys().isdisjoint(_DISTINCTIVE):
        return None
    kind = _complete_kind(data)
    return None if kind is None else Envelope(kind, data)


def _complete_kind(data: dict[str, Json]) -> EnvelopeKind | None:
    """For the data of an event, which may be anything, a chat message with a `body` of its own too."""
    match data:
        case {"specversion": _, "id": _, "source": _, "type": _}:
            return EnvelopeKind.CLOUD_EVENT
        case {"id": _, "source": _, "detail-type": _, "detail": _}:
            return EnvelopeKind.EVENTBRIDGE
        case {"Type": "Notification", "Message": str(text)} if "TopicArn" in data or _may_be_object(text):
            return EnvelopeKind.SNS
        case {"eventSource": "aws:sqs", "body": _}:
            return EnvelopeKind.SQS
        case {"messageId": _, "body": str(text)} if "eventSource" not in data and _may_be_object(text):
            return EnvelopeKind.SQS
        case _:
            return None


def _may_be_object(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def _carried_text(envelope: Envelope, name: str) -> str:
    if name not in envelope.members:
        raise EventRejected(name, f"is missing; an {envelope.kind.value} carries its event in it")
    text = envelope.members[name]
    if not isinstance(text, str):
        raise EventRejected(name, f"must be a string, not {describe(text)}")
    return text


def _data(event: Envelope) -> tuple[Json, str | None]:
    """What the event is about, None if it has no data; and why that is not JSON, if it is not.

    A rule may need none of the data, so data of another type is not the event's fault; JSON that cannot be read is.
    """
    members = event.members
    if event.kind is EnvelopeKind.EVENTBRIDGE:
        if "detail" not in members:
            raise EventRejected("detail", "is missing")
        return _object_in_text(members["detail"], "detail"), None
    encoded = members.get("data_base64")
    content_type = members.get("datacontenttype")
    if encoded is None:
        data = members.get("data")
        is_text = isinstance(data, str) and is_json(content_type)
        return (_object_in_text(data, "data") if is_text else data), None
    if "data" in members:
        raise EventRejected("data_base64", "must not stand beside data (CloudEvents JSON format, 3.1)")
    if not isinstance(encoded, str):
        raise EventRejected("data_base64", f"must be a string, not {describe(encoded)}")
    if not is_json(content_type):
        return None, f"{describe(content_type)}, not JSON"
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise EventRejected("data_base64", "is not base64 (RFC 4648, 4)") from None
    return decode(raw, within="data_base64"), None


def _object_in_text(data: Json, within: str) -> Json:
    """Reads a JSON object that the data holds as text, as Dapr and many callers of PutEvents send it."""
    if isinstance(data, str) and _may_be_object(data):
        with suppress(EventRejected):
            return decode(data, within=within)
    return data


def is_json(content_type: Json) -> bool:
    """As CloudEvents defines it: the subtype is json or ends in +json; without the attribute it is JSON."""
    if content_type is None:
        return True
    if not isinstance(content_type, str):
        return False
    media_type = content_type.partition(";")[0].strip().lower()
    subtype = media_type.partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")

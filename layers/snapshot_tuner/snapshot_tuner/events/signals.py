"""Every envelope becomes one `Signal`, or one `EventRejected` whose field and reason fit into a log line."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.attributes import (
    GIVEN_PREFIXES,
    ID,
    SEQUENCE,
    SOURCE,
    TIME,
    TYPE,
    microseconds,
    reason,
)
from snapshot_tuner.events.envelopes import (
    SQS_SOURCE,
    Envelope,
    EnvelopeKind,
    Opened,
    Unopened,
    open_document,
    open_envelope,
)
from snapshot_tuner.events.queues.message import Message
from snapshot_tuner.events.readings.reading import NO_READINGS, NO_RECORD, Delivery, Event, Readings, record_of
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.formats.validation import ValidationError, error_details, literal, object_with
from snapshot_tuner.model import Json, NoEvent, Signal

_MILLISECONDS = re.compile(r"[0-9]{1,15}")

_CLOUD_EVENT_CORE = frozenset({"specversion", "id", "source", "type", "time", "sequence", "data", "data_base64"})
_EVENTBRIDGE_CORE = frozenset({"id", "source", "detail-type", "time", "detail"})
_QUEUES = frozenset({EnvelopeKind.SQS, EnvelopeKind.SNS})
_NO_ATTRIBUTES: Mapping[str, Json] = MappingProxyType({})


def from_body(
    body: bytes | str,
    *,
    sent_us: int | None,
    readings: Readings = NO_READINGS,
    record: Mapping[str, Json] = NO_RECORD,
) -> list[Event]:
    """What is in the text of a body, in whatever envelopes: at least one, in their order.

    `sent_us`, microseconds since the epoch, is when the source sent it. It stands in for the time of an
    event without one, unless an envelope inside the text says when it was sent. `record` is what the source says of
    the body besides (`record_of`), unless an envelope says it. Raises EventRejected for a body that is bad as a whole.
    """
    return _events(open_document(decode(body), readings), sent_us, record)


def from_document(
    document: Json,
    *,
    sent_us: int | None,
    readings: Readings = NO_READINGS,
    record: Mapping[str, Json] = NO_RECORD,
) -> list[Event]:
    """Like `from_body`, of a document that `strict_json.decode` returned."""
    return _events(open_document(document, readings), sent_us, record)


def from_object(event: object, *, sent_us: int | None = None, readings: Readings = NO_READINGS) -> list[Event]:
    """Like `from_body`, of what the Lambda runtime has decoded already.

    The runtime reads numbers as floats. Python writes a float with the fewest digits that give it back, so
    writing and decoding it again restores the number that was sent, and applies every check of a text.
    """
    try:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise EventRejected("body", "is nested too deep to be written as JSON") from None
    except (TypeError, ValueError) as error:
        raise EventRejected("body", f"cannot be written as JSON: {error}") from None
    return from_body(text, sent_us=sent_us, readings=readings)


def from_sqs_record(record: object, *, readings: Readings = NO_READINGS) -> list[Event]:
    """What is in one record of a batch, a mapping as Lambda passes it; it was sent at its SentTimestamp.

    Raises EventRejected, also for a record whose `eventSource` is not a queue.
    """
    if not isinstance(record, Mapping):
        raise EventRejected("Records", f"must hold objects, not {describe(record)}")
    if "eventSource" not in record:
        raise EventRejected("eventSource", "is missing")
    if record["eventSource"] != SQS_SOURCE:
        raise EventRejected("eventSource", f"must be {SQS_SOURCE!r}, not {describe(record['eventSource'])}")
    return _events(open_envelope(Envelope(EnvelopeKind.SQS, record), readings), None, NO_RECORD)


def from_message(message: Message, *, readings: Readings = NO_READINGS) -> list[Event]:
    """What is in a record of a queue or stream, whose body may be whatever a message of SQS may be.

    A record without a body, as Kafka has them to delete a key, holds no event. Raises EventRejected.
    """
    if message.body is None:
        return [NoEvent("the record has no value")]
    events = from_body(message.body, sent_us=message.sent_us, readings=readings, record=message.record)
    return [
        replace(event, sent_us=message.sent_us) if isinstance(event, Signal) and event.sent_us is None else event
        for event in events
    ]


def check_source(signal: Signal, given: str | None) -> None:
    """Raises EventRejected for a source that is ours to give, unless it is the one `given`, or a reading's."""
    if signal.source.startswith(GIVEN_PREFIXES) and signal.source != given and signal.read_from is None:
        given_ones = f"{', '.join(GIVEN_PREFIXES[:-1])} or {GIVEN_PREFIXES[-1]}"
        raise EventRejected("source", f"must not begin with {given_ones}: these are given", event_id=signal.id)


_cloud_event = object_with(
    {
        "id": ID,
        "specversion": literal("1.0"),
        "source": SOURCE,
        "type": TYPE,
        "time": TIME,
        "sequence": SEQUENCE,
    },
    needed=frozenset({"id", "specversion", "source", "type"}),
)
_eventbridge_event = object_with(
    {"id": ID, "source": SOURCE, "detail-type": TYPE, "time": TIME},
    needed=frozenset({"id", "source", "detail-type"}),
)


def _events(opened: Opened | Unopened, sent_us: int | None, record: Mapping[str, Json]) -> list[Event]:
    if isinstance(opened, Opened):
        return [_signal(opened, sent_us)]
    around = opened.around
    sent_us = _stand_in_us(around, sent_us) if around or sent_us is not None else None
    delivery = Delivery(_record(around[0]) if around else record, sent_us, _queued_us(around))
    return opened.reading.read(opened.body, delivery)


def _record(envelope: Envelope) -> dict[str, Json]:
    """What placeholders find under `record`, of the nearest envelope."""
    match envelope.kind:
        case EnvelopeKind.SQS:
            return record_of(id=envelope.members.get("messageId"))
        case EnvelopeKind.SNS:
            return record_of(id=envelope.members.get("MessageId"))
        case EnvelopeKind.CLOUD_EVENT | EnvelopeKind.EVENTBRIDGE:
            return record_of(id=envelope.members.get("id"))
        case _:
            assert_never(envelope.kind)


def _signal(opened: Opened, sent_us: int | None) -> Signal:
    kind, members = opened.event.kind, opened.event.members
    try:
        if kind is EnvelopeKind.CLOUD_EVENT:
            # A null attribute is an unset one (CloudEvents JSON format, 2.2).
            if None in members.values():
                members = {name: value for name, value in members.items() if value is not None}
            checked = _cloud_event(members)
            type_, own = checked["type"], _CLOUD_EVENT_CORE
        else:
            checked = _eventbridge_event(members)
            type_, own = checked["detail-type"], _EVENTBRIDGE_CORE
    except ValidationError as error:
        first = error_details(error, with_input=True)[0]
        raise EventRejected(str(first["loc"][0]), reason(first)).named(members.get("id")) from None
    time_us: int | None = checked.get("time")
    return Signal(  # by position: with eight keywords it takes a third longer
        checked["id"],
        checked["source"],
        type_,
        _stand_in_us(opened.around, sent_us) if time_us is None else time_us,
        opened.data,
        time_us is not None,
        checked.get("sequence"),
        _NO_ATTRIBUTES if own.issuperset(members) else _attributes(members, own),
        _queued_us(opened.around) if opened.around else None,
        opened.unread,
    )


def _attributes(members: Mapping[str, Json], own: frozenset[str]) -> Mapping[str, Json]:
    return MappingProxyType({name: value for name, value in members.items() if name not in own})


def _stand_in_us(around: tuple[Envelope, ...], sent_us: int | None) -> int:
    """When an event without a time was sent: what the nearest envelope says, or else its source.

    The nearest, because it is the same at every delivery, while a queue further out stamps each delivery anew.
    """
    for envelope in around:
        envelope_sent_us = _sent_us(envelope)
        if envelope_sent_us is not None:
            return envelope_sent_us
    if sent_us is None:
        raise EventRejected("time", "is missing, and nothing around the event says when it was sent")
    return sent_us


def _queued_us(around: tuple[Envelope, ...]) -> int | None:
    """When the nearest queue or topic took the event; one that does not say so properly is skipped."""
    for envelope in around:
        if envelope.kind in _QUEUES:
            with suppress(EventRejected):
                if (sent_us := _sent_us(envelope)) is not None:
                    return sent_us
    return None


def _sent_us(envelope: Envelope) -> int | None:
    match envelope.kind:
        case EnvelopeKind.SQS:
            return _sqs_sent_us(envelope.members)
        case EnvelopeKind.SNS:
            field = "Timestamp"
        case EnvelopeKind.CLOUD_EVENT | EnvelopeKind.EVENTBRIDGE:
            field = "time"
        case _:
            assert_never(envelope.kind)
    time = envelope.members.get(field)
    if time is None:
        return None
    try:
        return microseconds(time)
    except ValueError as error:
        raise EventRejected(field, f"{error} (of the {envelope.kind.value} around the event)") from None


def _sqs_sent_us(record: Mapping[str, Json]) -> int | None:
    match record:
        case {"attributes": {"SentTimestamp": str(sent)}} if _MILLISECONDS.fullmatch(sent):
            return int(sent) * 1000
        case {"attributes": {"SentTimestamp": sent}}:
            raise EventRejected(
                "attributes.SentTimestamp", f"must be milliseconds since the epoch as a string, not {describe(sent)}"
            )
        case _:
            return None

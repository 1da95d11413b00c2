"""Every envelope becomes one `Signal`, or one `EventRejected` whose field and reason fit into a log line."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from snapshot_tuner.errors import EVENT_ID_CHARACTERS, EventRejected
from snapshot_tuner.events.envelopes import SQS_SOURCE, Envelope, EnvelopeKind, Opened, open_document, open_envelope
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.formats.validation import Check, ValidationError, by, findings, literal, object_with, text, then
from snapshot_tuner.model import SEQUENCE_DIGITS, Json, Signal

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

CALLER_PREFIX = "caller:"
RTC_PREFIX = "rtc:"
GIVEN_PREFIXES = (CALLER_PREFIX, RTC_PREFIX, "/events/")
"""Sources that we give: to a caller who has proved who it is, to the RTC service, to what a reading makes. Whoever
could claim one would meet the real one's ids."""

_SEQUENCE_END = 2**128
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEQUENCE = re.compile(rf"0*([0-9]{{1,{SEQUENCE_DIGITS}}})")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")

_CLOUD_EVENT_CORE = frozenset({"specversion", "id", "source", "type", "time", "sequence", "data", "data_base64"})
_EVENTBRIDGE_CORE = frozenset({"id", "source", "detail-type", "time", "detail"})
_QUEUES = frozenset({EnvelopeKind.SQS, EnvelopeKind.SNS})
_NO_ATTRIBUTES: Mapping[str, Json] = MappingProxyType({})


def from_body(body: bytes | str, *, sent_us: int | None) -> Signal:
    """The signal in the text of one event, in whatever envelopes.

    `sent_us`, microseconds since the epoch, is when the source sent it. It stands in for the time of an
    event without one, unless an envelope inside the text says when it was sent. Raises EventRejected.
    """
    return from_document(decode(body), sent_us=sent_us)


def from_document(document: Json, *, sent_us: int | None) -> Signal:
    """Like `from_body`, of a document that `strict_json.decode` returned."""
    return _signal(open_document(document), sent_us)


def from_object(event: object, *, sent_us: int | None = None) -> Signal:
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
    return from_body(text, sent_us=sent_us)


def from_sqs_record(record: object) -> Signal:
    """The signal in one record of a batch, a mapping as Lambda passes it; it was sent at its SentTimestamp.

    Raises EventRejected, also for a record whose `eventSource` is not a queue.
    """
    if not isinstance(record, Mapping):
        raise EventRejected("Records", f"must hold objects, not {describe(record)}")
    if "eventSource" not in record:
        raise EventRejected("eventSource", "is missing")
    if record["eventSource"] != SQS_SOURCE:
        raise EventRejected("eventSource", f"must be {SQS_SOURCE!r}, not {describe(record['eventSource'])}")
    return _signal(open_envelope(Envelope(EnvelopeKind.SQS, record)), sent_us=None)


def check_source(signal: Signal, given: str | None) -> None:
    """Raises EventRejected for a source that is ours to give, unless it is the one `given` to this event."""
    if signal.source.startswith(GIVEN_PREFIXES) and signal.source != given:
        reason = f"must not begin with {', '.join(GIVEN_PREFIXES[:-1])} or {GIVEN_PREFIXES[-1]}: these are given"
        raise EventRejected("source", reason, event_id=signal.id)


def _without_control_characters(text: str) -> str:
    if text.isprintable():  # as nearly every text is: a pattern finds out more slowly
        return text
    found = _CONTROL_CHARACTER.search(text)
    if found:
        raise ValueError(f"must not contain control characters (U+{ord(found.group()):04X} at {found.start()})")
    return text


def _microseconds(time: object) -> int:
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
    return then(text(strict=True, shortest=1, longest=longest), _without_control_characters)


_ID = _text(EVENT_ID_CHARACTERS)
_SOURCE = _text(2048)
_TYPE = _text(1024)
_TIME = by(_microseconds)
_cloud_event = object_with(
    {
        "id": _ID,
        "specversion": literal("1.0"),
        "source": _SOURCE,
        "type": _TYPE,
        "time": _TIME,
        "sequence": by(_sequence),
    },
    needed=frozenset({"id", "specversion", "source", "type"}),
)
_eventbridge_event = object_with(
    {"id": _ID, "source": _SOURCE, "detail-type": _TYPE, "time": _TIME},
    needed=frozenset({"id", "source", "detail-type"}),
)


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
        first = findings(error, with_input=True)[0]
        raise EventRejected(str(first["loc"][0]), _reason(first)).named(members.get("id")) from None
    time_us: int | None = checked.get("time")
    return Signal(  # by position: with eight keywords it takes a third longer
        checked["id"],
        checked["source"],
        type_,
        _stand_in_us(opened.around, sent_us) if time_us is None else time_us,
        opened.data,
        time_us is not None,
        checked.get("sequence"),
        _attributes(members, own),
        _queued_us(opened.around),
        opened.unread,
    )


def _attributes(members: Mapping[str, Json], own: frozenset[str]) -> Mapping[str, Json]:
    if own.issuperset(members):
        return _NO_ATTRIBUTES
    return MappingProxyType({name: value for name, value in members.items() if name not in own})


def _reason(error: "ErrorDetails") -> str:
    found = error["input"]
    template = _REASONS.get(error["type"], "is not valid")
    return template.format(found=describe(found), **error.get("ctx", {}))


def _stand_in_us(around: tuple[Envelope, ...], sent_us: int | None) -> int:
    """When an event without a time was sent: what the nearest envelope says, or else its source.

    The nearest, because it is the same at every delivery, while a queue further out stamps each of its own.
    """
    for envelope in around:
        envelope_sent_us = _sent_us(envelope)
        if envelope_sent_us is not None:
            return envelope_sent_us
    if sent_us is None:
        raise EventRejected("time", "is missing, and nothing around the event says when it was sent")
    return sent_us


def _queued_us(around: tuple[Envelope, ...]) -> int | None:
    """When the nearest queue or topic took the event; one that does not say so properly is passed over."""
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
        return _microseconds(time)
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

"""The events in a request: CloudEvents in any of their three modes, any envelope that a queue may hold, or plain JSON.

Which event is a retry of which? A CloudEvent names itself, by its source and id, and is the same event whichever
way it comes: by a queue, a bus, or two callers. Plain JSON has no source; there the sender is it. So the key of a
caller (`Idempotency-Key`, or the id in plain JSON) lives in a scope of its own, `caller:NAME`, that no event may
claim for itself: callers cannot meet each other's keys, nor find out about them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from http_endpoint.answers import Problem, Refusal
from http_endpoint.callers import Caller
from http_endpoint.request import Request
from snapshot_tuner.aws.invocation import read_each
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import cloudevents_http, signals
from snapshot_tuner.events.attributes import CALLER_PREFIX
from snapshot_tuner.events.cloudevents_http import BATCH_TYPE, JSON_TYPE, STRUCTURED_TYPE, Mode
from snapshot_tuner.events.readings.reading import ElementRejected, Event, Readings, record_of
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.settings import Settings

_MARKS_OF_ENVELOPES: Final = {"specversion", "source", "detail-type", "detail", "Type", "eventSource", "messageId"}
"""An object with one of these is meant as an envelope, and `signals` says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request holds; `keyed` where it is one event of plain JSON, under its sender's key.

    `alerts` where it is what an alert sender sends.
    """

    events: list[Event]
    keyed: bool = False

    @property
    def alerts(self) -> bool:
        read_from = [event.read_from for event in self.events if isinstance(event, Signal | ElementRejected)]
        return any(each is not None and each.is_alert for each in read_from)


def read(request: Request, caller: Caller, settings: Settings, readings: Readings) -> Sent:
    """Raises Refusal for a request that is none of these, or too large, or has no key where it needs one."""
    mode = cloudevents_http.mode(request.headers)
    if mode is None:
        detail = f"Content-Type must be {STRUCTURED_TYPE}, {BATCH_TYPE} or {JSON_TYPE}; in binary mode, JSON"
        raise Refusal(Problem.CONTENT_TYPE, detail)
    try:
        return _read(request, mode, caller, settings, readings)
    except EventRejected as rejected:
        return Sent([rejected])


def _read(request: Request, mode: Mode, caller: Caller, settings: Settings, readings: Readings) -> Sent:
    if request.body is None:
        raise EventRejected("body", "is not valid Base64, though isBase64Encoded says so")

    record = record_of(id=caller.key or caller.message_id or request.request_id)

    def open_document(document: Json) -> list[Event]:
        return signals.from_document(document, sent_us=caller.sent_us, readings=readings, record=record)

    if mode is Mode.BINARY:
        document: Json = cloudevents_http.binary_document(
            request.headers, request.body, at_most=settings.http_max_body_bytes
        )
        return Sent(read_each([document], open_document)[0])
    document = decode(request.body, at_most=settings.http_max_body_bytes)
    match mode:
        case Mode.BATCH:
            if not isinstance(document, list):
                raise EventRejected("body", f"must be a JSON list of CloudEvents, not {describe(document)}")
            if len(document) > settings.http_max_events:
                raise Refusal(Problem.TOO_LARGE, f"a batch has at most {settings.http_max_events} events")
            return Sent([event for events in read_each(document, open_document) for event in events])
        case Mode.STRUCTURED:
            return Sent(read_each([document], open_document)[0])
        case Mode.JSON:
            is_plain = isinstance(document, dict) and _MARKS_OF_ENVELOPES.isdisjoint(document)
            if not isinstance(document, dict) or not is_plain or readings.find(document, inside=False) is not None:
                return Sent(read_each([document], open_document)[0])
            source = CALLER_PREFIX + caller.name
            event = _from_plain_json(document, caller, source)
            return Sent(read_each([event], open_document, gives=source)[0], keyed=True)
        case _:
            assert_never(mode)


def _from_plain_json(members: Mapping[str, Json], caller: Caller, source: str) -> dict[str, Json]:
    """`{"type": …, "data": …}` as a CloudEvent of its caller.

    Its id is the caller's key, or its own `id`, or the message's, the first that there is; its time is `time`,
    or `timestamp` as Standard Webhooks has it. Raises Refusal where there is no id.
    """
    event = {name: value for name, value in members.items() if name != "timestamp"}
    key = caller.key or members.get("id") or caller.message_id
    if not key:
        raise Refusal(Problem.KEY_MISSING, "plain JSON needs the header Idempotency-Key, or a member id")
    if event.get("time") is None and "timestamp" in members:
        event["time"] = members["timestamp"]
    return event | {"specversion": "1.0", "id": key, "source": source}

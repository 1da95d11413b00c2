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
from http_endpoint.callers import IDEMPOTENCY_KEY
from http_endpoint.request import Request
from snapshot_tuner.aws.invocation import read_each
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import cloudevents_http, rtc_callback, signals
from snapshot_tuner.events.cloudevents_http import BATCH_TYPE, JSON_TYPE, STRUCTURED_TYPE, Mode
from snapshot_tuner.events.standard_webhooks import ID_HEADER
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.settings import Settings

CALLER_PREFIX: Final = "caller:"

_OF_PROVEN_SENDERS: Final = (CALLER_PREFIX, rtc_callback.SOURCE_PREFIX)
"""Sources that are given, to whoever has proved to be that sender."""

_MARKS_OF_ENVELOPES: Final = {"specversion", "source", "detail-type", "detail", "Type", "eventSource", "messageId"}
"""An object with one of these is meant as an envelope, and `signals` says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request holds; `keyed` where it is one event of plain JSON, under its sender's key."""

    events: list[Signal | EventRejected]
    keyed: bool = False


def read(request: Request, caller: str, settings: Settings) -> Sent:
    """Raises Refusal for a request that is none of these, or too large, or has no key where it needs one."""
    mode = cloudevents_http.mode(request.headers)
    if mode is None:
        detail = f"Content-Type must be {STRUCTURED_TYPE}, {BATCH_TYPE} or {JSON_TYPE}; in binary mode, JSON"
        raise Refusal(Problem.CONTENT_TYPE, detail)
    try:
        return _read(request, mode, caller, settings)
    except EventRejected as rejected:
        return Sent([rejected])


def _read(request: Request, mode: Mode, caller: str, settings: Settings) -> Sent:
    if request.body is None:
        raise EventRejected("body", "is not valid Base64, though isBase64Encoded says so")

    def open_document(document: Json) -> Signal:
        signal = signals.from_document(document, sent_us=request.received_us)
        return _in_its_scope(signal, caller)

    if mode is Mode.BINARY:
        document: Json = cloudevents_http.binary_document(
            request.headers, request.body, at_most=settings.http_max_body_bytes
        )
        return Sent([open_document(document)])
    document = decode(request.body, at_most=settings.http_max_body_bytes)
    match mode:
        case Mode.BATCH:
            if not isinstance(document, list):
                raise EventRejected("body", f"must be a JSON list of CloudEvents, not {describe(document)}")
            if len(document) > settings.http_max_events:
                raise Refusal(Problem.TOO_LARGE, f"a batch has at most {settings.http_max_events} events")
            return Sent(read_each(document, open_document))
        case Mode.STRUCTURED:
            return Sent([open_document(document)])
        case Mode.JSON:
            if not isinstance(document, dict) or not _MARKS_OF_ENVELOPES.isdisjoint(document):
                return Sent([open_document(document)])
            return Sent([open_document(_from_plain_json(document, request.headers, caller))], keyed=True)
        case _:
            assert_never(mode)


def _from_plain_json(members: Mapping[str, Json], headers: Mapping[str, str], caller: str) -> dict[str, Json]:
    """`{"type": …, "data": …}` as a CloudEvent of its caller.

    Its id is the Idempotency-Key, or its own `id`, or webhook-id, the first that there is; its time is `time`,
    or `timestamp` as Standard Webhooks has it. Raises Refusal where there is no id.
    """
    event = {name: value for name, value in members.items() if name != "timestamp"}
    key = _unquoted(headers.get(IDEMPOTENCY_KEY, "")) or members.get("id") or headers.get(ID_HEADER)
    if not key:
        raise Refusal(Problem.KEY_MISSING, "plain JSON needs the header Idempotency-Key, or a member id")
    if event.get("time") is None and "timestamp" in members:
        event["time"] = members["timestamp"]
    return event | {"specversion": "1.0", "id": key, "source": CALLER_PREFIX + caller}


def _unquoted(key: str) -> str:
    """The IETF draft has the key in quotes (a structured field's string); many senders leave them out."""
    text = key.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _in_its_scope(signal: Signal, caller: str) -> Signal:
    if signal.source.startswith(_OF_PROVEN_SENDERS) and signal.source != CALLER_PREFIX + caller:
        reason = f"must not begin with {' or '.join(_OF_PROVEN_SENDERS)}: these are given"
        raise EventRejected("source", reason, event_id=signal.id)
    return signal

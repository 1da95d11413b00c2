"""From a file to the events in it, by the readers that are deployed: here is decided only which of them is meant."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from devkit.tuner import recordings
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.recordings import Arrival, Unreadable
from http_endpoint import bodies, callers, reading
from http_endpoint.answers import Refusal
from http_endpoint.request import Request
from queue_worker.batches import batch_of
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import read_each
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import NO_READINGS, Event, Readings, record_of
from snapshot_tuner.events.rtc_callback import Callback
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Signal
from snapshot_tuner.settings import Settings

_CALLBACKS: Final = ("callbacks", "rtc")
_DIGITS_MOST: Final = 15
_SETTINGS: Final = Settings(ledger_url="sqlite:///nowhere")
"""Every limit of HTTP at its default."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """Events that reach a function together, and when: microseconds since the epoch."""

    received_us: int
    events: tuple[Event, ...]


def open_file(path: Path, readings: Readings = NO_READINGS) -> list[Invocation]:
    """In the order of the file. Raises CommandFailed where it cannot be read, or holds nothing."""
    with recordings.readable(path):
        content = path.read_bytes()
    invocations = _opened(path, content, readings)
    if not any(invocation.events for invocation in invocations):
        raise CommandFailed(Exit.USAGE, f"{path}: no event in it")
    return invocations


def _opened(path: Path, content: bytes, readings: Readings) -> list[Invocation]:
    payload = _loaded(content)
    batch = batch_of(payload)
    if batch is not None:
        events = read_each(batch.records, partial(batch.read, readings=readings))
        return [_together(events, *map(_sent_us, batch.records))]
    match payload:
        case {"Records": [{"Sns": dict()}, *_] as records}:
            notifications = [record.get("Sns") for record in records]
            return [_together(read_each(notifications, partial(signals.from_object, readings=readings)))]
        case {"Records": list(records)}:
            return [
                _together(
                    read_each(records, partial(signals.from_sqs_record, readings=readings)), *map(_sent_us, records)
                )
            ]
        case _ if sources.is_request(payload):
            return [_from_request(Request.from_event(payload), readings)]
        case {"received": _, "event": _}:
            return _from_recording(path, readings)
        case {"detail-type": _}:
            # As the runtime hands it to bus_listener: with floats.
            return [_together(read_each([payload], partial(signals.from_object, readings=readings)))]
        case list():
            return [_together(_from_list(content, readings))]
        case None if path.suffix == ".gz" or _holds_lines(content):
            return _from_recording(path, readings)
        case _:
            return [_together(read_each([content], partial(_from_body, readings=readings)), _sent_us(payload))]


def _loaded(content: bytes) -> Any:  # noqa: ANN401 - whatever it is
    """As the Lambda runtime would load it; None where it could not."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _holds_lines(content: bytes) -> bool:
    lines = content.split(b"\n", 1)
    return len(lines) > 1 and bool(lines[1].strip()) and isinstance(_loaded(lines[0]), dict)


def _sent_us(record: object) -> int:
    """When a queue got its record; 0 where it does not say."""
    match record:
        case {"attributes": {"SentTimestamp": str(sent)}} if sent.isdecimal() and len(sent) <= _DIGITS_MOST:
            return int(sent) * 1000
        case _:
            return 0


def _from_body(content: bytes, *, readings: Readings) -> list[Event]:
    # A body on its own: when it was sent, and what its source calls it, only its source knows.
    return signals.from_body(
        content, sent_us=0 if readings.anywhere else None, readings=readings, record=record_of(id="RECORD")
    )


def _from_list(content: bytes, readings: Readings) -> list[list[Event]]:
    """CloudEvents in batch mode, without their request; or one body that is a list."""
    try:
        documents = decode(content)
    except EventRejected as rejected:
        return [[rejected]]
    if readings.find(documents, inside=False) is not None:
        return read_each([content], partial(_from_body, readings=readings))
    each = documents if isinstance(documents, list) else []
    return read_each(each, lambda document: signals.from_document(document, sent_us=None, readings=readings))


def _from_request(request: Request, readings: Readings) -> Invocation:
    events: Iterable[Event]
    try:
        request = bodies.opened(request, _SETTINGS)
        if request.path == _CALLBACKS:
            events = _from_callback(request.body or b"")
        else:
            events = reading.read(request, callers.identify_caller(request, _SETTINGS), _SETTINGS, readings).events
    except Refusal as refusal:
        events = [EventRejected("request", f"is refused with {refusal.problem.status}: {refusal.detail}")]
    return Invocation(request.received_us, tuple(events))


def _from_callback(body: bytes) -> list[Event]:
    try:
        return Callback.read(body).events()
    except EventRejected as rejected:
        return [rejected]


def _from_recording(path: Path, readings: Readings) -> list[Invocation]:
    return [_recorded(each) for each in recordings.read(path, readings=[readings])]


def _recorded(line: Arrival | Unreadable) -> Invocation:
    if isinstance(line, Arrival):
        return Invocation(line.received_us, (line.signal,))
    return Invocation(0, (EventRejected(f"line {line.line}", line.reason),))


def _together(messages: Iterable[Iterable[Event]], *sent_us: int) -> Invocation:
    """Received when the last of them was sent, as far as that is known; else when it happened."""
    read = tuple(event for message in messages for event in message)
    happened = (event.time_us for event in read if isinstance(event, Signal))
    return Invocation(max(sent_us, default=0) or max(happened, default=0), read)

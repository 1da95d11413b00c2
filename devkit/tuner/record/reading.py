"""From what describes an event to its line, or to the reason why there is none."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from devkit.tuner.record.bodies import Bodies
from devkit.tuner.record.documents import DOCUMENT_CHARACTERS
from devkit.tuner.record.parsers import Failure, LogLine, QueueMessage
from devkit.tuner.record.wrapping import ANY_BODY, event_line, signal_line
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.envelopes import SQS_SOURCE
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Cause, Json, Signal
from snapshot_tuner.telemetry.event_fields import OMITTED_SUFFIX, TEXT_CHARACTERS_MOST

_MILLISECONDS = re.compile(r"[0-9]{1,15}")


class Reason(Enum):
    """Why something that may have been an event is not recorded."""

    MALFORMED = "could not be read as events; their log lines do not hold them, the dead-letter queue does"
    WITHOUT_DATA = "logged without its data: LOG_EVENT_DATA was false, or the version is older than tuner record"
    TOO_LONG = f"logged without its data, or attributes: they have more than {TEXT_CHARACTERS_MOST:,} characters"
    FIRST_LINE_MISSING = "events with several tasks whose first line, which holds the event, is missing"
    UNREADABLE = "no function could open it"
    BROKEN = "looks like JSON but is not valid: cut off, badly indented, or inside CSV or YAML"
    IN_ITS_STREAM = "stream records: the destination holds their place in the stream, not the records"
    DOCUMENT_TOO_LONG = (
        f"one document of more than {DOCUMENT_CHARACTERS:,} characters: print one event to a line, as `jq -c` does"
    )


class NotRecorded(Exception):
    """There is no line for an event; `detail` says more where there is more to say."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the file, and when its event arrived, in microseconds since the epoch."""

    received_us: int
    line: str


class LogReader:
    """Reads lines of outcomes: an event with several tasks has several, and the first of them has the event.

    They may come in any order, as queries give them in the order that they were asked for.
    """

    def __init__(self) -> None:
        self._bodies = Bodies()
        self._awaited: Counter[str] = Counter()
        """Lines of further tasks that first lines have announced, less those that came; none at zero."""

    def read(self, log_line: LogLine) -> Recorded | None:
        """None for the line of a further task. Raises NotRecorded."""
        members = log_line.members
        event = "\0".join(str(members.get(name)) for name in ("event_id", "source", "received"))
        if "task_number" in members:
            self._await(event, -1)
            return None
        tasks = members.get("tasks")
        if isinstance(tasks, int):
            self._await(event, tasks - 1)
        if "record_id" in members:
            try:
                self._bodies.add(members)
            except EventRejected as rejected:
                raise NotRecorded(Reason.UNREADABLE, str(rejected)) from None
            return None
        if members.get("cause") == Cause.MALFORMED:
            raise NotRecorded(Reason.MALFORMED, str(members.get("reason", "")))
        omitted = {name: length for name, length in members.items() if name.endswith(OMITTED_SUFFIX)}
        if omitted:
            raise NotRecorded(Reason.TOO_LONG, ", ".join(f"{name} {length}" for name, length in omitted.items()))
        if "data" not in members:
            raise NotRecorded(Reason.WITHOUT_DATA)
        try:
            received_us = _microseconds(members, "received")
            return Recorded(received_us, signal_line(_signal(members), received_us))
        except EventRejected as rejected:
            raise NotRecorded(Reason.UNREADABLE, str(rejected)) from None

    def bodies(self) -> Iterator[Recorded | NotRecorded]:
        """Those that readings have read, made again; known when all lines are read."""
        for body in self._bodies.whole():
            try:
                if body.omitted:
                    yield NotRecorded(Reason.TOO_LONG, ", ".join(body.omitted))
                elif body.event is None:
                    yield NotRecorded(Reason.FIRST_LINE_MISSING)
                else:
                    received_us = _microseconds(body.members, "received")
                    yield Recorded(received_us, body.line())
            except EventRejected as rejected:
                yield NotRecorded(Reason.UNREADABLE, str(rejected))

    def first_lines_missing(self) -> int:
        """Events for which only lines of further tasks were found; known when all lines are read."""
        return sum(1 for lines in self._awaited.values() if lines < 0)

    def _await(self, event: str, lines: int) -> None:
        self._awaited[event] += lines
        if not self._awaited[event]:
            del self._awaited[event]


def from_message(message: QueueMessage) -> Recorded:
    """As a record of its queue, its body untouched; it arrived when it was sent. Raises NotRecorded."""
    record: dict[str, Json] = {"eventSource": SQS_SOURCE, "body": message.body}
    if message.message_id is not None:
        record["messageId"] = message.message_id
    sent_us = None
    if isinstance(message.sent, str) and _MILLISECONDS.fullmatch(message.sent):
        record["attributes"] = {"SentTimestamp": message.sent}
        sent_us = int(message.sent) * 1000
    return _from_envelope(record, sent_us)


def from_failure(failure: Failure) -> Recorded:
    """The event that Lambda gave up; it arrived when the bus took it, or else when it was given up at the latest.

    Raises NotRecorded.
    """
    payload = failure.payload if isinstance(failure.payload, dict) else {}
    times = [_time(time) for time in (payload.get("time"), payload.get("Timestamp"), failure.given_up)]
    return _from_envelope(failure.payload, next((time for time in times if time is not None), None))


def _from_envelope(event: Json, received_us: int | None) -> Recorded:
    """Where nothing says when it arrived, it arrived at its own time."""
    try:
        if received_us is None:
            events = signals.from_document(event, sent_us=None, readings=ANY_BODY)
            received_us = max((each.time_us for each in events if isinstance(each, Signal)), default=None)
        if received_us is None:
            raise EventRejected("time", "is missing, and nothing around the event says when it was sent")  # noqa: TRY301 - as what signals raises
        return Recorded(received_us, event_line(event, received_us))
    except EventRejected as rejected:
        raise NotRecorded(Reason.UNREADABLE, str(rejected)) from None


def _time(value: Json) -> int | None:
    try:
        return rfc3339.to_microseconds(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _signal(members: Mapping[str, Json]) -> Signal:
    """What the line says of the event. Raises EventRejected where it cannot be right."""
    is_own = "event_time" in members
    sequence = decode(_text(members, "sequence"), within="sequence") if "sequence" in members else None
    if sequence is not None and not isinstance(sequence, int):
        raise EventRejected("sequence", "must be an integer")
    attributes = decode(_text(members, "attributes"), within="attributes") if "attributes" in members else {}
    if not isinstance(attributes, dict):
        raise EventRejected("attributes", "must be a JSON object")
    return Signal(
        id=_text(members, "event_id"),
        source=_text(members, "source"),
        type=_text(members, "event_type"),
        time_us=_microseconds(members, "event_time" if is_own else "event_sent"),
        data=decode(_text(members, "data"), within="data"),
        time_is_own=is_own,
        sequence=sequence,
        attributes=attributes,
        sent_us=_microseconds(members, "event_queued") if "event_queued" in members else None,
    )


def _microseconds(members: Mapping[str, Json], name: str) -> int:
    try:
        return rfc3339.to_microseconds(_text(members, name))
    except ValueError as error:
        raise EventRejected(name, str(error)) from None


def _text(members: Mapping[str, Json], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise EventRejected(name, "must be a string")
    return value

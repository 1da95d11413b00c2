"""An event as a line of a file of recorded events, which is read back before anybody relies on it."""

from typing import Final

from devkit.tuner import recordings
from devkit.tuner.recordings import Arrival
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.engine import Policy

_CLOUD_EVENT_OWN = {"specversion", "id", "source", "type", "time", "sequence", "data", "data_base64"}


ANY_BODY: Final = Policy.parse(
    """
version: 1
events: [{name: any, match: {specversion: [{exists: false}], detail-type: [{exists: false}]}, type: any}]
rules: [{name: any, hold: true}]
""",
    "any body",
).readings
"""Takes what is not meant as an envelope, as a reading that does not exist yet may."""


def event_line(event: Json, received_us: int) -> str:
    """A line for an envelope as it came. Raises EventRejected where neither a function nor a reading could open it."""
    line = encode({"received": _text(received_us), "event": event})
    decode(line, within="line", at_most=recordings.MAX_LINE_BYTES)
    signals.from_document(event, sent_us=None, readings=ANY_BODY)
    return line


def signal_line(signal: Signal, received_us: int) -> str:
    """A line from which the very same signal is read. Raises EventRejected for one that no envelope can hold."""
    line = encode(
        {"received": _text(received_us)}
        | ({} if signal.time_is_own else {"sent": _text(signal.time_us)})
        | ({} if signal.sent_us is None else {"queued": _text(signal.sent_us)})
        | {"event": _envelope(signal)}
    )
    if [each.signal for each in recordings.arrivals(0, line) if isinstance(each, Arrival)] != [signal]:
        raise EventRejected("attributes", "are none that an envelope can hold beside the event's own")
    return line


def _envelope(signal: Signal) -> dict[str, Json]:
    """A CloudEvent, but for attributes that only an EventBridge event can have: null, or named like a CloudEvent's."""
    own: dict[str, Json] = {"id": signal.id, "source": signal.source}
    if signal.time_is_own:
        own["time"] = _text(signal.time_us)
    names = signal.attributes.keys()
    if names.isdisjoint(_CLOUD_EVENT_OWN) and None not in signal.attributes.values():
        own |= {"specversion": "1.0", "type": signal.type}
        if signal.sequence is not None:
            own["sequence"] = signal.sequence
        return {**own, **signal.attributes, "data": signal.data}
    return {**own, "detail-type": signal.type, **signal.attributes, "detail": signal.data}


def _text(microseconds: int) -> str:
    text = rfc3339.from_microseconds(microseconds)
    if text is None:
        raise EventRejected("time", "is beyond the year 9999")
    return text

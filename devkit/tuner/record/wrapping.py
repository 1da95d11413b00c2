"""An event as a line of a file of recorded events, which is read back before anybody relies on it."""

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.strict_json import MAX_BODY_BYTES, decode
from snapshot_tuner.model import Json, Signal

LINE_BYTES_MOST = 4 * MAX_BODY_BYTES
"""A body of a queue is a text inside the line: its quotes and backslashes are written with two characters."""

_CLOUD_EVENT_OWN = {"specversion", "id", "source", "type", "time", "sequence", "data", "data_base64"}


def event_line(event: Json, received_us: int) -> str:
    """A line for an envelope as it came. Raises EventRejected where no function could open it."""
    line = encode({"received": _text(received_us), "event": event})
    read_back(line)
    return line


def signal_line(signal: Signal, received_us: int) -> str:
    """A line from which the very same signal is read. Raises EventRejected for one that no envelope can hold."""
    line = encode(
        {"received": _text(received_us)}
        | ({} if signal.time_is_own else {"sent": _text(signal.time_us)})
        | {"event": _envelope(signal)}
    )
    if read_back(line) != signal:
        raise EventRejected("attributes", "are none that an envelope can hold beside the event's own")
    return line


def read_back(line: str) -> Signal:
    """What a backtest will see. Raises EventRejected."""
    match decode(line, at_most=LINE_BYTES_MOST):
        case {"event": event, "sent": str(sent)}:
            return signals.from_document(event, sent_us=rfc3339.to_microseconds(sent))
        case {"event": event}:
            return signals.from_document(event, sent_us=None)
        case _:
            raise EventRejected("event", "is missing")


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

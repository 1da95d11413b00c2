"""What the log line of an outcome says about its event: enough to rebuild the event, bit for bit.

`tuner record` does so. Numbers would not survive a logger, nor those who read its lines as doubles: data and
attributes are texts of JSON inside the line.
"""

from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.json_path import reader, replaced
from snapshot_tuner.model import Json, ReadFrom, Signal

TEXT_CHARACTERS_MOST = 16_384
"""For the data, and for the attributes, as JSON: CloudWatch Logs bills by the byte, and an event of this application
has a few hundred. A longer text is left out, and the line says how long it was."""

OMITTED_SUFFIX = "_omitted_characters"


def keys(signal: Signal, *, with_data: bool) -> dict[str, str | int]:
    """Where the event has a time, `event_time`; where the source's sent time stands in, `event_sent`.

    `event_queued` is when the nearest queue took it, which decides between events of one time. A time beyond the year
    9999 has no text and is left out. `with_data` is LOG_EVENT_DATA.
    """
    found: dict[str, str | int] = {"event_type": signal.type}
    time = rfc3339.from_microseconds(signal.time_us)
    if time is not None:
        found["event_time" if signal.time_is_own else "event_sent"] = time
    queued = None if signal.sent_us is None else rfc3339.from_microseconds(signal.sent_us)
    if queued is not None:
        found["event_queued"] = queued
    if signal.sequence is not None:
        found["sequence"] = str(signal.sequence)  # 128 bits are more than most readers of JSON keep
    if signal.read_from is not None:
        return found | origin(signal.read_from, with_data=with_data)
    if with_data:
        if signal.attributes:
            _add(found, "attributes", dict(signal.attributes))
        _add(found, "data", signal.data)
    return found


def origin(read_from: ReadFrom, *, with_data: bool) -> dict[str, str | int]:
    """Enough to rebuild the body that a reading has read: on the line of its first event the body without its list.

    Each element is on the line of its first event, with its place in the list.
    """
    found: dict[str, str | int] = {"reading": read_from.reading}
    record_id = read_from.record.get("id")
    if not with_data or not isinstance(record_id, str):
        return found  # nothing else says which lines are of one body
    found["record_id"] = record_id
    steps = read_from.list_steps
    if read_from.body is not None:
        _add(found, "body", read_from.body if steps is None else _without_list(read_from.body, steps))
        _add(found, "record", read_from.record)
    if read_from.element is not None:
        _add(found, "list", list(steps or ()))
        found["element_number"] = read_from.number
        _add(found, "element", read_from.element)
    return found


def _without_list(body: Json, steps: tuple[str | int, ...]) -> Json:
    empty: Json = {} if isinstance(reader(steps)(body), dict) else []
    return replaced(body, steps, empty)


def _add(found: dict[str, str | int], name: str, value: Json) -> None:
    text = encode(value)
    if len(text) > TEXT_CHARACTERS_MOST:
        found[name + OMITTED_SUFFIX] = len(text)
    else:
        found[name] = text

"""The bodies that readings have read, made again from the lines of their events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.json_path import Found, reader, replaced
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json
from snapshot_tuner.telemetry.event_fields import OMITTED_SUFFIX


@dataclass(slots=True)
class Body:
    """`event` is the body as its lines have given it so far; `members` are those of one of its lines."""

    members: Mapping[str, Json]
    event: Json = None
    record: Json = None
    sent: Json = None
    omitted: list[str] = field(default_factory=list)
    _elements: dict[tuple[str | int, ...], dict[int, Json]] = field(default_factory=dict)

    def add(self, members: Mapping[str, Json]) -> None:
        """Raises EventRejected for a text that is not JSON."""
        self.omitted += [f"{name} {length}" for name, length in members.items() if name.endswith(OMITTED_SUFFIX)]
        self.sent = self.sent or members.get("event_sent")
        if "body" in members:
            self.event, self.record = _decoded(members, "body"), _decoded(members, "record")
        number = members.get("element_number")
        if "element" in members and isinstance(number, int):
            steps = _decoded(members, "list")
            place = tuple(step for step in steps if isinstance(step, str | int)) if isinstance(steps, list) else ()
            self._elements.setdefault(place, {})[number] = _decoded(members, "element")

    def line(self) -> str:
        """Of a recording."""
        event = self.event
        for steps, elements in self._elements.items():
            event = replaced(event, steps, _with(reader(steps)(event), elements))
        received, queued = self.members["received"], self.members.get("event_queued")
        said = {"received": received, "sent": self.sent or queued or received}
        if queued is not None:
            said["queued"] = queued
        return encode({**said, "record": self.record, "event": event})


class Bodies:
    """Lines may come in any order: a body is whole when all were read."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Body] = {}

    def add(self, members: Mapping[str, Json]) -> None:
        """Raises EventRejected."""
        name = tuple(str(members.get(key)) for key in ("record_id", "reading", "received"))
        self._found.setdefault(name, Body(members)).add(members)

    def whole(self) -> Iterator[Body]:
        """Each of them."""
        yield from self._found.values()


def _with(there: Found, elements: Mapping[int, Json]) -> Json:
    """The list or object with its elements in their places; of an object they are its members."""
    if isinstance(there, dict):
        pairs = [each for _, each in sorted(elements.items()) if isinstance(each, dict)]
        return {**there, **{str(each.get("key")): each.get("value") for each in pairs}}
    if not isinstance(there, list):
        raise EventRejected("list", "is not in the body")
    if there:
        return [elements.get(number, each) for number, each in enumerate(there)]
    return [each for _, each in sorted(elements.items())]  # one that held no event has no line, and is not missed


def _decoded(members: Mapping[str, Json], name: str) -> Json:
    text = members.get(name)
    if not isinstance(text, str):
        raise EventRejected(name, "must be a string")
    return decode(text, within=name)

"""From a body that is not a known envelope to signals, as the policy's readings say: pure, and linear in the text.

What is wrong with one element rejects that element; what is wrong with the body as a whole rejects the body.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from snapshot_tuner.errors import EventRejected, valid_event_id
from snapshot_tuner.events import attributes
from snapshot_tuner.events.attributes import GIVEN_PREFIXES
from snapshot_tuner.events.readings.branches import Branch, Matches, branches
from snapshot_tuner.events.readings.elements import Element
from snapshot_tuner.events.readings.forms import ReadingForm
from snapshot_tuner.events.readings.templates import RECORD_MEMBERS, Template, Unfilled
from snapshot_tuner.formats import times
from snapshot_tuner.formats.json_path import ABSENT, Found, JsonPath, replaced
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.formats.times import Zone
from snapshot_tuner.formats.validation import ValidationError, error_details, object_with
from snapshot_tuner.model import Json, NoEvent, ReadFrom, Signal, is_number

Event: TypeAlias = Signal | EventRejected | NoEvent

_DATA: Final = "data"
_made = object_with(
    {
        "id": attributes.ID,
        "source": attributes.SOURCE,
        "type": attributes.TYPE,
        "sequence": attributes.SEQUENCE,
    },
    needed=frozenset({"id", "source", "type"}),
)


class Delivery(NamedTuple):
    """What the source says of a body: `record` has `id`, `key`, `topic` and `headers`, as far as it has them.

    `sent_us` stands in for the time of an event without one; `queued_us` is when the nearest queue took the body. Both
    are microseconds since the epoch.
    """

    record: Mapping[str, Json]
    sent_us: int | None
    queued_us: int | None = None


class ElementRejected(EventRejected):
    """An element that is not an event, and what it is made from."""

    def __init__(self, field: str, reason: str, read_from: ReadFrom, *, event_id: str | None = None) -> None:
        super().__init__(field, reason, event_id=event_id)
        self.read_from = read_from


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the policy's, compiled."""

    name: str
    inside: bool
    matches: Matches
    _form: ReadingForm
    _open: Sequence[JsonPath]
    _branches: Sequence[Branch]
    _numbers: Sequence[tuple[JsonPath, Callable[[Found], Found]]]
    _zone: Zone | None
    _left_out: JsonPath | None

    @classmethod
    def of(cls, form: ReadingForm, compiled: Callable[[dict[str, Json]], Matches]) -> "Reading":
        """From a form without mistakes; `compiled` makes a pattern."""
        tests = [compiled(match) for match in form["match"] if match]
        return cls(
            form["name"],
            form["inside"],
            tests[0] if len(tests) == 1 else lambda body: all(test(body) for test in tests),
            form,
            [JsonPath.parse(text) for text in form["open"]],
            [*branches(form, compiled)],
            [(path, path.reader()) for path in map(JsonPath.parse, form["numbers"])],
            times.zone(form["zone"]) if form["zone"] is not None else None,
            JsonPath.parse(form["left_out"]) if form["left_out"] is not None else None,
        )

    def read(self, body: Json, delivery: Delivery) -> list[Event]:
        """At least one. Raises EventRejected, naming the reading and the field, for a body that is bad as a whole."""
        try:
            return self._read(body, delivery)
        except EventRejected as rejected:
            raise EventRejected(f"reading {self.name}, {rejected.field}", rejected.reason) from None

    def _read(self, body: Json, delivery: Delivery) -> list[Event]:
        opened = self._opened(body)
        record = dict(delivery.record)
        events: list[Event] = []
        for branch in self._branches:
            number = None
            list_steps = None if self._open else branch.list_steps  # what was opened is a text in the body
            for element in branch.walk.elements(opened, record, before=len(events)):
                is_new = element.number != number
                number = element.number
                read_from = ReadFrom(
                    self.name,
                    self._form["is_alert"],
                    body if not events else None,
                    list_steps,
                    element.outermost if is_new and list_steps is not None else None,
                    number,
                    record,
                )
                events.append(self._event(branch, element, delivery, read_from))
        if self._left_out is not None:
            count = self._left_out.reader()(opened)
            if isinstance(count, int) and not isinstance(count, bool) and count > 0:
                reason = f"reading {self.name}: the sender left {count:,} elements out of the body"
                events.append(NoEvent(reason, left_out=count))
        return events or [NoEvent(f"reading {self.name}: the body's list is empty")]

    def _opened(self, body: Json) -> Json:
        for path in self._open:
            text = path.reader()(body)
            if isinstance(text, str):
                body = replaced(body, path.steps, decode(text, within=path.text))
            elif text is ABSENT:
                raise EventRejected(path.text, "is missing")
        return body

    def _event(self, branch: Branch, element: Element, delivery: Delivery, read_from: ReadFrom) -> Event:
        members: dict[str, Json] = {}
        field = "each"
        try:
            if element.fault is not None:
                raise Unfilled(element.fault)  # noqa: TRY301 - as every field that cannot be made
            kind = branch.fields(element.item)
            for field, template in kind.attributes:
                members[field] = self._attribute(field, template, element)
            field = _DATA
            data = kind.data.fill(element.values)
            for path, find in self._numbers:
                field = path.text
                data = _with_number(data, path, find(data))
            time_us = members.pop("time", None)
            field = "time"
            is_own = isinstance(time_us, int)
            if not isinstance(time_us, int):
                time_us = delivery.sent_us
            if time_us is None:
                raise Unfilled("is missing, and nothing around the body says when it was sent")  # noqa: TRY301 - as every field that cannot be made
            checked = _made(members)
            if kind.gives_source and checked["source"].startswith(GIVEN_PREFIXES):
                field = "source"
                raise Unfilled(f"must not begin with {' or '.join(GIVEN_PREFIXES)}: these are given")  # noqa: TRY301 - as every field that cannot be made
        except (Unfilled, ValueError) as error:
            # Pydantic's ValidationError is a ValueError.
            reason = str(error)
            if isinstance(error, ValidationError):
                first = error_details(error, with_input=True)[0]
                field, reason = str(first["loc"][0]), attributes.reason(first)
            field = f"reading {self.name}, {field}"
            event_id = valid_event_id(members.get("id"))
            return ElementRejected(field, reason, read_from, event_id=event_id)
        return Signal(
            checked["id"],
            checked["source"],
            checked["type"],
            time_us,
            None if data is ABSENT else data,
            is_own,
            checked.get("sequence"),
            sent_us=delivery.queued_us,
            read_from=read_from,
        )

    def _attribute(self, name: str, template: Template, element: Element) -> Json:
        found = template.fill(element.values)
        if found is ABSENT:
            raise Unfilled("finds nothing")
        if name == "time":
            return times.to_microseconds(found, self._zone)
        if isinstance(found, int) and not isinstance(found, bool) and name != "sequence":
            return str(found)
        return found


class Readings:
    """Those of a policy, in their order: all of them, and those that are also tried inside complete events."""

    def __init__(self, readings: Sequence[Reading] = ()) -> None:
        self.anywhere = tuple(readings)
        self.inside = tuple(reading for reading in readings if reading.inside)

    @classmethod
    def of(cls, forms: Sequence[ReadingForm], compiled: Callable[[dict[str, Json]], Matches]) -> "Readings":
        """From forms without mistakes; `compiled` makes a pattern."""
        return cls([Reading.of(form, compiled) for form in forms])

    def find(self, body: Json, *, inside: bool) -> Reading | None:
        """The first that matches a body; `inside` the data of a complete event only some are tried."""
        for reading in self.inside if inside else self.anywhere:
            if reading.matches(body):
                return reading
        return None


NO_READINGS: Final = Readings()
NO_RECORD: Final[Mapping[str, Json]] = MappingProxyType({})


def record_of(**members: Json) -> dict[str, Json]:
    """What placeholders find under `record`."""
    return {name: members[name] for name in RECORD_MEMBERS if members.get(name) is not None}


def _with_number(data: Found, path: JsonPath, found: Found) -> Found:
    """The text `found` at the path as the number that it is; what is not there stays so."""
    if data is ABSENT or found is ABSENT or is_number(found):
        return data
    number = None
    if isinstance(found, str):
        with suppress(EventRejected):
            number = decode(found)
    if not is_number(number):
        raise Unfilled(f"must be a number, not {describe(found)}")
    return replaced(data, path.steps, number)

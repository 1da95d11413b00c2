"""What the sample events ask for, read without the application's own code: by this the demo is judged.

It knows the sample events and the shipped policy, and nothing else: no envelope and
no bad input that the files do not hold.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from devkit.demo.sample_events import SampleMessage
from snapshot_tuner.model import TaskRef

GONE = "task-gone"
"""The TaskId of every task that does not run."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The interval in seconds that an event asks for. `time` compares as text: all of them are UTC."""

    time: str
    event_id: str
    interval: int


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the newest event of every running task asks for, and the names of the messages that nobody can fulfil."""

    expected: dict[TaskRef, Expected]
    hopeless: frozenset[str]


def expectations(messages: Iterable[SampleMessage]) -> Expectations:
    """All that the messages ask for, in whatever order they are delivered."""
    expected: dict[TaskRef, Expected] = {}
    hopeless: set[str] = set()
    for message in messages:
        events = list(_events(message.payload))
        if not events:
            hopeless.add(message.name)
        for event, data in events:
            interval = _interval(event.get("type", event.get("detail-type")), data)
            if interval is None:
                continue
            if "AppId" not in data or data["TaskId"] == GONE:
                hopeless.add(message.name)
                continue
            candidate = Expected(event.get("time", ""), event["id"], interval)
            for task in _tasks(data):
                expected[task] = max(expected.get(task, candidate), candidate, key=lambda each: each.time)
    return Expectations(expected, frozenset(hopeless))


def _interval(type_: str | None, data: dict[str, Any]) -> int | None:
    """layers/policy/policy.yaml, worked out by hand."""
    if type_ == "moderation.alert":
        return 2  # 1 s, but the bounds begin at 2 s
    if type_ != "rtc.room.load":
        return None
    load = Decimal(data["load"])
    if load >= Decimal("0.8"):
        return int(10 + (load - Decimal("0.8")) * 250 + Decimal("0.5"))  # 10 s at 0.8, 60 s at 1.0; half up
    if load > Decimal("0.6"):
        return None
    return 5


def _tasks(data: dict[str, Any]) -> list[TaskRef]:
    task_ids = data["TaskId"] if isinstance(data["TaskId"], list) else [data["TaskId"]]
    return [TaskRef(data["AppId"], data["RoomId"], task_id) for task_id in task_ids]


def _events(thing: object) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every (event, its data) that is wrapped somewhere in there: the data are what has a RoomId."""
    match thing:
        case dict():
            data = thing.get("data", thing.get("detail", _unwrapped(thing.get("data_base64"))))
            if isinstance(data, dict) and "RoomId" in data:
                yield thing, data
            else:
                for part in thing.values():
                    yield from _events(part)
        case str():
            yield from _events(_unwrapped(thing))
        case _:
            pass


def _unwrapped(text: str | None) -> object:
    """The object in a text of JSON, or of JSON in Base64; else None."""
    for decode in (str, base64.b64decode):
        try:
            thing = json.loads(decode(text or ""), parse_float=Decimal)
        except ValueError:
            continue
        return thing if isinstance(thing, dict) else None
    return None

"""Test events, from where they are sent to their lines in the log."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from devkit.tuner.doctor.ticks import Tick
from devkit.tuner.exits import CommandFailed
from devkit.tuner.output import progress_console
from snapshot_tuner.model import CHECK_SOURCE, CHECK_TYPE

_LOOK_SECONDS = 0.5
_TEST_ROOM = {"AppId": "snapshot-tuner", "RoomId": "doctor", "TaskId": "test"}
_WORKER, _LISTENER = "queue_worker", "bus_listener"

_QUEUE_ADVICE = "see the errors in queue_worker's log, its event source mapping, and the dead-letter queues"
_LISTENER_ADVICE = (
    "see whether ListenerRule is there and enabled, has bus_listener as its target and may invoke it; "
    "the bus's dead-letter queue has what could not be delivered, bus_listener's log what it could not handle"
)


class Surroundings(Protocol):
    """Where events are sent, and where their lines are found. Raises CommandFailed."""

    @property
    def has_urgent_queue(self) -> bool: ...

    @property
    def direct_types(self) -> Sequence[str]:
        """Those that a rule of the bus sends straight to bus_listener."""
        ...

    def send(self, body: str, *, urgent: bool = False) -> None:
        """Into the queue, or the urgent queue."""
        ...

    def put(self, entry: dict[str, str]) -> str:
        """On the bus; returns the event's id."""
        ...

    def lines(self, function: str, text: str, since_ms: int) -> list[dict[str, Any]]:
        """Of a function's log."""
        ...


@dataclass(frozen=True, slots=True)
class _Way:
    """`words` follow "a test event"; `function` is the one that it leads to."""

    name: str
    words: str
    send: Callable[[Surroundings], str]
    function: str = _WORKER
    advice: str = _QUEUE_ADVICE


def follow_all(to: Surroundings, wait: int) -> list[Tick]:
    """One event each way, each for at most so many seconds."""
    return [
        _followed(_Way("queue", "through the queue", through_queue), to, wait),
        _urgent(to, wait),
        _followed(_Way("bus", "from the bus", _through_bus), to, wait),
        _listener(to, wait),
    ]


def through_queue(to: Surroundings, *, urgent: bool = False) -> str:
    """Sends a test event; its id. Raises CommandFailed."""
    event_id = f"doctor-{uuid4().hex}"
    event = {"specversion": "1.0", "id": event_id, "source": CHECK_SOURCE, "type": CHECK_TYPE}
    to.send(json.dumps({**event, "data": _TEST_ROOM}), urgent=urgent)
    return event_id


def _through_bus(to: Surroundings, kind: str = CHECK_TYPE) -> str:
    return to.put({"Source": CHECK_SOURCE, "DetailType": kind, "Detail": json.dumps(_TEST_ROOM)})


def _urgent(to: Surroundings, wait: int) -> Tick:
    try:
        if not to.has_urgent_queue:
            return Tick("urgent", None, "not tried: the stack has no urgent queue; an older version deployed it")
    except CommandFailed as failure:
        return _failed("urgent", failure)
    return _followed(_Way("urgent", "through the urgent queue", partial(through_queue, urgent=True)), to, wait)


def _listener(to: Surroundings, wait: int) -> Tick:
    """Of a type that the bus sends there, as only such an event takes that way; by its source it is a test event."""
    try:
        types = to.direct_types
    except CommandFailed as failure:
        return _failed("listener", failure)
    if not types:
        says = "not tried: no rule of the bus leads straight to bus_listener (parameter DirectBusRule)"
        return Tick("listener", None, says)
    words = f"of the type {types[0]} straight from the bus"
    send = partial(_through_bus, kind=types[0])
    return _followed(_Way("listener", words, send, _LISTENER, _LISTENER_ADVICE), to, wait)


def _followed(way: _Way, to: Surroundings, wait: int) -> Tick:
    """From the moment it is sent to its line in the log of one of the two functions."""
    progress_console().print(f"a test event {way.words} …", style="dim")
    began = time.time()
    try:
        event_id = way.send(to)
        while time.time() - began < wait:
            for function in dict.fromkeys((way.function, _WORKER)):
                for line in to.lines(function, event_id, round(began * 1000) - 60_000):
                    if line.get("event_id") == event_id:
                        return _arrived(way, line, function, time.time() - began)
            time.sleep(_LOOK_SECONDS)
    except CommandFailed as failure:
        return _failed(way.name, failure)
    says = f"no line of the test event {event_id} in the log of {way.function} within {wait} s"
    return Tick(way.name, ok=False, says=says, advice=way.advice)


def _arrived(way: _Way, line: dict[str, Any], function: str, seconds: float) -> Tick:
    if function != way.function:
        says = f"a test event {way.words} was handled by {function}: no rule that leads to {way.function} matches it"
        advice = "give ListenerRule the pattern that template.yaml has: its detail-type is UrgentTypes"
        return Tick(way.name, ok=False, says=says, advice=advice)
    policy = line.get("policy")
    facts = {"event_id": line["event_id"], "seconds": round(seconds, 1), "policy": policy}
    came = f"a test event {way.words} came through in {seconds:.1f} s, by {function} with the policy {policy}"
    return Tick(way.name, ok=True, says=f"{came}; nothing was called", facts=facts)


def _failed(name: str, failure: CommandFailed) -> Tick:
    return Tick(name, ok=False, says=str(failure), advice="see the role that the AWS CLI has, and the region")

"""What every handler does with what Lambda hands it: how long there is, and which events can be read."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.signals import check_source
from snapshot_tuner.model import Signal

_Raw = TypeVar("_Raw")


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


def deadline(context: Context) -> float:
    """When the runtime would end this invocation, on the local monotonic clock in seconds."""
    return SystemClock().monotonic() + context.get_remaining_time_in_millis() / 1000


def read_each(
    raw_events: Iterable[_Raw], read: Callable[[_Raw], Signal], *, gives: str | None = None
) -> list[Signal | EventRejected]:
    """Each event as its Signal, or as what is wrong with it: one that cannot be read harms no other.

    `gives` is the source that the way in has given to them; no event may claim one of that kind for itself.
    """
    events: list[Signal | EventRejected] = []
    for raw in raw_events:
        try:
            signal = read(raw)
            check_source(signal, gives)
        except EventRejected as rejected:
            events.append(rejected)
        else:
            events.append(signal)
    return events

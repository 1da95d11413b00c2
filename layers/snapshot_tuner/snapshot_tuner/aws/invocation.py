"""What every handler does with what Lambda hands it: how long there is, and which events can be read."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.readings.reading import Event
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
    bodies: Iterable[_Raw], read: Callable[[_Raw], list[Event]], *, gives: str | None = None
) -> list[list[Event]]:
    """What is in each body, at least one thing: a body or an event that cannot be read harms no other.

    `gives` is the source that the way in has given to them; no event may claim one of that kind for itself.
    """
    return [_read(body, read, gives) for body in bodies]


def _read(body: _Raw, read: Callable[[_Raw], list[Event]], gives: str | None) -> list[Event]:
    try:
        events = read(body)
    except EventRejected as rejected:
        return [rejected]
    return [_checked(event, gives) for event in events]


def _checked(event: Event, gives: str | None) -> Event:
    try:
        if isinstance(event, Signal):
            check_source(event, gives)
    except EventRejected as rejected:
        return rejected
    return event

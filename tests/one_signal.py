"""The one signal of a body that holds one event."""

from collections.abc import Sequence

from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.model import Signal


def one(events: Sequence[Event]) -> Signal:
    (event,) = events
    assert isinstance(event, Signal)
    return event

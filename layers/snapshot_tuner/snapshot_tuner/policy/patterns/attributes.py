"""How to read an attribute of a signal, under its own name or EventBridge's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final, TypeAlias

from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.model import Signal

Reader: TypeAlias = Callable[[Signal], Found]

ALIASES: Final = {"detail-type": "type", "detail": "data"}
"""EventBridge's names for what CloudEvents calls type and data."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _time(signal: Signal) -> Found:
    # As EventBridge writes it, so that `prefix` works on it: 2026-01-31T08:15:00Z, with microseconds if any.
    try:
        moment = _EPOCH + timedelta(microseconds=signal.time_us)
    except OverflowError:
        return ABSENT
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _sequence(signal: Signal) -> Found:
    return ABSENT if signal.sequence is None else signal.sequence


_READERS: Final[dict[str, Reader]] = {
    "id": attrgetter("id"),
    "source": attrgetter("source"),
    "type": attrgetter("type"),
    "time": _time,
    "sequence": _sequence,
    "data": attrgetter("data"),
}


def attribute_reader(name: str) -> Reader:
    """How to read an attribute of a signal, by its own name or EventBridge's.

    Raises ValueError, with the reason, for a name that no event can have: CloudEvents 1.0 allows lower-case
    letters and digits only.
    """
    name = ALIASES.get(name, name)
    known = _READERS.get(name)
    if known is not None:
        return known
    if not (name.isascii() and name.isalnum() and name.islower()):
        raise ValueError(
            "no attribute has this name; the names are id, source, type (or detail-type), time, sequence, "
            "data (or detail), or another of lower-case letters and digits"
        )
    return lambda signal: signal.attributes.get(name, ABSENT)

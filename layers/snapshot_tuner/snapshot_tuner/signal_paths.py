"""Where a policy looks inside a signal: `data.RoomId`, `subject`, `detail-type`.

A path is the name of an attribute, then keys of nested objects, with dots between. It does not lead into
lists, and a key with a dot in it has no path.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from operator import attrgetter
from typing import Final, TypeAlias

from snapshot_tuner.model import Json, Signal


class Absent(Enum):
    """What a path finds where there is nothing; JSON's null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

Found: TypeAlias = "Json | Absent"
Reader: TypeAlias = Callable[[Signal], Found]

ALIASES: Final = {"detail-type": "type", "detail": "data"}
"""EventBridge's names for what CloudEvents calls type and data."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORBIDDEN_IN_KEYS: Final = frozenset("{}")


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
            "no attribute has such a name: they are id, source, type (or detail-type), time, sequence, "
            "data (or detail), or another of lower-case letters and digits"
        )
    return lambda signal: signal.attributes.get(name, ABSENT)


@dataclass(frozen=True, slots=True)
class SignalPath:
    """A path; `text` is how the policy spells it.

    `read` gives the value at the path; ABSENT where a key is missing or something above it is no object.
    """

    text: str
    read: Reader

    @classmethod
    def parse(cls, text: str) -> "SignalPath":
        """Raises ValueError, with the reason, for what is no path."""
        name, *keys = text.split(".")
        for key in (name, *keys):
            if not key.isprintable() or " " in key or not _FORBIDDEN_IN_KEYS.isdisjoint(key):
                raise ValueError("a path is names with dots between, such as data.RoomId; no spaces, no braces")
            if not key:
                raise ValueError("a path is names with dots between, such as data.RoomId; a name is empty here")
        return cls(text, _reader(attribute_reader(name), keys))

    @property
    def label(self) -> str:
        """The last name of the path: what a person calls the value."""
        return self.text.rpartition(".")[2]


def _reader(attribute: Reader, keys: Sequence[str]) -> Reader:
    """Made once for each path, as every event is asked for several."""
    if not keys:
        return attribute
    first, *others = keys

    def member(signal: Signal) -> Found:
        found = attribute(signal)
        return found.get(first, ABSENT) if isinstance(found, dict) else ABSENT

    if not others:
        return member

    def deeper(signal: Signal) -> Found:
        found = member(signal)
        for key in others:
            if not isinstance(found, dict):
                return ABSENT
            found = found.get(key, ABSENT)
        return found

    return deeper

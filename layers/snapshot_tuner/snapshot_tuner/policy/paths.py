"""Where a policy looks inside a signal: `data.RoomId`, `subject`, `detail-type`.

A path is the name of an attribute, then keys of nested objects, with dots between. It does not lead into
lists, and a key with a dot in it has no path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from snapshot_tuner.model import Signal
from snapshot_tuner.policy.patterns.attributes import ABSENT, Found, Reader, attribute_reader

_FORBIDDEN_IN_KEYS: Final = frozenset("{}")


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

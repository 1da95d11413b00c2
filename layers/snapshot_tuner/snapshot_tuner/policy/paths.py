"""Where a policy looks inside a signal: `data.RoomId`, `subject`, `detail-type`.

A path is the name of an attribute, then steps into its value (`formats.json_path`): mostly keys of nested objects, with
dots between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from snapshot_tuner.formats import json_path
from snapshot_tuner.formats.json_path import ABSENT, Found, JsonPath, Step
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.patterns.attributes import Reader, attribute_reader


@dataclass(frozen=True, slots=True)
class SignalPath:
    """A path; `text` is how the policy spells it.

    `read` gives the value at the path; ABSENT where a key is missing or something above it is of another kind.
    """

    text: str
    read: Reader

    @classmethod
    def parse(cls, text: str) -> "SignalPath":
        """Raises ValueError, with the reason, for what is not a path."""
        path = JsonPath.parse(text)
        return cls(text, _reader(attribute_reader(path.root), path.steps))

    @property
    def label(self) -> str:
        """The last name of the path: what a person calls the value."""
        return self.text.rpartition(".")[2]


def _reader(attribute: Reader, steps: Sequence[Step]) -> Reader:
    """Made once for each path, as every event is asked for several."""
    if not steps:
        return attribute
    if len(steps) == 1 and isinstance(key := steps[0], str):

        def member(signal: Signal) -> Found:
            found = attribute(signal)
            return found.get(key, ABSENT) if isinstance(found, dict) else ABSENT

        return member
    deeper = json_path.reader(steps)
    return lambda signal: deeper(attribute(signal))

"""What the platform sends and what it gets back; nothing about sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from snapshot_tuner.clock import SystemClock

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request. Header names are in lower case; `deadline` is on the local monotonic clock, in seconds.

    `query` is what follows the question mark.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    deadline: float
    query: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda's context says it."""
        return max(0, int((self.deadline - SystemClock().monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

"""One call that may be made, how it ended, and what makes calls."""

from typing import NamedTuple, Protocol

from snapshot_tuner.errors import ApiError, CallAbandoned
from snapshot_tuner.ledger.types import Intent, Slot
from snapshot_tuner.model import TaskRef

CALL_SECONDS = 7.0
"""The most that one call may take, from its first byte sent to its last byte received."""

CALL_SECONDS_LEAST = 1.0
"""A call that would have to be cut off sooner is not made."""


class Call(NamedTuple):
    """One call that may be made: what, when, and for how long. Times on the local monotonic clock.

    `traceparent` (W3C Trace Context) goes with it as a header.
    """

    task: TaskRef
    token: str
    intent: Intent
    slot: Slot
    lease_until: float
    timeout: float
    traceparent: str | None = None

    def check(self, now: float) -> None:
        """Directly before the first byte is sent. Raises CallAbandoned if it must not be sent any more."""
        if now > self.slot.valid_until:
            raise CallAbandoned("its slot was missed")
        if self.lease_until - now <= self.timeout:
            raise CallAbandoned("its lease could end before the call does")


class Finished(NamedTuple):
    """A call that ended; `error` is None if the provider confirmed it."""

    call: Call
    error: ApiError | CallAbandoned | None


class Calls(Protocol):
    """The calls in flight of one worker."""

    @property
    def parallelism(self) -> int:
        """The most calls at once."""
        ...

    def start(self, call: Call) -> None:
        """Make the call when its slot starts, after `call.check`."""
        ...

    def finished(self, until: float) -> list[Finished]:
        """The calls that ended since the last time; waits for one until the local monotonic time `until`.

        The others may progress only meanwhile: whoever started calls must keep asking until they have ended.
        """
        ...

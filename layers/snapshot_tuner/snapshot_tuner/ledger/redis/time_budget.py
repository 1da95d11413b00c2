"""How much of a batch's time may be lost to a store that does not answer as it should."""

from types import TracebackType
from typing import Self

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerUnavailable

BATCH_SECONDS = 1.7
"""With the time around it, less than the 2 s that a store may cost a batch."""

FREE_SECONDS = 0.02
"""An answer that comes sooner costs nothing, however many there are. A failure always costs its time."""

FAR_SECONDS_MOST = 0.25
"""A store whose answers are on their way so long is far, and that costs nothing either; beyond it is slow."""

READ_SECONDS = 1.0
"""For an answer, at most."""

LIFE_SIGN_SECONDS = 0.5
"""For the first answer on a connection that has stood idle: all that comes after has to fit into what is left."""


class TimeBudget:
    """One sum per batch, from which every operation pays what it takes beyond FREE_SECONDS.

    So a store that is refused, silent or slow, from the start or from the middle of a batch, costs the
    batch BATCH_SECONDS in all, not a timeout per operation.
    """

    def __init__(self, clock: Clock) -> None:
        self.patience = READ_SECONDS  # for an answer, by what is known of its connection
        self.round_trip = 0.0  # the least that was seen in this batch
        self._round_trip_is_new = True
        self._clock = clock
        self._left = BATCH_SECONDS
        self._start = 0.0
        self._end = 0.0
        self._batch_end = float("inf")

    def open(self, within: float) -> None:
        """A new batch begins, which has itself so many seconds left."""
        self._left = BATCH_SECONDS
        self._batch_end = self._clock.monotonic() + within
        self._round_trip_is_new = True

    def operation(self) -> Self:
        """One operation, for `with`. Raises LedgerUnavailable, at once, where nothing is left."""
        if self._left <= 0:
            raise LedgerUnavailable("the ledger's store took too long before in this batch")
        return self

    def __enter__(self) -> None:
        self._start = self._clock.monotonic()
        self._end = min(self._start + self._left, self._batch_end)

    def __exit__(self, failed: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        far = self.round_trip if self.round_trip <= FAR_SECONDS_MOST else 0.0
        free = FREE_SECONDS + far if failed is None else 0.0
        self._left -= max(0.0, self._clock.monotonic() - self._start - free)

    def see_round_trip(self, seconds: float) -> None:
        """What an exchange took that was hardly any work. One that gets slower within a batch is not far, but slow."""
        self.round_trip = seconds if self._round_trip_is_new else min(self.round_trip, seconds)
        self._round_trip_is_new = False

    def now(self) -> float:
        return self._clock.monotonic()

    def timeout(self, at_most: float) -> float:
        """Seconds that the next step of the operation may take. Raises TimeoutError where none are left."""
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the batch's time for the ledger is used up")
        return min(at_most, left)

"""The ledger's own time on one host: the host's clock plus a correction, so that a step of that clock moves nothing.

The Python of lua/clock.lua, tick.lua and correct.lua.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.clock_sync import StoreClock
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.rate_limit import Cursor
from snapshot_tuner.ledger.timing import CLOCK_BEHIND_SECONDS

_BEHIND_US = round(CLOCK_BEHIND_SECONDS * 1e6)
_IDLE_SECONDS = 1.0
"""A process that has not looked at the clock for this long cannot distinguish a step ahead from a suspended machine."""


class KeptClock(NamedTuple):
    """What a store keeps of its ledger's time: `correction_us` is what it is ahead of the host's clock."""

    greatest_us: int = 0
    correction_us: int = 0


class ClockRecords(Protocol):
    """Where that is, inside one step."""

    def clock(self) -> KeptClock | None: ...

    def save_clock(self, kept: KeptClock) -> None: ...

    def move_cursors(self, move: Callable[[Cursor], Cursor]) -> None:
        """Each budget's."""
        ...


class Now(NamedTuple):
    """`us` is the ledger's time, ahead of the host's clock by `ahead_us`; read between two local monotonic moments."""

    us: int
    ahead_us: int
    before: float
    after: float

    @property
    def wall_us(self) -> int:
        """Events are judged by it."""
        return self.us - self.ahead_us


class OwnTime:
    """One process's view of it."""

    def __init__(self, clock: Clock, log: WarningLog | None) -> None:
        self._clock = clock
        self._log = log
        self._host = StoreClock()

    def read(self, records: ClockRecords) -> Now:
        """Inside a step, so that nobody else reads it meanwhile; it never goes back."""
        before, wall_us, after = self._clock.monotonic(), self._clock.wall_us(), self._clock.monotonic()
        if before - self._host.observed > _IDLE_SECONDS:
            self._host.wake()
        step_us = self._host.observe(before, after, wall_us)
        greatest, correction = records.clock() or KeptClock(0, self._host.correction_us)
        if correction != self._host.correction_us:
            step_us = 0  # somebody was faster
        now = wall_us + correction
        if not step_us and greatest > now + _BEHIND_US:
            step_us = now - greatest
        if step_us:
            correction -= step_us
            now -= step_us
            # Somebody may have believed a clock that was set ahead, and taken slots by it.
            ahead_us = max(0, greatest - now) if greatest > now + _BEHIND_US else 0
            records.move_cursors(lambda cursor: cursor.corrected(now, ahead_us))
            if self._log is not None:
                self._log.warning("ledger_clock_stepped", seconds=step_us / 1e6, correction=correction / 1e6)
        else:
            now = max(now, greatest)
        self._host.correction_us = correction
        records.save_clock(KeptClock(now, correction))
        return Now(now, correction, before, after)

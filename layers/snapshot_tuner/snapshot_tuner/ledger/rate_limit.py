"""The shared cursor behind `reserve`: where the next call slot starts. Times in microseconds, the store's clock.

This is virtual scheduling, the generic cell rate algorithm (GCRA): the cursor is the theoretical arrival time. A
caller that comes too early is not turned away, but gets the time at which it may call.
"""

from enum import StrEnum, auto
from math import ceil
from typing import NamedTuple

from snapshot_tuner.ledger.timing import (
    CORRECTION_PAUSE_SECONDS,
    CURSOR_HORIZON_SECONDS,
    LOST_CURSOR_SECONDS,
    THROTTLE_PAUSE_SECONDS,
)

_HORIZON_US = round(CURSOR_HORIZON_SECONDS * 1e6)
_PAUSE_US = round(THROTTLE_PAUSE_SECONDS * 1e6)
_LOST_US = round(LOST_CURSOR_SECONDS * 1e6)
_CORRECTION_PAUSE_US = round(CORRECTION_PAUSE_SECONDS * 1e6)


class Budget(StrEnum):
    """What has a cursor of its own in each namespace."""

    CALLS = auto()  # UpdateSnapshot
    READS = auto()  # GetSnapshotTask


class Cursor(NamedTuple):
    """`next_us` is the earliest start of the next slot; `paused_until_us` the end of the newest pause."""

    next_us: int = 0
    paused_until_us: int = 0

    @classmethod
    def after_loss(cls, now: int) -> "Cursor":
        """In the place of one that could not be read."""
        return cls(next_us=now + _LOST_US)

    def take(
        self, count: int, within: float, slots_per_second: float, now: int, after: float = 0.0
    ) -> tuple[list[int], "Cursor"]:
        """Start times of up to `count` slots, at most one second's worth, from `after` to `within` seconds from now."""
        step = ceil(1e6 / slots_per_second)
        first = max(self._first_free(now), now + int(after * 1e6))
        room = now + int(within * 1e6) - first
        if room < 0:
            return [], self
        taken = min(count, max(1, int(slots_per_second)), room // step + 1)
        starts = [first + step * index for index in range(taken)]
        return starts, Cursor(first + step * taken, self.paused_until_us)

    def pause(self, now: int) -> "Cursor":
        """After a throttled call nobody starts a call for a while; calls of the same burst pause once."""
        if now < self.paused_until_us <= now + _PAUSE_US:
            return self
        return Cursor(self._first_free(now) + _PAUSE_US, now + _PAUSE_US)

    def corrected(self, now: int, ahead_us: int) -> "Cursor":
        """After the clock was set nobody starts a call for a while; slots may have been taken by one set `ahead_us`."""
        return Cursor(self._first_free(now, ahead_us) + _CORRECTION_PAUSE_US, self.paused_until_us)

    def _first_free(self, now: int, ahead_us: int = 0) -> int:
        """Where the next slot may start; a cursor, or a pause, too far ahead is from before a clock step."""
        next_us = self.next_us - ahead_us
        return now if next_us > now + _HORIZON_US else max(next_us, now)

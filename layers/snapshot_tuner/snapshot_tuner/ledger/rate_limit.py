"""The shared cursor behind `reserve`, and the rate at which it moves. Times in microseconds, the store's clock.

This is virtual scheduling, the generic cell rate algorithm (GCRA): the cursor is the theoretical arrival time. A
caller that comes too early is not turned away, but gets the time at which it may call.
"""

from enum import StrEnum, auto
from math import ceil
from typing import NamedTuple, TypeAlias

from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.timing import (
    CORRECTION_PAUSE_SECONDS,
    CURSOR_HORIZON_SECONDS,
    FAR_ROUND_TRIPS_AHEAD,
    LOST_CURSOR_SECONDS,
    QUOTA_KEPT_SECONDS,
    SLOT_SHARE,
    SLOT_USABLE_SECONDS,
    SLOT_VALID_SECONDS,
    SLOTS_AHEAD_SECONDS,
    SLOTS_AHEAD_SECONDS_MOST,
    THROTTLE_PAUSE_SECONDS,
    VALIDITY_KEPT_SECONDS,
)
from snapshot_tuner.ledger.types import CallRate, RateLimitedBy

_HORIZON_US = round(CURSOR_HORIZON_SECONDS * 1e6)
_AHEAD_US = round(SLOTS_AHEAD_SECONDS * 1e6)
_PAUSE_US = round(THROTTLE_PAUSE_SECONDS * 1e6)
_LOST_US = round(LOST_CURSOR_SECONDS * 1e6)
_CORRECTION_PAUSE_US = round(CORRECTION_PAUSE_SECONDS * 1e6)
_QUOTA_KEPT_US = round(QUOTA_KEPT_SECONDS * 1e6)
_VALIDITY_KEPT_US = round(VALIDITY_KEPT_SECONDS * 1e6)


class Budget(StrEnum):
    """What has a cursor of its own in each namespace."""

    CALLS = auto()  # UpdateSnapshot
    READS = auto()  # GetSnapshotTask


class Pace(NamedTuple):
    """How far slots are apart: `spacing_us` by the quota, times `stretch` for slots that are usable for longer.

    Slots per second x (1 s + validity) is the quota: 1 is the stretch of SLOT_VALID_SECONDS.
    """

    spacing_us: float
    stretch: float = 1.0

    @classmethod
    def of(cls, slots_per_second: float, validity: float = SLOT_VALID_SECONDS) -> "Pace":
        return cls(1e6 / slots_per_second, (1 + validity) * SLOT_SHARE if validity > SLOT_VALID_SECONDS else 1.0)

    @property
    def step_us(self) -> int:
        return ceil(self.spacing_us * self.stretch)

    @property
    def ahead_us(self) -> int:
        """How far ahead slots are handed out, where more than one is asked for."""
        seconds = SLOTS_AHEAD_SECONDS + FAR_ROUND_TRIPS_AHEAD * (self.validity - SLOT_VALID_SECONDS)
        return int(min(seconds, SLOTS_AHEAD_SECONDS_MOST) * 1e6)

    @property
    def quota(self) -> float:
        """Calls per second."""
        return round(1e6 / (self.spacing_us * SLOT_SHARE), 6)

    @property
    def validity(self) -> float:
        return self.stretch / SLOT_SHARE - 1 if self.stretch > 1 else SLOT_VALID_SECONDS


def validity(uncertainty: float) -> float:
    """How long a slot has to be valid, in seconds, given the uncertainty of the store's clock.

    In whole milliseconds, so that there are not too many to keep.
    """
    needed = uncertainty + SLOT_USABLE_SECONDS
    return SLOT_VALID_SECONDS if needed <= SLOT_VALID_SECONDS else ceil(needed * 1000) / 1000


Uses: TypeAlias = tuple[tuple[float, int], ...]
"""Values that were used, each with the time until which it counts: the greatest first, the last used last."""


class Cursor(NamedTuple):
    """`next_us` is the earliest start of the next slot; `paused_until_us` the end of the newest pause.

    `spacings` and `stretches` are those of the paces that were used: the greatest of each is in force for all.
    """

    next_us: int = 0
    paused_until_us: int = 0
    spacings: Uses = ()
    stretches: Uses = ()

    @classmethod
    def after_loss(cls, now: int) -> "Cursor":
        """In the place of one that could not be read."""
        return cls(next_us=now + _LOST_US)

    def take(
        self, count: int, within: float, own: Pace, now: int, after: float = 0.0
    ) -> tuple[list[int], Pace, "Cursor"]:
        """Start times of up to `count` slots from `after` to `within` seconds from now, and the pace in force.

        No further ahead than that pace says, but at least one.
        """
        first = max(self._first_free(now), now + int(after * 1e6))
        spacings = _used(self.spacings, own.spacing_us, first, _QUOTA_KEPT_US)
        stretches = _used(self.stretches, own.stretch, first, _VALIDITY_KEPT_US)
        pace = Pace(spacings[0][0], stretches[0][0])
        if count == 0 or first > now + int(within * 1e6):
            return [], pace, self
        latest = now + min(int(within * 1e6), max(pace.ahead_us, int(after * 1e6) + _AHEAD_US))
        taken = min(count, max(0, latest - first) // pace.step_us + 1)
        starts = [first + pace.step_us * index for index in range(taken)]
        last = starts[-1]
        kept = (*spacings[:-1], (own.spacing_us, last + _QUOTA_KEPT_US))
        kept_stretches = (*stretches[:-1], (own.stretch, last + _VALIDITY_KEPT_US))
        return starts, pace, Cursor(last + pace.step_us, self.paused_until_us, kept, kept_stretches)

    def pause(self, now: int) -> "Cursor":
        """After a throttled call nobody starts a call for a while; calls of the same burst pause once."""
        if now < self.paused_until_us <= now + _PAUSE_US:
            return self
        return self._replace(next_us=self._first_free(now) + _PAUSE_US, paused_until_us=now + _PAUSE_US)

    def corrected(self, now: int, ahead_us: int) -> "Cursor":
        """After the clock was set nobody starts a call for a while; slots may have been taken by one set `ahead_us`."""
        stretch = self.stretches[0][0] if self.stretches else 1.0
        pause_us = _CORRECTION_PAUSE_US + ceil((stretch - 1) / SLOT_SHARE * 1e6)
        spacings, stretches = (
            tuple((value, until - ahead_us) for value, until in uses) for uses in (self.spacings, self.stretches)
        )
        return Cursor(self._first_free(now, ahead_us) + pause_us, self.paused_until_us, spacings, stretches)

    def _first_free(self, now: int, ahead_us: int = 0) -> int:
        """Where the next slot may start; a cursor, or a pause, too far ahead is from before a clock step."""
        next_us = self.next_us - ahead_us
        return now if next_us > now + _HORIZON_US else max(next_us, now)


def _used(uses: Uses, value: float, at: int, kept_us: int) -> Uses:
    """With one more, whose time is not known yet; without what is over, and what the new one outlasts."""
    return (*(use for use in uses if use[0] > value and at < use[1] <= at + kept_us), (value, 0))


class RateWatch:
    """What a deployment learns about its call rate: a warning, once, if another one's lower quota is in force."""

    def __init__(self, slots_per_second: float, log: WarningLog | None) -> None:
        self._own = Pace.of(slots_per_second)
        self._log = log
        self._quota_seen = self._own.quota

    def see(self, pace: Pace) -> None:
        """The pace in force."""
        if pace.quota != self._quota_seen:
            self._quota_seen = pace.quota
            if pace.quota < self._own.quota and self._log is not None:
                self._log.warning("ledger_quota_is_lower", rtc_max_qps=self._own.quota, in_use=pace.quota)

    def rate(self, pace: Pace) -> CallRate:
        why = {RateLimitedBy.FAR: pace.stretch > 1, RateLimitedBy.LOWER_QUOTA: pace.quota < self._own.quota}
        limited_by = tuple(reason for reason, holds in why.items() if holds)
        return CallRate(round(1e6 / pace.step_us, 1), pace.quota, self._own.quota, limited_by)

"""The probe behind /health: how often it asks, and what it tells in between."""

import re
from typing import cast

import pytest

from snapshot_tuner.errors import LedgerClockOff, LedgerUnavailable
from snapshot_tuner.model import TaskRef
from snapshot_tuner.tuning.inspection import PROBE_SECONDS, LedgerProbe, ProbedStore


class Clock:
    """Stands still until told otherwise; `frozen` seconds passed while the monotonic clock stood still."""

    now = 1_000.0
    frozen = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall_us(self) -> int:
        return int((self.now + self.frozen) * 1e6)


class Store:
    """Answers, and takes writes while it is told to."""

    writable = True
    asked = 0
    ahead = 0.0

    def clock_ahead(self) -> float:
        return self.ahead

    def get(self, _: TaskRef) -> None:
        return None

    def reserve_reads(self, count: int, _: float) -> list[object]:
        self.asked += 1
        assert count == 0
        if not self.writable:
            raise LedgerUnavailable("OOM")
        return []


def test_what_was_seen_is_told_until_it_is_old() -> None:
    """Well or not; after a freeze, in which the monotonic clock may have stood still, it is old."""
    clock, store = Clock(), Store()
    probe = LedgerProbe(cast("ProbedStore", store), clock, 300)
    probe.check()
    store.writable = False
    clock.now += PROBE_SECONDS - 0.1
    probe.check()
    clock.now += 0.1
    for _ in range(3):
        with pytest.raises(LedgerUnavailable, match=r"^OOM$"):
            probe.check()
    assert store.asked == 2
    store.writable = True
    clock.frozen = 86_400
    probe.check()
    assert store.asked == 3


@pytest.mark.parametrize("ahead", [-301.0, 301.0])
def test_a_clock_that_is_off_is_told_as_such(ahead: float) -> None:
    """By more than an event's time may be; an operator, who is told by how much, is not stopped by it."""
    clock, store = Clock(), Store()
    probe = LedgerProbe(cast("ProbedStore", store), clock, 300)
    store.ahead = ahead / 1.01
    probe.check()
    clock.now += PROBE_SECONDS
    store.ahead = ahead
    for _ in range(2):
        with pytest.raises(LedgerClockOff, match=re.escape(f"clock is {ahead:+.0f} s off")):
            probe.check()
    probe.try_now()
    store.writable = False
    with pytest.raises(LedgerUnavailable, match=r"^OOM$"):
        probe.try_now()

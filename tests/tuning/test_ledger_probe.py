"""The probe behind /health: how often it asks, and what it tells in between."""

from typing import TYPE_CHECKING, cast

import pytest

from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.model import TaskRef
from snapshot_tuner.tuning.inspection import PROBE_SECONDS, LedgerProbe

if TYPE_CHECKING:
    from snapshot_tuner.ledger.ports import ReconcilerStore


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
    probe = LedgerProbe(cast("ReconcilerStore", store), clock)
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

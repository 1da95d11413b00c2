"""A store that says nothing costs a batch no more than leaves time to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from devkit.silent_log import SilentLog
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.model import Adjustment, Outcome, OutcomeKind, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.tuning.tuner import Tuner
from tests.ledger.frozen import FrozenClock

POLICY = Policy.parse("version: 1\nrules: [{name: any, interval: 5}]", "policy.yaml")
EVENT = Signal("e", "/source", "load", 0, {"AppId": "app", "RoomId": "room", "TaskId": "task"})


@dataclass
class SilentLedger:
    """Waits for its store as long as it may."""

    clock: FrozenClock

    def admit(self, adjustments: Sequence[Adjustment], *, within: float) -> list[object]:
        self.clock.seconds += max(0.0, within)
        raise LedgerUnavailable(f"no answer for {len(adjustments)} adjustments")


@pytest.mark.parametrize("seconds", [0.1, 0.6, 3.0, 25.0])
def test_a_batch_is_answered_before_its_time_is_over(seconds: float) -> None:
    """With a quarter of a second to spare, where it had one: then every message comes back, and none is lost."""
    clock = FrozenClock()
    ledger = cast("Any", SilentLedger(clock))
    tuner = Tuner(policy=POLICY, ledger=ledger, calls=cast("Any", None), clock=clock, log=SilentLog())
    ((outcome,),) = tuner.process([EVENT], clock.monotonic() + seconds)
    assert isinstance(outcome, Outcome)
    assert outcome.kind is OutcomeKind.RETRY
    assert clock.seconds <= max(0.0, seconds - 0.25)
    assert seconds < 1 or clock.seconds > seconds - 1

"""Promise: an instance may die at any moment. What it did not acknowledge comes back, and every task ends right."""

from collections import Counter

import pytest

from devkit.rtc_standin import StandIn
from tests.effort import EFFORT, cases
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetQueue, messages

KILLS = cases(12)


@pytest.mark.timeout(180 * EFFORT)
@pytest.mark.parametrize("ledger_name", ["valkey"], indirect=True)
def test_kills_at_random_moments(standin: StandIn, start: StartInstances) -> None:
    """Two instances share 4 events of each of 150 tasks and die again and again in the middle of a batch."""
    waiting, newest = messages(tasks=cases(150), events_per_task=4)
    queue = FleetQueue(waiting)
    queue.deliver_to_all(start(2), kills=KILLS)
    assert queue.killed >= KILLS
    assert queue.waiting == []
    assert standin.intervals() == newest
    # Otherwise no kill fell between a call and its acknowledgement, which is the hard part.
    repeated = Counter((call.task, call.interval) for call in standin.calls())
    assert sum(times > 1 for times in repeated.values()) > KILLS // 10

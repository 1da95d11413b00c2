"""Promise: connections that end, keys that change and tokens that are refused lose nothing, and nobody starts again."""

import threading

import pytest

from devkit.elasticache import CacheStandIn, LoginRefusal
from devkit.rtc_standin import StandIn
from tests.effort import EFFORT, cases
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetQueue, messages

TASKS = cases(160)

pytestmark = [pytest.mark.timeout(180 * EFFORT), pytest.mark.parametrize("ledger_name", ["elasticache"], indirect=True)]


def test_connections_end_and_tokens_are_refused_in_the_middle_of_a_flood(
    standin: StandIn, settings: dict[str, str], door: CacheStandIn, start: StartInstances
) -> None:
    """Of each task 4 events. After some calls all connections end; a little later again, and for a second nobody
    is let in.
    """
    settings |= {"RTC_MAX_QPS": "300"}
    waiting, newest = messages(TASKS, events_per_task=4)
    queue = FleetQueue(waiting)
    instances = start(3)
    flood = threading.Thread(target=queue.deliver_to_all, args=(instances,))
    flood.start()
    until = threading.Event()

    def wait_for_calls(number: int) -> None:
        while len(standin.calls()) < number and flood.is_alive():
            until.wait(0.01)

    wait_for_calls(TASKS // 2)
    ended = door.end_connections()
    wait_for_calls(TASKS)
    came_back_before = queue.came_back
    door.refusal = LoginRefusal.TOKEN
    door.end_connections()
    until.wait(1.0)
    left_when_let_in = len(queue.waiting)
    door.refusal = None
    flood.join()
    assert ended == 3
    assert left_when_let_in > 0
    assert queue.came_back > came_back_before
    assert queue.waiting == []
    assert "TOKEN" in door.refused
    assert all(instance.is_alive() for instance in instances)
    assert standin.intervals() == newest

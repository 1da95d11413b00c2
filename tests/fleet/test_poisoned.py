"""Promise: records that somebody else has spoilt stop nobody in a flood. Their neighbours live, and the rate holds."""

import random
import threading
from pathlib import Path

import pytest
from redis import Redis

from devkit.rtc_standin import StandIn
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetQueue, messages

QUOTA = 150
TASKS, EVENTS_PER_TASK = 80, 5


@pytest.mark.parametrize("ledger_name", ["valkey"], indirect=True)
def test_records_of_tasks_are_spoilt_in_the_middle_of_a_flood(
    standin: StandIn, settings: dict[str, str], start: StartInstances
) -> None:
    """Every fourth task's, again and again. Each of those ends at what one of its events asked for."""
    settings["RTC_MAX_QPS"] = str(QUOTA)
    waiting, newest = messages(TASKS, EVENTS_PER_TASK)
    queue = FleetQueue(waiting)
    instances = start(2)
    tasks = list(newest)
    spoilt = tasks[::4]
    chance = random.Random(1)  # noqa: S311 - which moments does not matter
    flood = threading.Thread(target=queue.deliver_to_all, args=(instances,))
    namespace = f"{{{settings['LEDGER_NAMESPACE']}}}"
    with Redis.from_url(settings["LEDGER_URL"]) as server:
        flood.start()
        while flood.is_alive():
            name = f"{namespace}:task:{':'.join(chance.choice(spoilt))}"
            server.set(name, chance.randbytes(chance.randrange(40)), xx=True)
            flood.join(0.02)
        kept = int(server.hlen(f"{namespace}:set-aside"))
    assert queue.waiting == []
    assert all(instance.is_alive() for instance in instances)
    assert standin.peaks().per_second <= QUOTA
    stands_at = standin.intervals()
    assert {task: stands_at[task] for task in tasks if task not in spoilt} == {
        task: interval for task, interval in newest.items() if task not in spoilt
    }
    asked = {(call.task, call.interval) for call in standin.calls()}
    assert all((task, stands_at[task]) in asked for task in spoilt)
    assert kept > 0
    assert Path(settings["WORKER_LOG"]).read_text("utf-8").count("record_set_aside") >= kept

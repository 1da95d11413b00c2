"""Promise: what is urgent passes a flood, and with it the quota holds, also where instances stand still."""

import statistics
import threading
import time
from datetime import UTC, datetime

import pytest

from devkit.rtc_standin import StandIn
from snapshot_tuner.model import TaskRef
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetInstance, message, messages

QUOTA = 150
TASKS = 800
FLOODED = 4
ALERTS_LEAST = 5
ALERT_SECONDS = 600
"""Of the flood one event asks for it, for another task than any alert."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("ledger_name", ["valkey"], indirect=True)]


def test_alerts_pass_a_flood_and_the_quota_holds_with_pauses(
    standin: StandIn, settings: dict[str, str], start: StartInstances
) -> None:
    """800 tasks wait at four instances; a fifth takes alerts for some of them, one at a time. Each of the five is
    stopped once for half a second. How long an alert waits is told in calls of others: seconds depend on the machine.
    """
    settings["RTC_MAX_QPS"] = str(QUOTA)
    batch, newest = messages(TASKS, 1)
    *flooded, urgent = instances = start(FLOODED + 1)
    for number, instance in enumerate(flooded):
        instance.send(batch[number::FLOODED])
    pauses = threading.Thread(target=_stop_each_once, args=(instances,))
    pauses.start()
    alerts: dict[TaskRef, float] = {}
    while pauses.is_alive() or len(alerts) < ALERTS_LEAST:
        task = TaskRef("app", f"room-{TASKS - 1 - 37 * len(alerts)}", "task")
        alerts[task], newest[task] = time.monotonic(), ALERT_SECONDS
        urgent.send([message(f"alert-{task.room_id}", task, ALERT_SECONDS, datetime.now(UTC))])
        assert urgent.answer() == []
    pauses.join()
    assert [instance.answer() for instance in flooded] == [[]] * FLOODED
    assert standin.intervals() == newest
    assert standin.peaks().per_second <= QUOTA
    calls = standin.calls()
    of_alerts = {call.task: call.arrived for call in calls if call.task in alerts and call.interval == ALERT_SECONDS}
    passed = [sum(sent < call.arrived < of_alerts[task] for call in calls) for task, sent in alerts.items()]
    assert statistics.median(passed) < TASKS / 4


def _stop_each_once(instances: list[FleetInstance]) -> None:
    pause = threading.Event()
    for instance in instances:
        pause.wait(0.3)
        instance.stop()
        pause.wait(0.5)
        instance.go_on()

"""Promise: however many instances handle the same events, each task is called for its newest one, once."""

from collections import Counter

from devkit.rtc_standin import StandIn
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import messages


def test_four_instances_handle_the_same_200_events_at_once(standin: StandIn, start: StartInstances) -> None:
    """200 events of 50 tasks, given to all four: no task is called twice for one event, all end at their newest."""
    batch, newest = messages(tasks=50, events_per_task=4)
    instances = start(4)
    for instance in instances:
        instance.send(batch)
    assert [instance.answer() for instance in instances] == [[], [], [], []]
    assert standin.intervals() == newest
    called = Counter((call.task, call.interval) for call in standin.calls())
    assert set(called.values()) == {1}


def test_four_instances_handle_200_tasks_at_once(standin: StandIn, start: StartInstances) -> None:
    """One event each, given to all four: 200 calls, not 800."""
    batch, newest = messages(tasks=200, events_per_task=1)
    instances = start(4)
    for number, instance in enumerate(instances):
        instance.send(batch[number * 50 :] + batch[: number * 50])
    assert [instance.answer() for instance in instances] == [[], [], [], []]
    assert standin.intervals() == newest
    assert len(standin.calls()) == 200

"""Promise: however many instances handle the same events, each task is called for its newest one, once."""

from collections import Counter
from collections.abc import Sequence

import pytest

from devkit.rtc_standin import StandIn
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetInstance, Message, messages

DELIVERIES = 5
"""As many as the queue makes; a machine that is busy with other things misses a slot now and then."""


def handle(instances: Sequence[FleetInstance], batches: Sequence[Sequence[Message]]) -> None:
    """Each gets its batch, and again what comes back of it."""
    for _ in range(DELIVERIES):
        for instance, batch in zip(instances, batches, strict=True):
            instance.send(batch)
        left = [instance.answer() for instance in instances]
        assert None not in left
        batches = [
            [message for message in batch if message[0] in (back or ())]
            for batch, back in zip(batches, left, strict=True)
        ]
        if not any(batches):
            return
    pytest.fail(f"still not handled: {batches}")


def test_four_instances_handle_the_same_200_events_at_once(standin: StandIn, start: StartInstances) -> None:
    """200 events of 50 tasks, given to all four: no task is called twice for one event, all end at their newest."""
    batch, newest = messages(tasks=50, events_per_task=4)
    instances = start(4)
    handle(instances, [batch] * 4)
    assert standin.intervals() == newest
    called = Counter((call.task, call.interval) for call in standin.calls())
    assert set(called.values()) == {1}


def test_four_instances_handle_200_tasks_at_once(standin: StandIn, start: StartInstances) -> None:
    """One event each, given to all four: 200 calls, not 800."""
    batch, newest = messages(tasks=200, events_per_task=1)
    instances = start(4)
    handle(instances, [batch[number * 50 :] + batch[: number * 50] for number in range(4)])
    assert standin.intervals() == newest
    assert len(standin.calls()) == 200

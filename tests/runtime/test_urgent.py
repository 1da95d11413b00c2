"""Bus -> urgent queue -> queue_worker: an urgent event keeps to that way, whatever happens to it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from devkit.local_runtime.application import URGENT_TYPES
from devkit.local_runtime.aws_api import Service
from devkit.rtc_standin import Fault, FaultKind, ProviderError
from tests.polling import eventually
from tests.runtime.conftest import RECEIVES
from tests.runtime.machine import Machine, dead_letter, depth, room


@pytest.fixture
def queued(machine: Machine) -> Iterator[Machine]:
    """With the rule that the template has where DirectBusRule is off, in place of the other one."""
    bus = machine.application.bus

    def match(rule: str, types: list[str]) -> None:
        wanted = {"EventPattern": json.dumps({"detail-type": types}), "State": "ENABLED"}
        bus.api.call(Service.EVENTS, "PutRule", Name=f"{bus.name}-{rule}", EventBusName=bus.name, **wanted)

    bus.route("urgent", {"detail-type": [*URGENT_TYPES]}, machine.application.urgent_queue)
    match("listener", ["none"])  # moto delivers by a disabled rule too
    yield machine
    match("urgent", ["none"])
    match("listener", [*URGENT_TYPES])


def put(machine: Machine, name: str) -> str:
    task = room(name)
    detail = {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}
    return machine.application.bus.put(source="com.example", detail_type=URGENT_TYPES[0], detail=detail)


def throttle(machine: Machine, name: str, times: int) -> None:
    fault = Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT, task=room(name), times=times)
    machine.stand_in.add_fault(fault)


def test_an_urgent_event_on_the_bus_takes_the_urgent_queue(queued: Machine) -> None:
    """It is applied and gone from there; the function that the bus invokes does not see it."""
    event_id = put(queued, "urgent-1")
    (entry,) = eventually(lambda: queued.journal.entries("queue_worker", event_id=event_id))
    assert (entry["message"], entry["interval"]) == ("adjustment_applied", 2)
    assert queued.interval(room("urgent-1")) == 2
    eventually(lambda: depth(queued.application.urgent_queue) == 0)
    assert queued.journal.entries("bus_listener", event_id=event_id) == []


def test_a_throttled_urgent_event_stays_in_the_urgent_queue_until_its_retry(queued: Machine) -> None:
    """Nothing of it is in the other queue, and the retry applies it."""
    throttle(queued, "urgent-2", 1)
    event_id = put(queued, "urgent-2")
    eventually(lambda: queued.journal.entries("queue_worker", event_id=event_id, cause="throttled"))
    assert (depth(queued.application.urgent_queue), depth(queued.application.queue)) == (1, 0)
    eventually(lambda: queued.journal.entries("queue_worker", event_id=event_id, message="adjustment_applied"))
    eventually(lambda: depth(queued.application.urgent_queue) == 0)
    assert queued.interval(room("urgent-2")) == 2


def test_a_redrive_brings_an_urgent_event_back_to_the_urgent_queue(queued: Machine) -> None:
    """StartMessageMoveTask brings messages back to the queues that name the dead-letter queue: there is only one."""
    throttle(queued, "urgent-3", RECEIVES)
    event_id = put(queued, "urgent-3")
    application = queued.application
    message = dead_letter(application.urgent_dead_letters, event_id)
    assert depth(application.dead_letters) == 0
    assert queued.interval(room("urgent-3")) is None

    asked = {"QueueUrl": application.urgent_dead_letters.url}
    (source,) = application.bus.api.call(Service.SQS, "ListDeadLetterSourceQueues", **asked)["queueUrls"]
    assert source == application.urgent_queue.url
    replace(application.urgent_queue, url=source).send(message["Body"])
    eventually(lambda: queued.journal.entries("queue_worker", event_id=event_id, message="adjustment_applied"))
    assert queued.interval(room("urgent-3")) == 2

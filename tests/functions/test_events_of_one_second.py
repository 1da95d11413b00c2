"""Promise: the newest event wins also where times tell nothing, as EventBridge cuts them to whole seconds."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment

TASKS = [TaskRef("app", f"room-{number}", "task") for number in range(100)]


@pytest.fixture
def random() -> Random:
    return Random(7)  # noqa: S311 - a test has to be repeatable


def on_the_bus(deployment: Deployment, random: Random, interval: int, task: TaskRef = TASK) -> dict[str, Any]:
    """An event of the second in which the test began, as EventBridge makes it: a random id, no fraction."""
    wanted = deployment.wanted(str(UUID(int=random.getrandbits(128))), interval, task=task)
    time = deployment.started.replace(microsecond=0).isoformat()
    names = {"version": "0", "id": wanted["id"], "detail-type": "wanted", "source": "com.example.monitor"}
    return {**names, "time": time, "detail": wanted["data"]}


def taken(deployment: Deployment, message_id: str, event: dict[str, Any], after: timedelta) -> dict[str, Any]:
    """The event as a record of the queue that took it so long after the test began."""
    record = deployment.record(message_id, event)
    sent = deployment.started + after
    record["attributes"]["SentTimestamp"] = str(int(sent.timestamp() * 1000))
    return record


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("is_reversed", [True, False])
def test_over_a_queue_its_order_decides(
    deployment: Deployment,
    random: Random,
    in_one_batch: bool,  # noqa: FBT001 - a parameter of the test
    is_reversed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A hundred pairs put 50 ms apart: every task ends at the later one, however the two are delivered."""
    first = [
        taken(deployment, f"1-{task.room_id}", on_the_bus(deployment, random, 60, task), timedelta()) for task in TASKS
    ]
    later = timedelta(milliseconds=50)
    second = [taken(deployment, f"2-{task.room_id}", on_the_bus(deployment, random, 5, task), later) for task in TASKS]
    batches = [second, first] if is_reversed else [first, second]
    if in_one_batch:
        batches = [[*batches[0], *batches[1]]]
    for batch in batches:
        left = batch
        while left:  # what a busy machine did not get through comes back, as from any queue
            back = deployment.queue(records=left)
            left = [record for record in left if record["messageId"] in back]
    assert [task for task in TASKS if deployment.stands_at(task) != 5] == []


def test_straight_from_the_bus_the_order_of_arrival_decides(deployment: Deployment, random: Random) -> None:
    """There is no queue to say more."""
    for task in TASKS[:20]:
        deployment.bus(on_the_bus(deployment, random, 60, task))
        deployment.bus(on_the_bus(deployment, random, 5, task))
    assert [task for task in TASKS[:20] if deployment.stands_at(task) != 5] == []


def test_over_http_the_order_in_the_body_decides(deployment: Deployment) -> None:
    """Two CloudEvents of one time in one batch: the second is the newer one, whatever their ids are."""
    events = [deployment.wanted("z", 60), deployment.wanted("a", 5)]
    status, _, _ = deployment.post(events, headers={"content-type": "application/cloudevents-batch+json"})
    assert (status, deployment.stands_at()) == (200, 5)


def test_what_one_queue_took_at_once_is_ordered_by_its_place_in_the_batch(
    deployment: Deployment, random: Random
) -> None:
    """A SentTimestamp has milliseconds: of two equal ones the second in the batch is the newer."""
    records = [taken(deployment, str(at), on_the_bus(deployment, random, at), timedelta()) for at in (60, 30, 5)]
    assert deployment.queue(records=records) == []
    assert deployment.sent() == [5]


def test_a_retry_keeps_the_order_of_its_first_delivery(deployment: Deployment, random: Random) -> None:
    """A producer that sends an event again gives it a later SentTimestamp; it stays older than what came between."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    event = on_the_bus(deployment, random, 60)
    assert deployment.queue(records=[taken(deployment, "1", event, timedelta())]) == ["1"]
    between = on_the_bus(deployment, random, 5)
    assert deployment.queue(records=[taken(deployment, "2", between, timedelta(milliseconds=10))]) == []
    assert deployment.queue(records=[taken(deployment, "3", event, timedelta(seconds=5))]) == []
    assert deployment.sent() == [60, 5]


def test_a_repeat_after_the_ledger_forgot_the_first_delivery_wins_no_tie(
    deployment: Deployment, random: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells it from a new event but that it was sent long after it happened."""
    monkeypatch.setenv("IDEMPOTENCY_TTL_SECONDS", "60")
    newer = on_the_bus(deployment, random, 5)
    assert deployment.queue(records=[taken(deployment, "1", newer, timedelta(milliseconds=10))]) == []
    repeated = on_the_bus(deployment, random, 60)
    assert deployment.queue(records=[taken(deployment, "2", repeated, timedelta(seconds=62))]) == []
    assert deployment.sent() == [5]


@pytest.mark.parametrize("stamp", [None, "soon", "-1", 5])
def test_a_malformed_stamp_counts_as_none(deployment: Deployment, random: Random, stamp: object) -> None:
    """The event has a time of its own; that the queue's stamp cannot be read takes nothing from it."""
    records = [
        taken(deployment, str(interval), on_the_bus(deployment, random, interval), timedelta()) for interval in (60, 5)
    ]
    for record in records:
        record["attributes"]["SentTimestamp"] = stamp
    assert deployment.queue(records=records) == []
    assert deployment.sent() == [5]

"""Kafka, Kinesis, Amazon MQ and SNS: what is applied, in which order, and what each of them is told."""

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from bus_listener.handler import lambda_handler as bus_listener
from devkit.rtc_standin import Fault, FaultKind, ProviderError
from queue_worker.handler import lambda_handler as queue_worker
from snapshot_tuner.errors import EventNotSettled
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment

NEIGHBOUR = TaskRef("app", "neighbour", "task")
BAD: dict[str, str | None] = {
    "no text": base64.b64encode(b"\xff\xfe").decode(),
    "no base64": "load is high",
    "no JSON": base64.b64encode(b"load is high").decode(),
}


def encoded(event: object) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


def kafka(deployment: Deployment, **partitions: Sequence[object]) -> list[tuple[str, int]]:
    """The partitions and offsets that come back; offsets from 7 on. A text is a value as Lambda passes it."""
    sent = int(deployment.started.timestamp() * 1000)
    records = {
        f"load-{name[1:]}": [
            {
                "topic": "load",
                "partition": int(name[1:]),
                "offset": 7 + number,
                "timestamp": sent,
                "value": value if isinstance(value, str) or value is None else encoded(value),
            }
            for number, value in enumerate(values)
        ]
        for name, values in partitions.items()
    }
    answer = queue_worker({"eventSource": "aws:kafka", "records": records}, deployment.context)
    names = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    return [(name["partition"], name["offset"]) for name in names]


def kinesis(deployment: Deployment, *values: object) -> list[str]:
    """The sequence numbers that come back, from "7" on."""
    sent = deployment.started.timestamp()
    records = [
        {
            "eventSource": "aws:kinesis",
            "kinesis": {
                "data": value if isinstance(value, str) else encoded(value),
                "sequenceNumber": str(7 + number),
                "approximateArrivalTimestamp": sent,
            },
        }
        for number, value in enumerate(values)
    ]
    answer = queue_worker({"Records": records}, deployment.context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def rabbit(deployment: Deployment, *values: object) -> None:
    sent = f"{deployment.started:%b %d, %Y, %I:%M:%S\u202f%p}"
    messages = [{"basicProperties": {"timestamp": sent}, "data": encoded(value)} for value in values]
    queue_worker({"eventSource": "aws:rmq", "rmqMessagesByQueue": {"load::/": messages}}, deployment.context)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_comes_back_and_harms_no_neighbour(deployment: Deployment, bad: str) -> None:
    """It is named by partition and offset, or by its sequence number; both neighbours are applied."""
    events = [deployment.wanted("a", 11), BAD[bad], deployment.wanted("b", 12, task=NEIGHBOUR)]
    assert kafka(deployment, p0=events[:2], p3=events[2:]) == [("load-0", 8)]
    assert (deployment.stands_at(), deployment.stands_at(NEIGHBOUR)) == (11, 12)
    events = [deployment.wanted("c", 13, seconds=1), BAD[bad], deployment.wanted("d", 14, seconds=1, task=NEIGHBOUR)]
    assert kinesis(deployment, *events) == ["8"]
    assert (deployment.stands_at(), deployment.stands_at(NEIGHBOUR)) == (13, 14)


def test_a_record_without_a_value_is_no_event(deployment: Deployment) -> None:
    """Kafka deletes a key so, in a compacted topic: nothing to apply, and nothing that has to come back."""
    assert kafka(deployment, p0=[None, deployment.wanted("a", 11)]) == []
    assert deployment.sent() == [11]


def test_what_comes_back_behind_a_failure_is_a_duplicate(deployment: Deployment) -> None:
    """The provider is away for the first of two tasks; from its offset on all comes back: one call each in the end."""
    events: list[object] = [deployment.wanted("a", 11), deployment.wanted("b", 12, task=NEIGHBOUR)]
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.SERVICE_UNAVAILABLE_TEMP, task=TASK))
    assert kafka(deployment, p0=events) == [("load-0", 7)]
    assert deployment.sent(NEIGHBOUR) == [12]
    assert kafka(deployment, p0=events) == []
    assert (deployment.stands_at(), deployment.sent(NEIGHBOUR)) == (11, [12])


def test_records_of_one_millisecond_keep_the_order_of_their_partition(deployment: Deployment) -> None:
    """Without a time of their own and with the same timestamp the last one wins, whatever their ids."""
    ids = [f"e-{number * 37 % 100}" for number in range(20)]
    events = [
        {name: value for name, value in deployment.wanted(id_, 20 + number).items() if name != "time"}
        for number, id_ in enumerate(ids)
    ]
    assert kafka(deployment, p0=list(events)) == []
    assert deployment.sent() == [39]


def test_a_failure_of_a_broker_raises_and_is_applied_once(deployment: Deployment) -> None:
    """The whole batch comes back; what was applied is a duplicate then."""
    good, bad = deployment.wanted("a", 11), deployment.wanted("b", 12, task=TaskRef("app", "", "task"))
    with pytest.raises(EventNotSettled, match=r"1 of 2 records must be retried: rejected: .*RoomId"):
        rabbit(deployment, good, bad)
    rabbit(deployment, good)
    assert deployment.sent() == [11]


def test_the_time_of_a_broker_stands_in(deployment: Deployment) -> None:
    """RabbitMQ says it in words, in whole seconds; a message without it needs a time of its own."""
    event = {name: value for name, value in deployment.wanted("a", 11).items() if name != "time"}
    rabbit(deployment, event)
    assert deployment.sent() == [11]
    message = {"basicProperties": {"timestamp": None}, "data": encoded({**event, "id": "b"})}
    with pytest.raises(EventNotSettled, match="rejected: time: is missing, and nothing around the event says"):
        queue_worker({"eventSource": "aws:rmq", "rmqMessagesByQueue": {"q::/": [message]}}, deployment.context)


def test_a_hundred_records_are_each_named_or_applied(deployment: Deployment) -> None:
    """Every second record is garbage."""
    tasks = [TaskRef("app", f"room-{number}", "task") for number in range(50)]
    values = [value for task in tasks for value in (deployment.wanted(f"e-{task.room_id}", 30, task=task), "?")]
    assert kafka(deployment, p0=values) == [("load-0", offset) for offset in range(8, 107, 2)]
    assert {deployment.stands_at(task) for task in tasks} == {30}


@pytest.mark.parametrize("change", [{"offset": None}, {"offset": "7"}, {"offset": -1}, {"offset": True}])
def test_a_record_without_a_name_brings_all_back(deployment: Deployment, change: dict[str, Any]) -> None:
    """An answer could not name it, so that no answer is given."""
    event = {"eventSource": "aws:kafka", "records": {"load-0": [{"value": "?", **change}]}}
    with pytest.raises(EventNotSettled):
        queue_worker(event, deployment.context)


@pytest.mark.parametrize(
    "record", [None, 7, "x", [], {"value": 7}, {"offset": 1, "value": 7, "headers": [7, {"a": ["b", 300]}]}]
)
def test_anything_in_a_list_of_records_is_one_rejection(deployment: Deployment, record: object) -> None:
    """Nothing but the failure answer, or the failure, comes out."""
    for event in (
        {"eventSource": "aws:kafka", "records": {"load-0": [record]}},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}, record]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": record}]},
        {"eventSource": "aws:mq", "messages": [record]},
        {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"q": [record]}},
    ):
        failures: object = "all of it"
        with suppress(EventNotSettled):
            failures = queue_worker(event, deployment.context)["batchItemFailures"]
        assert failures
    assert deployment.standin.calls() == ()


def test_a_notification_of_sns_is_applied_and_its_failure_raises(deployment: Deployment) -> None:
    """Lambda tries the notification again, and at last hands it to the on-failure destination."""

    def notification(event: object) -> dict[str, Any]:
        sns = {"Type": "Notification", "TopicArn": "a", "MessageId": "m", "Message": json.dumps(event)}
        return {"Records": [{"EventSource": "aws:sns", "Sns": {**sns, "Timestamp": "2026-03-01T09:05:51.004Z"}}]}

    bus_listener(notification(deployment.wanted("a", 11)), deployment.context)
    assert deployment.stands_at() == 11
    with pytest.raises(EventNotSettled, match="rejected: type: is missing"):
        bus_listener(notification({**deployment.wanted("b", 12), "type": None}), deployment.context)


def test_a_large_batch_with_duplicates_makes_one_call_for_each_task(deployment: Deployment) -> None:
    """1,200 records, 6 MB as Lambda hands them over: each task at its newest, and the one bad record is named."""
    deployment.context.remaining_ms = 200_000  # whatever else the machine does
    tasks = [TASK._replace(task_id=f"task-{number}") for number in range(20)]
    filling = "x" * 3_300
    events: list[object] = []
    for number in range(1_000):
        step, task = divmod(number, len(tasks))
        wanted = deployment.wanted(f"e-{number}", 10 + step, seconds=step, task=tasks[task])
        events.append({**wanted, "note": filling})
    batch = [*events, *events[:199], BAD["no JSON"]]
    assert sum(len(encoded(event)) for event in batch) > 5_500_000
    assert kafka(deployment, p0=batch[:600], p1=batch[600:]) == [("load-1", 7 + 599)]
    assert [deployment.sent(task) for task in tasks] == [[59]] * len(tasks)

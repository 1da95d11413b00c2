"""Queue -> queue_worker: what happens to a message is what its record's outcome says."""

from collections.abc import Callable
from functools import partial

import pytest

from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.queues import Queue
from devkit.rtc_standin import Fault, FaultKind, ProviderError
from tests.polling import eventually
from tests.runtime.conftest import RECEIVES
from tests.runtime.machine import Machine, dead_letter, depth, room

pytestmark = pytest.mark.usefixtures("killed")
"""What test_timeout.py looks at: its lease ends while the tests of the queue run."""


def send(queue: Queue, *messages: SampleMessage) -> None:
    for message in messages:
        queue.send(message.payload["body"])


def at_least(count: Callable[[], int], wanted: int) -> bool:
    return count() >= wanted


def test_an_event_that_arrives_several_times_is_called_once(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """SQS may deliver a message twice, and senders send twice: each copy is acknowledged, one call is made."""
    queue = machine.application.queue
    send(queue, *samples["sqs/cloudevent.json"], *samples["sqs/duplicate.json"])
    eventually(lambda: machine.interval(room("room-101")))
    send(queue, *samples["sqs/duplicate.json"], *samples["sqs/late.json"])

    superseded, duplicate = (
        {"message": f"event_{kind}", "room_id": "room-101"} for kind in ("superseded", "duplicate")
    )
    eventually(lambda: machine.journal.entries("queue_worker", **superseded))
    eventually(lambda: len(machine.journal.entries("queue_worker", **duplicate)) == 2)
    eventually(lambda: depth(queue) == 0)
    ids = [entry["event_id"] for entry in machine.journal.entries("queue_worker", **duplicate)]
    assert ids == ["load-101-2", "load-101-2"]
    assert [(call.interval, call.outcome) for call in machine.calls(room("room-101"))] == [(43, "ok")]
    assert depth(machine.application.dead_letters) == 0


def test_a_bad_record_comes_back_alone_and_ends_as_a_dead_letter_after_its_receives(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """Its neighbours are applied once and deleted; it is given up after its last receive, not before."""
    send(machine.application.queue, *samples["sqs/mixed_batch.json"])

    def rejections() -> int:
        return len(machine.journal.entries("queue_worker", message="event_rejected"))

    for receive in range(1, RECEIVES + 1):
        eventually(partial(at_least, rejections, receive))
        assert depth(machine.application.dead_letters) == 0

    message = dead_letter(machine.application.dead_letters, "not an event")
    assert message["Body"] == "not an event"
    assert rejections() == RECEIVES
    assert [call.interval for call in machine.calls(room("room-114"))][-1:] == [5]
    assert [call.interval for call in machine.calls(room("room-115"))] == [5]
    assert depth(machine.application.queue) == 0


def test_a_throttled_event_comes_back_and_is_applied(machine: Machine, samples: dict[str, list[SampleMessage]]) -> None:
    """The queue is the one owner of its retry: the record fails, is visible again, and then succeeds."""
    task = room("room-108")
    machine.stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT, task=task, times=1))
    send(machine.application.queue, *samples["sqs/moderation_alert.json"])

    eventually(lambda: machine.journal.entries("queue_worker", event_id="alert-108-1", message="adjustment_applied"))
    eventually(lambda: depth(machine.application.queue) == 0)
    assert machine.interval(task) == 2
    lines = machine.journal.entries("queue_worker", event_id="alert-108-1")
    assert [(entry["message"], entry.get("cause")) for entry in lines] == [
        ("event_to_retry", "throttled"),
        ("adjustment_applied", None),
    ]

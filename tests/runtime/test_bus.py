"""Bus -> queue -> queue_worker, and bus -> bus_listener with Lambda's retries."""

import json
from datetime import datetime

from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.application import URGENT_TYPES
from tests.polling import eventually
from tests.runtime.machine import Machine, dead_letter, depth, room


def put(machine: Machine, message: SampleMessage) -> str:
    event = message.payload
    return machine.application.bus.put(
        source=event["source"],
        detail_type=event["detail-type"],
        detail=event["detail"],
        time=datetime.fromisoformat(event["time"]),
    )


def test_an_event_from_the_bus_reaches_its_task_through_the_queue(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """The recommended way in: the rule puts it into the queue, and queue_worker opens both envelopes."""
    event_id = put(machine, samples["eventbridge/room_load.json"][0])

    (entry,) = eventually(lambda: machine.journal.entries("queue_worker", event_id=event_id))
    assert (entry["message"], entry["interval"], entry["rule"]) == ("adjustment_applied", 25, "room-load-high")
    assert machine.interval(room("room-301")) == 25


def test_an_alert_goes_straight_to_the_listener(machine: Machine, samples: dict[str, list[SampleMessage]]) -> None:
    """The direct rule takes moderation alerts, and the queue's rule leaves them alone."""
    event_id = put(machine, samples["eventbridge/moderation_alert.json"][0])

    (entry,) = eventually(lambda: machine.journal.entries("bus_listener", event_id=event_id))
    assert (entry["message"], entry["interval"]) == ("adjustment_applied", 2)
    assert machine.interval(room("room-302")) == 2
    assert machine.journal.entries("queue_worker", event_id=event_id) == []


def test_a_rejected_event_raises_is_retried_twice_and_goes_to_the_on_failure_destination(machine: Machine) -> None:
    """Nothing is swallowed: after Lambda's two retries the event itself and the reason are in the queue for them."""
    detail = {"RoomId": "room-302", "TaskId": "task-1"}
    event_id = machine.application.bus.put(source="com.example.monitor", detail_type=URGENT_TYPES[0], detail=detail)

    message = dead_letter(machine.application.listener_dead_letters, event_id)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["id"] == event_id
    assert record["requestPayload"]["detail"] == detail
    assert record["requestPayload"]["account"] == "123456789012"
    assert record["responsePayload"]["errorType"] == "EventNotSettled"
    assert "data.AppId" in record["responsePayload"]["errorMessage"]
    rejected = {"message": "event_rejected", "event_id": event_id}
    eventually(lambda: len(machine.journal.entries("bus_listener", **rejected)) == 3)
    assert depth(machine.application.listener_dead_letters) == 0

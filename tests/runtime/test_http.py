"""HTTP -> Function URL -> http_endpoint, over a real connection."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from devkit.demo.sample_events import SampleMessage
from snapshot_tuner.model import TaskRef
from tests.runtime.machine import Machine, room


@dataclass(frozen=True)
class Response:
    status: int
    content_type: str
    body: dict[str, Any]


def request(machine: Machine, method: str, path: str, body: str | None = None, content_type: str = "") -> Response:
    connection = http.client.HTTPConnection(urlsplit(machine.application.url).netloc, timeout=30)
    connection.request(method, path, body and body.encode(), {"Content-Type": content_type} if content_type else {})
    response = connection.getresponse()
    answer = Response(response.status, response.headers["Content-Type"], json.loads(response.read()))
    connection.close()
    return answer


def post(machine: Machine, message: SampleMessage, content_type: str = "application/json") -> Response:
    return request(machine, "POST", "/events", message.payload["body"], content_type)


def test_an_event_over_http_is_answered_with_what_came_of_it(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """Posted again, as a sender does that lost the answer, the same event makes no second call."""
    (message,) = samples["http/cloudevent.json"]

    first = post(machine, message)
    again = post(machine, message)

    assert first.status == 200
    assert first.body["outcomes"] == [
        {
            "id": "load-201-2",
            "outcome": "applied",
            "rule": "room-load-high",
            "task": {"AppId": "5f3a1c0e9b7d4e2a8c6f0b13", "RoomId": "room-201", "TaskId": "task-1"},
            "interval": 53,
            "reason": "load 0.97 -> curve 53 s",
        }
    ]
    assert [outcome["outcome"] for outcome in again.body["outcomes"]] == ["duplicate"]
    assert [call.interval for call in machine.calls(room("room-201"))] == [53]


def test_the_content_type_of_cloudevents_arrives_in_base64_and_is_read(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """Lambda takes application/cloudevents+json for binary; the event is the same."""
    answer = post(machine, samples["http/several_tasks.json"][0], "application/cloudevents+json; charset=utf-8")

    assert answer.status == 200
    tasks = [outcome["task"]["TaskId"] for outcome in answer.body["outcomes"]]
    assert tasks == sorted(set(tasks))
    assert {outcome["outcome"] for outcome in answer.body["outcomes"]} == {"applied"}


def test_a_malformed_event_is_a_problem_of_the_sender(
    machine: Machine, samples: dict[str, list[SampleMessage]]
) -> None:
    """400 with problem details, which are told apart by their content type."""
    answer = post(machine, samples["http/malformed_not_json.json"][0])

    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert answer.body["type"] == "urn:snapshot-tuner:problem:malformed"


def test_an_unknown_route_is_not_found(machine: Machine) -> None:
    """The function answers, not the front: it knows its routes."""
    answer = request(machine, "GET", "/elsewhere?a=1&a=2")

    assert (answer.status, answer.body["type"]) == (404, "urn:snapshot-tuner:problem:no-such-route")


def test_the_same_event_posted_by_several_senders_at_once_is_called_once(machine: Machine) -> None:
    """Two sandboxes have the same event at the same time; the ledger lets one of them call."""
    event = {
        "specversion": "1.0",
        "id": "at-once",
        "source": "/several",
        "type": "rtc.room.load",
        "data": {"AppId": "app", "RoomId": "at-once", "TaskId": "task-1", "load": 0.5},
    }
    with ThreadPoolExecutor(6) as senders:
        answers = list(
            senders.map(lambda _: request(machine, "POST", "/events", json.dumps(event), "application/json"), range(6))
        )

    assert {answer.status for answer in answers} == {200}
    calls = [call for call in machine.stand_in.calls() if call.task is not None and call.task.room_id == "at-once"]
    assert [(call.interval, call.outcome) for call in calls] == [(5, "ok")]


def test_a_person_keeps_a_task_within_bounds(machine: Machine) -> None:
    """One call at once; what the event asked for holds again when they are cleared."""
    name = {"AppId": "app", "RoomId": "room-bounds", "TaskId": "task"}
    data = {**name, "load": 0.97}
    event = {"specversion": "1.0", "id": "bounds-1", "source": "/test", "type": "rtc.room.load", "data": data}
    assert request(machine, "POST", "/events", json.dumps(event), "application/json").status == 200
    path = "/tasks/app/room-bounds/task"
    wanted = json.dumps({"max": 3, "for": "10m", "reason": "incident"})

    held = request(machine, "PUT", f"{path}/bounds", wanted, "application/json")
    listed = request(machine, "GET", "/tasks?bounded=true")
    cleared = request(machine, "DELETE", f"{path}/bounds")

    assert (held.status, held.body["reason"], held.body["bounds"]["max"]) == (200, "set to 3 s", 3)
    assert {"task": name, "interval": 3} in listed.body["tasks"]
    assert (cleared.status, cleared.body["reason"], cleared.body["bounds"]) == (200, "set to 53 s", None)
    assert [call.interval for call in machine.calls(TaskRef("app", "room-bounds", "task"))] == [53, 3, 53]

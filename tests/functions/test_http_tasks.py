"""GET /tasks: which tasks have which interval, page by page."""

from typing import Any

import pytest

from http_endpoint import task_query
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import Deployment
from tests.functions.http_sender import handle, send


@pytest.fixture
def listed(deployment: Deployment) -> Deployment:
    """Twelve tasks of two applications, at 11 to 22 s."""
    for number in range(12):
        task = TaskRef(f"app-{number % 2}", f"room-{number % 3}", f"task-{number}")
        deployment.queue(deployment.wanted(f"e{number}", number + 11, task=task))
    return deployment


def intervals(deployment: Deployment, query: str) -> list[int]:
    """Of all pages."""
    found: list[int] = []
    after = ""
    while True:
        reply = send(deployment, "GET", f"/tasks?{query}{after}")
        assert reply.status == 200
        found += [each["interval"] for each in reply.json["tasks"]]
        if "next" not in reply.json:
            return found
        after = f"&after={reply.json['next']}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(11, 23)),
        ("limit=5", range(11, 23)),
        ("max_interval=13", [11, 12, 13]),
        ("min_interval=21&limit=1", [21, 22]),
        ("app=app-0&limit=4", [11, 13, 15, 17, 19, 21]),
        ("room=room-2", [13, 16, 19, 22]),
        ("app=app%2D1&room=room-1", [12, 18]),
        ("in_doubt=true", []),
        ("in_doubt=false&due=false&max_interval=11", [11]),
        ("due=true", []),
    ],
)
def test_a_list_has_what_was_asked_for(listed: Deployment, query: str, expected: list[int]) -> None:
    """However many pages it takes."""
    assert sorted(intervals(listed, query)) == list(expected)


def test_a_page_says_whose_intervals_they_are(listed: Deployment) -> None:
    reply = send(listed, "GET", "/tasks?max_interval=12&limit=1")
    assert reply.json["tasks"] == [{"task": {"AppId": "app-0", "RoomId": "room-0", "TaskId": "task-0"}, "interval": 11}]
    assert reply.json["next"] == "11:app-0:room-0:task-0"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "limit: must be a whole number from 1 to 200"),
        ("limit=1e2", "limit: must be a whole number from 1 to 200"),
        ("max_interval=601", "max_interval: must be a whole number from 1 to 600"),
        ("min_interval=5&max_interval=4", "min_interval: is greater than max_interval"),
        ("app=a/b", "app: must have 1 to 128 letters, digits and _ @ - ."),
        ("room=", "room: must have 1 to 128 letters, digits and _ @ - ."),
        ("in_doubt=yes", "in_doubt: must be true or false"),
        ("after=x", "after: must be the value of `next` on the previous page"),
        ("after=1:a:b:c/d", "after: must be the value of `next` on the previous page"),
        ("after=99999999999999999999:a:b:c", "after: must be the value of `next` on the previous page"),
        ("app=a&app=b", "app: may be given once"),
        (
            "aplication=a",
            f"aplication: is no parameter here: there are {', '.join(task_query._READ)}",
        ),
        ("%3Cb%3E=1", "a parameter has no name that is one"),
    ],
)
def test_a_query_that_is_none_is_refused_by_name(deployment: Deployment, query: str, detail: str) -> None:
    reply = send(deployment, "GET", f"/tasks?{query}")
    assert (reply.status, reply.problem, reply.json["detail"]) == (400, "query", detail)


def test_whoever_has_proved_nothing_sees_no_task(deployment: Deployment) -> None:
    reply = send(deployment, "GET", "/tasks", principal=None)
    assert (reply.status, reply.problem) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "query",
    [
        {"queryStringParameters": {"max_interval": "12", "app": "app%2D1"}},
        {"multiValueQueryStringParameters": {"max_interval": ["12"], "app": ["app-1"]}},
        {"queryStringParameters": None},
    ],
)
def test_every_front_hands_its_query_over(listed: Deployment, query: dict[str, Any]) -> None:
    """API Gateway's format 1.0, and load balancers with and without lists."""
    event = {
        "httpMethod": "GET",
        "path": "/tasks",
        "headers": {},
        "requestContext": {"identity": {"userArn": "arn:aws:iam::123456789012:user/u"}, "requestId": "r"},
        "body": None,
        **query,
    }
    found = [each["interval"] for each in handle(listed, event).json["tasks"]]
    assert found == ([12] if query.get("queryStringParameters", True) else [*range(11, 23)])

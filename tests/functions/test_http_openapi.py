"""GET /openapi.json: it describes the routes and problems that there are, and the answers keep to it."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from http_endpoint import openapi
from http_endpoint.answers import Problem
from http_endpoint.routes import ROUTES
from snapshot_tuner.model import Cause
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import HttpReply, send

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"


def described(method: str, path: str, reply: HttpReply) -> list[str]:
    """Where the answer is not what the document says; a missing status or content type is an error of its own."""
    document = openapi.document()
    operation = document["paths"][path][method.lower()]
    content = operation["responses"][str(reply.status)]["content"]
    schema: dict[str, Any] = content[reply.headers["content-type"]]["schema"]
    whole = {**schema, "components": document["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(reply.json)]


def test_every_route_is_described_and_no_other() -> None:
    """By path and method."""
    routes = {path.replace("<", "{").replace(">", "}"): {*map(str.lower, methods)} for path, methods in ROUTES.items()}
    assert {path: set(methods) for path, methods in openapi.document()["paths"].items()} == routes


def test_every_problem_may_come_from_some_route() -> None:
    """A title stands at the status of each route that can answer with it."""
    paths = json.dumps(openapi.document()["paths"])
    for problem in Problem:
        assert problem.title in paths, problem


def test_every_cause_has_its_problem() -> None:
    """An outcome's cause names the type of the problem."""
    assert {cause.name for cause in Cause} <= {problem.name for problem in Problem}


def test_every_type_is_a_urn_of_its_own() -> None:
    types = [problem.type for problem in Problem]
    assert len(set(types)) == len(types)
    assert Problem.NO_SUCH_ROUTE.type == "urn:snapshot-tuner:problem:no-such-route"


def test_every_schema_is_one() -> None:
    """And every reference leads to one."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    references = [text.partition('"')[0] for text in json.dumps(document).split('"$ref": "')[1:]]
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(schemas)


FAULTS = [
    None,
    Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT),
    Fault(kind=FaultKind.ERROR, error=ProviderError.ACTIVE_TASK_NOT_FOUND),
    Fault(kind=FaultKind.ERROR, error=ProviderError.INVALID_PARAMETER),
    Fault(kind=FaultKind.CUT),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_came_of_events_is_described(deployment: Deployment, fault: Fault | None) -> None:
    """Settled, rejected or to be tried again; and what is seen of the task afterwards."""
    if fault is not None:
        deployment.standin.add_fault(fault)
    reply = send(deployment, "POST", "/events", [deployment.event(), deployment.event("other", id="")], BATCH)
    assert described("POST", "/events", reply) == []
    assert described("GET", "/tasks/{AppId}/{RoomId}/{TaskId}", send(deployment, "GET", TASK_PATH)) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/events", b"{"),
        ("POST", "/events", {"type": "t"}),
        ("POST", "/events", b" " * 262_145),
        ("GET", "/events", b""),
        ("POST", "/explain", b"{"),
        ("POST", "/callbacks/rtc", b"{}"),
        ("GET", "/health", b""),
        ("DELETE", "/health", b""),
    ],
)
def test_other_answers_are_described(deployment: Deployment, method: str, path: str, body: object) -> None:
    """Under the first method that the route has, where it was asked for another."""
    own = next(iter(ROUTES[path]))
    assert described(own, path, send(deployment, method, path, body)) == []


@pytest.mark.parametrize("load", [0.5, 0.7, 0.97, None])
def test_an_explanation_is_described(deployment: Deployment, load: float | None) -> None:
    """Adjusted, held, and with a value that no rule is for."""
    reply = send(deployment, "POST", "/explain", deployment.event(data={"load": load}))
    assert described("POST", "/explain", reply) == []

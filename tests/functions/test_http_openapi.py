"""GET /openapi.json: it describes the routes and problems that there are, and the answers keep to it."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from http_endpoint import docs
from http_endpoint.answers import JSON, PROBLEM_JSON, PROBLEM_OF, Problem
from http_endpoint.routes import ROUTES
from snapshot_tuner.events.cloudevents_http import BATCH_TYPE, STRUCTURED_TYPE
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Cause, OutcomeKind, Verdict
from snapshot_tuner.policy.explanation import Asking, Reached
from snapshot_tuner.tuning.inspection import PendingKind
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import HttpReply, send

DOCUMENT: dict[str, Any] = json.loads(docs.document().body)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"


def described(method: str, path: str, reply: HttpReply) -> list[str]:
    """Where the answer is not what the document says; a missing status or content type is an error of its own."""
    operation = DOCUMENT["paths"][path][method.lower()]
    content = operation["responses"][str(reply.status)]["content"]
    schema: dict[str, Any] = content[reply.headers["content-type"]]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(reply.json)]


def test_every_route_is_described_and_no_other() -> None:
    """By path and method."""
    routes = {path.replace("<", "{").replace(">", "}"): {*map(str.lower, methods)} for path, methods in ROUTES.items()}
    assert {path: set(methods) for path, methods in DOCUMENT["paths"].items()} == routes


def test_every_problem_may_come_from_some_route() -> None:
    """What is said of a status on a route are the titles of problems that have this status; each has a route."""
    told = {
        (title, int(status), *answer["content"])
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status not in ("200", "202")
        for title in answer["description"].split("; ")
    }
    assert told == {(problem.title, problem.status, PROBLEM_JSON) for problem in Problem}


def test_every_cause_has_its_problem() -> None:
    """An outcome that is not settled is told as a problem of its own; both routes that take events name it."""
    assert set(PROBLEM_OF) == set(Cause)
    assert len(set(PROBLEM_OF.values())) == len(Cause)
    for path in ("/events", "/callbacks/rtc"):
        responses = DOCUMENT["paths"][path]["post"]["responses"]
        for problem in PROBLEM_OF.values():
            assert problem.title in responses[str(problem.status)]["description"], problem


def test_every_enumeration_is_the_code_s() -> None:
    """Outcomes, verdicts and the like, word by word, and the problems' types."""
    enumerated = {
        "Outcome.outcome": OutcomeKind,
        "Pending.kind": PendingKind,
        "Finding.asking": Asking,
        "Explanation.verdict": Verdict,
        "Explanation.rules.reached": Reached,
    }
    for place, words in enumerated.items():
        name, *keys = place.split(".")
        schema = SCHEMAS[name]
        for key in keys:
            schema = schema.get("items", schema)["properties"][key]
        assert schema["enum"] == [str(word) for word in words], place
    assert SCHEMAS["Problem"]["properties"]["type"]["enum"] == [problem.type for problem in Problem]


def test_every_interval_is_within_the_provider_s_bounds() -> None:
    """Wherever there is a minimum, it is the interval's."""

    def bounds(schema: object) -> set[tuple[int, int]]:
        members = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
        own = {(schema["minimum"], schema["maximum"])} if isinstance(schema, dict) and "minimum" in schema else set()
        return own.union(*map(bounds, members))

    assert bounds(SCHEMAS) == {(INTERVAL_MIN_SECONDS, INTERVAL_MAX_SECONDS)}


def test_events_are_taken_in_every_content_type_there_is() -> None:
    """One event, a batch, and plain JSON."""
    content = {path: set(DOCUMENT["paths"][path]["post"]["requestBody"]["content"]) for path in ("/events", "/explain")}
    assert content == {"/events": {STRUCTURED_TYPE, BATCH_TYPE, JSON}, "/explain": {STRUCTURED_TYPE, JSON}}


def test_every_type_is_a_urn_of_its_own() -> None:
    types = [problem.type for problem in Problem]
    assert len(set(types)) == len(types)
    assert Problem.NO_SUCH_ROUTE.type == "urn:snapshot-tuner:problem:no-such-route"


def test_every_schema_is_one() -> None:
    """And every reference leads to one."""
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    references = [text.partition('"')[0] for text in json.dumps(DOCUMENT).split('"$ref": "')[1:]]
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(SCHEMAS)


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

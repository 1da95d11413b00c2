"""What every function does with an event of every other source: it takes it, or fails where the failure is heard."""

import itertools
from collections.abc import Callable
from typing import Any, Final

import pytest

from bus_listener.handler import lambda_handler as bus_listener
from http_endpoint.handler import lambda_handler as http_endpoint
from queue_worker.handler import lambda_handler as queue_worker
from reconciler.handler import lambda_handler as reconciler
from snapshot_tuner.errors import EventNotSettled, WrongSource
from tests.functions.conftest import Deployment
from tests.functions.lambda_events import BROKER, BUS, HTTP, OTHER, QUEUE, SCHEDULE, STREAM, TOPIC

Handler = Callable[[Any, Any], Any]

EVERY: Final[dict[str, Any]] = {**QUEUE, **STREAM, **BROKER, **TOPIC, **HTTP, **BUS, **SCHEDULE, **OTHER}
HANDLERS: Final[dict[str, tuple[Handler, dict[str, Any]]]] = {
    "queue_worker": (queue_worker, {**QUEUE, **STREAM, **BROKER}),
    "http_endpoint": (http_endpoint, HTTP),
    "bus_listener": (bus_listener, {**TOPIC, **BUS, **{name: SCHEDULE[name] for name in list(SCHEDULE)[:2]}}),
    "reconciler": (reconciler, SCHEDULE),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, kind in itertools.product(HANDLERS, EVERY) if kind not in HANDLERS[name][1]],
)
def test_an_event_of_another_source_is_never_answered_as_if_it_were_taken(
    deployment: Deployment, name: str, kind: str
) -> None:
    """Most invokers take any answer for a receipt. The error says what the function takes, and what it was given."""
    handler, _ = HANDLERS[name]
    with pytest.raises((WrongSource, EventNotSettled)) as raised:
        handler(EVERY[kind], deployment.context)
    told = str(raised.value)
    if name == "bus_listener":  # asynchronous: whatever it rejects has a place to go to
        assert told.startswith(("bus_listener takes notifications", "rejected: "))
    else:
        assert told.startswith(f"{name} takes ")
        assert "; it was given " in told
    assert deployment.standin.calls() == ()


@pytest.mark.parametrize(
    ("event", "given"),
    [
        (TOPIC["SNS"], "records of aws:sns"),
        (OTHER["S3"], "records of aws:s3"),
        (OTHER["SES"], "records of aws:ses"),
        (OTHER["Kafka, no lists"], "records of aws:kafka"),
        (OTHER["Firehose"], "records of a Firehose stream"),
        (OTHER["CloudFront"], "records of an unnamed source"),
        (HTTP["ALB"], "an HTTP request"),
        (BUS["EventBridge, of S3"], "an EventBridge event, 'Object Created'"),
        (OTHER["CloudWatch Logs"], "an object with 'awslogs'"),
        ({}, "an empty object"),
        (None, "null"),
        ("text", "'text'"),
    ],
)
def test_the_error_says_what_the_function_was_given(deployment: Deployment, event: object, given: str) -> None:
    with pytest.raises(WrongSource) as raised:
        queue_worker(event, deployment.context)
    assert str(raised.value) == f"queue_worker takes batches of SQS, Kafka, Kinesis or Amazon MQ; it was given {given}"


@pytest.mark.parametrize("kind", QUEUE)
def test_a_queue_gets_its_bad_records_back(deployment: Deployment, kind: str) -> None:
    answer = queue_worker(QUEUE[kind], deployment.context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


@pytest.mark.parametrize(
    ("kind", "names"), [("Kinesis", ["1"]), ("MSK", [{"partition": "topic-0", "offset": 1}]), ("Kafka", [])]
)
def test_a_stream_is_told_its_bad_records(deployment: Deployment, kind: str, names: list[object]) -> None:
    answer = queue_worker(STREAM[kind], deployment.context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


@pytest.mark.parametrize("kind", BROKER)
def test_a_bad_message_of_a_broker_raises(deployment: Deployment, kind: str) -> None:
    """Nobody reads an answer there."""
    with pytest.raises(EventNotSettled, match="1 of 1 records must be retried: rejected: body: "):
        queue_worker(BROKER[kind], deployment.context)


def test_a_bad_notification_raises(deployment: Deployment) -> None:
    with pytest.raises(EventNotSettled, match="rejected: Message: is not JSON"):
        bus_listener(TOPIC["SNS"], deployment.context)


@pytest.mark.parametrize("kind", HTTP)
def test_every_front_of_http_gets_an_answer(deployment: Deployment, kind: str) -> None:
    """There is no such route; of a front that is not taken, 400."""
    answer = http_endpoint(HTTP[kind], deployment.context)
    assert answer["statusCode"] == (400 if kind.startswith("VPC Lattice") else 404)


@pytest.mark.parametrize("kind", [kind for kind in HANDLERS["bus_listener"][1] if kind not in TOPIC])
def test_an_event_of_the_bus_is_settled(deployment: Deployment, kind: str) -> None:
    """No rule is for it, and nothing raises."""
    bus_listener(EVERY[kind], deployment.context)
    assert deployment.standin.calls() == ()


@pytest.mark.parametrize("kind", SCHEDULE)
def test_a_schedule_makes_a_run(deployment: Deployment, kind: str) -> None:
    assert reconciler(SCHEDULE[kind], deployment.context)["due"] == 0

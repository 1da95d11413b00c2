"""`./tuner doctor` with a stack: what it asks of AWS, how it proves who it is, and what it makes of the answers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devkit.serving import LOOPBACK, serving
from devkit.tuner.__main__ import main
from devkit.tuner.doctor.endpoint import Endpoint
from devkit.tuner.exits import Exit
from tests.tuner.aws_standin import AwsStandIn, aws

__all__ = ["aws"]

NAMES = ("url", "ledger", "queue", "urgent", "bus", "listener")
RIGHT = {"status": "ok", "checks": [{"check": "ledger", "ok": True, "says": "takes writes", "round_trip_ms": 1.5}]}
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/tuner-events"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/tuner"
URGENT_QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/tuner-urgent-events"
PARAMETERS = {"UrgentTypes": "fire,moderation.alert", "DirectBusRule": "false"}
LINE = {"event_id": "ECHO", "policy": "0123456789ab", "message": "event_held"}


@contextmanager
def answering(status: int, body: Any) -> Iterator[tuple[str, list[Mapping[str, str]]]]:  # noqa: ANN401 - any JSON document
    """A URL that always answers so, and the headers of what it was asked."""
    asked: list[Mapping[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append({**dict(self.headers.items()), "path": self.path})
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    with serving(ThreadingHTTPServer((LOOPBACK, 0), Handler)) as url:
        yield f"{url}/", asked


def stack(url: str, parameters: Mapping[str, str] | None = None, **outputs: str) -> dict[str, Any]:
    outputs |= {"HttpEndpointUrl": url, "EventQueueUrl": QUEUE, "BusArn": BUS}
    described = {
        "Outputs": [{"OutputKey": key, "OutputValue": text} for key, text in outputs.items()],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": text} for key, text in (parameters or PARAMETERS).items()
        ],
    }
    return {"Stacks": [described]}


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}


def test_a_stack_is_asked_by_its_name_alone(aws: AwsStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The URL, the queues and the bus come from its outputs; all events are found in the functions' logs."""
    with answering(200, RIGHT) as (url, asked):
        aws.answer(
            cloudformation__describe_stacks=stack(
                url, PARAMETERS | {"DirectBusRule": "true"}, UrgentQueueUrl=URGENT_QUEUE
            ),
            sqs__send_message={"MessageId": "m"},
            events__put_events={"FailedEntryCount": 0, "Entries": [{"EventId": "doctor-" + "b" * 32}]},
            logs__filter_log_events={
                "echoes": "doctor-",
                "with": {"events": [{"message": "START"}, {"message": json.dumps(LINE)}]},
            },
        )
        code = main(["doctor", "--stack", "tuner", "--region", "eu-central-1", "--json", "--wait", "10"])
    found = told(capsys)
    assert code == Exit.FINE, found
    assert {name: each["ok"] for name, each in found.items()} == dict.fromkeys(NAMES, True)
    assert found["queue"]["policy"] == "0123456789ab"
    assert [each["path"] for each in asked] == ["/health/check"]
    by_name: dict[str, list[list[str]]] = {}
    for words in aws.asked():
        by_name.setdefault(" ".join(words[:2]), []).append(words)
    (described,) = by_name["cloudformation describe-stacks"]
    assert described[2:4] == ["--stack-name", "tuner"]
    assert [words[3] for words in by_name["sqs send-message"]] == [QUEUE, URGENT_QUEUE]
    entries = [json.loads(words[3])[0] for words in by_name["events put-events"]]
    assert [(entry["EventBusName"], entry["Source"], entry["DetailType"]) for entry in entries] == [
        (BUS, "snapshot-tuner.doctor", "snapshot-tuner.check"),
        (BUS, "snapshot-tuner.doctor", "fire"),
    ]
    assert {words[3] for words in by_name["logs filter-log-events"]} == {
        "/aws/lambda/tuner-queue-worker",
        "/aws/lambda/tuner-bus-listener",
    }
    assert all(words[-2:] == ["--region", "eu-central-1"] for words in aws.asked())


def test_an_event_without_a_line_fails_its_tick(aws: AwsStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """And so does a queue that may not be written to, with what AWS says."""
    with answering(200, RIGHT) as (url, _):
        aws.answer(
            cloudformation__describe_stacks=stack(url),
            sqs__send_message={"error": "An error occurred (AccessDenied): not you"},
            events__put_events={"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
            logs__filter_log_events={"events": []},
        )
        code = main(["doctor", "--stack", "tuner", "--json", "--wait", "1"])
    found = told(capsys)
    assert code == Exit.FAILED
    assert found["queue"]["says"] == "aws sqs send-message: An error occurred (AccessDenied): not you"
    assert found["bus"]["says"] == "no line of the test event e in the log of queue_worker within 1 s"
    assert "dead-letter" in found["bus"]["do"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (PARAMETERS, "not tried: no rule of the bus leads straight to bus_listener (parameter DirectBusRule)"),
        ({"DirectBusRule": "true", "UrgentTypes": ""}, "not tried: no rule of the bus leads straight to bus_listener"),
        ({"DirectBusRule": "true"}, "no line of the test event e in the log of bus_listener within 1 s"),
    ],
    ids=["queued", "no types", "older"],
)
def test_a_stack_without_a_rule_or_an_urgent_queue_is_said_to_have_none(
    aws: AwsStandIn, capsys: pytest.CaptureFixture[str], parameters: dict[str, str], says: str
) -> None:
    """That is no failure. Before there was UrgentTypes, the rule took moderation alerts."""
    with answering(200, RIGHT) as (url, _):
        aws.answer(
            cloudformation__describe_stacks=stack(url, parameters),
            sqs__send_message={"MessageId": "m"},
            events__put_events={"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
            logs__filter_log_events={"events": []},
        )
        main(["doctor", "--stack", "tuner", "--json", "--wait", "1"])
    found = told(capsys)
    is_there = says.startswith("no line")
    assert found["urgent"]["ok"] is None
    assert found["urgent"]["says"].startswith("not tried: the stack has no urgent queue")
    assert found["listener"]["ok"] is (False if is_there else None)
    assert found["listener"]["says"].startswith(says)
    assert ("ListenerRule" in found["listener"].get("do", "")) == is_there
    sent = [json.loads(words[3])[0]["DetailType"] for words in aws.asked() if words[0] == "events"]
    assert sent == ["snapshot-tuner.check", *(["moderation.alert"] if is_there else [])]


@pytest.mark.parametrize(
    ("status", "body", "name", "says"),
    [
        (403, b'{"Message": "Forbidden"}', "url", "AWS does not let you in"),
        (401, {"detail": "the bearer token is none of WEBHOOK_TOKENS"}, "url", "the bearer token is none of"),
        (500, {"detail": "WEBHOOK_SECRETS is missing or malformed"}, "secrets", "WEBHOOK_SECRETS is missing"),
        (502, b"Internal Server Error", "url", "the function does not run"),
        (404, {"detail": "no"}, "url", "answers HTTP 404 and no checks"),
    ],
)
def test_what_the_url_answers_is_named(
    status: int,
    body: Any,  # noqa: ANN401 - any JSON document
    name: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(status, body) as (url, _):
        assert main(["doctor", "--url", url, "--json"]) == Exit.FAILED
    found = told(capsys)
    assert not found[name]["ok"]
    assert found[name]["says"].startswith(says)
    assert found["queue"]["ok"] is None


def test_a_url_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--url", "http://127.0.0.1:9", "--json"]) == Exit.FAILED
    assert told(capsys)["url"]["says"].startswith("cannot be reached: ")


def test_a_token_is_sent_and_not_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TUNER_TOKEN", "a-token-of-more-than-24-characters")
    with answering(200, RIGHT) as (url, asked):
        assert main(["doctor", "--url", url]) == Exit.FINE
    assert asked[0]["Authorization"] == "Bearer a-token-of-more-than-24-characters"
    assert "a-token-of" not in capsys.readouterr().out


def test_a_url_on_aws_is_asked_with_a_signature_of_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the usual credentials; the session token is sent with it."""
    for name, value in {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for host, scope in (
        ("https://abc.lambda-url.eu-central-1.on.aws", "eu-central-1/lambda"),
        ("https://abc.execute-api.us-east-1.amazonaws.com", "us-east-1/execute-api"),
    ):
        proof = Endpoint(host, None, None)._proof("POST", f"{host}/health/check", b"", {})
        assert f"/{scope}/aws4_request" in proof["Authorization"]
        assert proof["X-Amz-Security-Token"] == "token"
        assert "secret" not in json.dumps(proof)


def test_it_wants_to_know_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == Exit.USAGE
    assert "say where: --url URL, or --stack NAME" in capsys.readouterr().err

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

RIGHT = {"status": "ok", "checks": [{"check": "ledger", "ok": True, "says": "takes writes", "round_trip_ms": 1.5}]}
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/tuner-events"
BUS = "arn:aws:events:eu-central-1:123456789012:event-bus/tuner"
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


def stack(url: str) -> dict[str, Any]:
    outputs = {"HttpEndpointUrl": url, "EventQueueUrl": QUEUE, "BusArn": BUS}
    return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": text} for key, text in outputs.items()]}]}


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}


def test_a_stack_is_asked_by_its_name_alone(aws: AwsStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The URL, the queue and the bus come from its outputs; both events are found in queue_worker's log."""
    with answering(200, RIGHT) as (url, asked):
        aws.answer(
            cloudformation__describe_stacks=stack(url),
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
    assert {name: each["ok"] for name, each in found.items()} == dict.fromkeys(("url", "ledger", "queue", "bus"), True)
    assert found["queue"]["policy"] == "0123456789ab"
    assert [each["path"] for each in asked] == ["/health/check"]
    by_name = {" ".join(words[:2]): words for words in aws.asked()}
    assert by_name["cloudformation describe-stacks"][2:4] == ["--stack-name", "tuner"]
    assert QUEUE in by_name["sqs send-message"]
    (entry,) = json.loads(by_name["events put-events"][3])
    assert (entry["EventBusName"], entry["DetailType"]) == (BUS, "snapshot-tuner.check")
    assert "/aws/lambda/tuner-queue-worker" in by_name["logs filter-log-events"]
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
    assert found["bus"]["says"] == "no line of the test event e within 1 s"
    assert "dead-letter" in found["bus"]["do"]


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

"""The fronts that a request may come through, and the manners of HTTP that senders and proxies count on."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from http_endpoint.handler import lambda_handler
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import JSON, RTC_SECRET, SECRET, USER, HttpReply, callback, handle, send, signed

TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"
LISTS = dict[str, list[str]]

Front = Callable[..., dict[str, Any]]


def rest_api(method: str, path: str, body: str, headers: Mapping[str, str], *, principal: str | None) -> dict[str, Any]:
    """API Gateway REST, and payload format 1.0: every header twice, and the caller in `identity`."""
    return {
        "resource": "/{proxy+}",
        "httpMethod": method,
        "path": path,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {
            "stage": "prod",
            "path": f"/prod{path}",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userArn": principal},
            "authorizer": {"claims": None, "scopes": None},
            "requestTimeEpoch": 1_795_000_000_000,
        },
        "body": body or None,
        "isBase64Encoded": False,
    }


def http_api(method: str, path: str, body: str, headers: Mapping[str, str], *, principal: str | None) -> dict[str, Any]:
    """API Gateway HTTP, payload format 2.0, with a stage that stands in the path."""
    checked = {"iam": {"accountId": "123456789012", "userArn": principal}}
    return {
        "version": "2.0",
        "rawPath": f"/prod{path}",
        "headers": dict(headers),
        "requestContext": {
            "stage": "prod",
            "http": {"method": method, "path": f"/prod{path}"},
            "timeEpoch": 1_795_000_000_000,
            **({"authorizer": checked} if principal else {}),
        },
        "body": body,
        "isBase64Encoded": False,
    }


def load_balancer(
    method: str, path: str, body: str, headers: Mapping[str, str], *, principal: str | None = None
) -> dict[str, Any]:
    """An ALB: it checks nobody, and says no time."""
    assert principal is None
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/1"}},
        "httpMethod": method,
        "path": path,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": body,
        "isBase64Encoded": False,
    }


def load_balancer_with_lists(
    method: str, path: str, body: str, headers: Mapping[str, str], *, principal: str | None = None
) -> dict[str, Any]:
    """An ALB whose target group has multi-value headers switched on: then there are no others."""
    event = load_balancer(method, path, body, headers, principal=principal)
    return {**event, "multiValueHeaders": {name: [value] for name, value in event.pop("headers").items()}}


@pytest.mark.parametrize("front", [rest_api, http_api])
def test_an_api_gateway_that_checks_iam_is_a_front(deployment: Deployment, front: Front) -> None:
    """The key of plain JSON lives in the scope of its caller there too; nobody checked is 401."""
    event = deployment.wanted("", 30)
    body = json.dumps({name: event[name] for name in ("type", "data", "time")})
    headers = {**JSON, "Idempotency-Key": "key-1"}
    replies = [handle(deployment, front("POST", "/events", body, headers, principal=USER)) for _ in range(2)]
    assert [(reply.status, reply.outcomes) for reply in replies] == [(200, ["applied"]), (200, ["duplicate"])]
    other = handle(deployment, front("POST", "/events", body, headers, principal=USER + "2"))
    assert other.outcomes == ["applied"]
    refused = handle(deployment, front("POST", "/events", body, headers, principal=None))
    assert (refused.status, refused.problem) == (401, "unauthenticated")
    assert handle(deployment, front("GET", TASK_PATH, "", {}, principal=USER)).json["desired"]["interval"] == 30


@pytest.mark.parametrize("front", [load_balancer, load_balancer_with_lists])
def test_a_load_balancer_is_a_front_for_those_who_sign(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, front: Front
) -> None:
    """With HTTP_AUTH=iam it has nobody to show."""
    body = json.dumps(deployment.wanted("e-1", 30))
    assert answer_of(deployment, front("POST", "/events", body, JSON)).status == 401
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    assert answer_of(deployment, front("POST", "/events", body, signed(body))).outcomes == ["applied"]
    reply = answer_of(deployment, front("GET", "/events/", "", JSON))
    assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")


def answer_of(deployment: Deployment, event: dict[str, Any]) -> HttpReply:
    """A load balancer that sends lists reads lists, and nothing else."""
    answer = lambda_handler(event, deployment.context)
    assert ("multiValueHeaders" in answer, "headers" in answer) == ("headers" not in event, "headers" in event)
    lists: LISTS = answer.get("multiValueHeaders") or {name: [value] for name, value in answer["headers"].items()}
    (types,) = [values for name, values in lists.items() if name.lower() == "content-type"]
    assert len(types) == 1
    return HttpReply(
        answer["statusCode"], {name.lower(): ",".join(values) for name, values in lists.items()}, answer["body"]
    )


def test_a_header_that_was_sent_twice_is_no_key(deployment: Deployment) -> None:
    """Format 1.0 has the last one under `headers`, and both in the lists."""
    event = deployment.wanted("", 30)
    body = json.dumps({name: event[name] for name in ("type", "data", "time")})
    request = rest_api("POST", "/events", body, {**JSON, "Idempotency-Key": "b"}, principal=USER)
    request["multiValueHeaders"]["Idempotency-Key"] = ["a", "b"]
    assert handle(deployment, request).problem == "malformed"


@pytest.mark.parametrize(
    "event",
    [
        {"raw_path": "/events", "method": "POST", "headers": {}, "body": "{}", "is_base64_encoded": False},
        {"version": "2.0", "path": "/events", "method": "POST", "headers": {}, "requestContext": {"timeEpoch": "1"}},
    ],
)
def test_a_front_that_is_not_taken_is_told_so(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, event: dict[str, Any]
) -> None:
    """VPC Lattice: 400, and a line in the log."""
    reply = handle(deployment, event)
    assert (reply.status, reply.problem) == (400, "malformed")
    assert "function URLs, API Gateway and Application Load Balancers" in reply.json["detail"]
    assert [record.getMessage() for record in caplog.records] == ["request_refused"]


@pytest.mark.parametrize("path", ["/events/", "//events", "//events//"])
def test_slashes_that_say_nothing_are_overlooked(deployment: Deployment, path: str) -> None:
    """Function URLs end in one, and senders put a path behind it."""
    assert send(deployment, "POST", path, deployment.event()).outcomes == ["applied"]
    assert send(deployment, "GET", "//" + TASK_PATH + "/").status == 200


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs", TASK_PATH])
def test_head_is_get_without_the_body(deployment: Deployment, path: str) -> None:
    """The same status and headers."""
    head, get = send(deployment, "HEAD", path), send(deployment, "GET", path)
    assert (head.status, head.headers, head.text) == (get.status, get.headers, "")
    assert get.text


GZIP = {**JSON, "Content-Encoding": "gzip"}


def test_a_body_may_be_compressed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every route that has one; a signature is over what was compressed."""
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", RTC_SECRET)
    text = json.dumps(deployment.event()).encode()
    assert send(deployment, "POST", "/explain", gzip.compress(text), GZIP).json["rule"] == "room-load-high"
    called_back = gzip.compress(json.dumps(callback(deployment, {})).encode())
    assert send(deployment, "POST", "/callbacks/rtc", called_back, GZIP).outcomes == ["unmatched"]
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    assert send(deployment, "POST", "/events", gzip.compress(text), {**signed(text), **GZIP}).outcomes == ["applied"]


@pytest.mark.parametrize(
    ("body", "encoding", "problem"),
    [
        (b"{}", "gzip", "malformed"),
        (gzip.compress(b"{}", mtime=0)[:-3], "gzip", "malformed"),
        (gzip.compress(b"{}", mtime=0) + b"x", "gzip", "malformed"),
        (gzip.compress(b" " * 262_145, mtime=0), "gzip", "too-large"),
        (gzip.compress(b"\0" * 5_000_000, mtime=0), "gzip", "too-large"),
        (zlib.compress(b"{}"), "deflate", "content-type"),
        (b"{}", "br", "content-type"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip", "content-type"),
    ],
)
def test_a_body_that_cannot_be_opened_is_told_why(
    deployment: Deployment, body: bytes, encoding: str, problem: str
) -> None:
    """Not whole, too large when it is open, or compressed in another way (RFC 7694)."""
    reply = send(deployment, "POST", "/events", body, {**JSON, "Content-Encoding": encoding})
    assert reply.problem == problem
    assert reply.headers.get("accept-encoding") == ("gzip" if problem == "content-type" else None)


@pytest.mark.parametrize("path", ["/events", "/explain", "/callbacks/rtc", TASK_PATH + "/bounds"])
def test_of_a_compressed_body_no_more_is_opened_than_is_taken(deployment: Deployment, path: str) -> None:
    """Whoever may send could else fill the memory of the function with a body of a few kilobytes."""
    bomb = gzip.compress(b"\0" * 32_000_000, mtime=0)
    method = "PUT" if path.endswith("/bounds") else "POST"
    send(deployment, method, path, bomb, GZIP)  # whatever is loaded with a first request is not counted
    tracemalloc.start()
    try:
        reply = send(deployment, method, path, bomb, GZIP)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reply.problem == "too-large"
    assert most < 16_000_000


def test_who_prefers_a_reply_gets_an_empty_body(deployment: Deployment) -> None:
    """Knative takes our outcomes for an event that is none, and so for a failure; what did fail is told as ever."""
    prefer = {"Content-Type": "application/cloudevents+json", "Prefer": "respond-async, reply"}
    reply = send(deployment, "POST", "/events", deployment.event(), prefer)
    assert (reply.status, reply.text) == (200, "")
    assert deployment.sent() == [20]
    assert send(deployment, "POST", "/events", deployment.event(id=""), prefer).outcomes == ["rejected"]


def test_a_sender_may_ask_whether_it_may_send(deployment: Deployment) -> None:
    """The handshake of CloudEvents over webhooks: its host, at no more than the rate asked for or the quota."""
    asking = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    reply = send(deployment, "OPTIONS", "/events", b"", asking)
    allowed = {name: reply.headers.get(name) for name in ("allow", "webhook-allowed-origin", "webhook-allowed-rate")}
    assert reply.status == 200
    assert allowed == {
        "allow": "POST, OPTIONS",
        "webhook-allowed-origin": "eventemitter.example.com",
        "webhook-allowed-rate": "120",
    }
    asking["WebHook-Request-Rate"] = "999999999"
    assert send(deployment, "OPTIONS", "/events", b"", asking).headers["webhook-allowed-rate"] == str(100_000 * 60)


@pytest.mark.parametrize("origin", ["", "a b", "*", "a\r\nb", "x" * 300])
def test_who_asks_without_a_name_is_not_let_in(deployment: Deployment, origin: str) -> None:
    reply = send(deployment, "OPTIONS", "/events", b"", {"WebHook-Request-Origin": origin})
    assert (reply.status, reply.problem) == (400, "malformed")
    assert "webhook-allowed-origin" not in reply.headers


def test_a_stage_that_has_the_name_of_a_route_is_one(deployment: Deployment) -> None:
    """The path as it is comes first."""
    body = json.dumps(deployment.event(task=TaskRef("app", "room-1", "task")))
    request = http_api("POST", "/events", body, JSON, principal=USER)
    request["requestContext"]["stage"] = "events"
    assert handle(deployment, {**request, "rawPath": "/events"}).outcomes == ["applied"]
    assert handle(deployment, {**request, "rawPath": "/events/events"}).outcomes == ["duplicate"]

"""Ten thousand malformed requests: only 4xx, always a problem, and the function lives on."""

import base64
import json
import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from http_endpoint.answers import PROBLEM_TYPE, Problem
from http_endpoint.handler import lambda_handler
from tests.effort import cases
from tests.functions.conftest import Deployment

SEED = 20_260_301

PATHS = ["/events", "/explain", "/callbacks/rtc", "/tasks/a/b/c", "/tasks/%ff/%00/%2e", "/nowhere", "/"]
CONTENT_TYPES = [
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/cloudevents+avro",
    "",
    "\x00",
    ";;;",
    "x" * 9000,
]
NAMES = [
    "ce-specversion",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-time",
    "ce-data",
    "ce-\xff",
    "idempotency-key",
    "webhook-id",
]
VALUES = ["", "1.0", "\x00", "%ff", '"', '"\\', "é", "\ud800", "x" * 5000, "a,b", "2026-13-01T00:00:00Z"]
ENVELOPE: dict[str, Any] = {"specversion": "1.0", "id": "i", "source": "/s", "type": "rtc.room.load"}
MEMBERS = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "sequence",
    "data",
    "data_base64",
    "datacontenttype",
    "detail",
]
ODD: list[Any] = [None, True, -1, 1e300, "", "\x00", "\ud800", [], {}, [[]], {"": {}}, "x" * 3000, "0x1", 10**400]


def text(rng: random.Random) -> bytes:
    """JSON that is wrong somewhere: a member that is odd, a byte that is not its own, an end too early."""
    document: Any = dict(ENVELOPE)
    for _ in range(rng.randint(1, 3)):
        document[rng.choice(MEMBERS)] = rng.choice(ODD)
    if rng.random() < 0.3:
        document = [document] * rng.choice([0, 1, 2, 101])
    whole = bytearray(json.dumps(document).encode())
    for _ in range(rng.choice([0, 0, 0, 1, 4])):
        if whole:
            whole[rng.randrange(len(whole))] = rng.randrange(256)
    return bytes(whole[: rng.randint(0, len(whole))] if rng.random() < 0.4 else whole)


BODIES: list[Callable[[random.Random], bytes]] = [
    text,
    text,
    text,
    lambda rng: rng.randbytes(rng.randint(0, 200)),
    lambda rng: b"[" * rng.choice([1, 65, 5000]),
    lambda rng: b'{"a":' * rng.choice([1, 65, 2000]) + b"1",
    lambda rng: b'"' + b"\\u" * rng.randint(0, 50) + b'"',
    lambda rng: b"9" * rng.choice([1, 401, 5000]),
    lambda rng: rng.choice(
        [b"NaN", b"-", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x1f\x8b\x08", b"null", b" " * 99]
    ),
    lambda rng: json.dumps({"EventType": rng.choice(ODD), "EventData": "{}", "Signature": "x"}).encode(),
    lambda _: b"{" + b" " * 262_144,
]


def requests(count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(SEED)  # noqa: S311 - the same requests in every run
    for number in range(count):
        headers: dict[str, Any] = {"content-type": rng.choice(CONTENT_TYPES)} if rng.random() < 0.9 else {}
        for _ in range(rng.choice([0, 0, 1, 5])):
            headers[rng.choice(NAMES)] = rng.choice(VALUES)
        body = rng.choice(BODIES)(rng)
        as_text = rng.random() < 0.2
        method = rng.choice(["POST", "POST", "POST", "GET", "PUT", "BREW"])
        path = rng.choice(PATHS)
        yield {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers if rng.random() < 0.98 else None,
            "requestContext": {
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
                "stage": "$default",
                "timeEpoch": 1_772_355_721_000 + number,
                "authorizer": {"iam": {"accountId": "123456789012"}},
            },
            "body": body.decode("latin-1") if as_text else base64.b64encode(body).decode(),
            "isBase64Encoded": not as_text or rng.random() < 0.1,
        }


@pytest.mark.slow
@pytest.mark.parametrize(("auth", "count"), [("iam", cases(2_000)), ("signature", cases(500))])
def test_only_4xx_and_always_a_problem(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, auth: str, count: int
) -> None:
    """None of them is an event that a rule can act on; each is told what is wrong with it."""
    caplog.set_level(logging.CRITICAL, logger="snapshot-tuner")  # their lines would take most of the time
    monkeypatch.setenv("HTTP_AUTH", auth)
    types = {problem.type for problem in Problem}
    seen: set[str] = set()
    for event in requests(count):
        answer = lambda_handler(event, deployment.context)
        answered = json.loads(answer["body"])
        if answer["statusCode"] == 200:
            # An empty list, or an event that is whole after all: settled, since no rule is for it.
            assert all(outcome["outcome"] == "unmatched" for outcome in answered.get("outcomes", []))
            continue
        assert 400 <= answer["statusCode"] < 500, (answer["statusCode"], answered, event)
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert (answered["status"], answered["type"] in types) == (answer["statusCode"], True)
        seen.add(answered["type"].removeprefix(PROBLEM_TYPE))
    assert seen >= {"unauthenticated", "no-such-route", "method", "too-large"}
    if auth == "iam":
        assert seen >= {"malformed", "invalid", "key-missing", "content-type", "task-unknown"}
    assert deployment.standin.calls() == ()
    assert deployment.post(deployment.event())[0] == (200 if auth == "iam" else 401)

"""Other authors' software against the function URL on the real runtime."""

import http.client
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from devkit.local_runtime.application import HANDLERS, environment
from devkit.local_runtime.front import serve_function_url
from devkit.local_runtime.function import FunctionSettings, running
from devkit.local_runtime.sandbox import Code
from devkit.rtc_standin import StandIn
from http_endpoint import docs
from snapshot_tuner.model import TaskRef
from tests.effort import EFFORT, cases
from tests.runtime.conftest import OWN, code_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A function URL, and the provider behind it."""

    url: str
    stand_in: StandIn

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer


@contextmanager
def endpoint(code: Code, folder: Path, **variables: str) -> Iterator[Endpoint]:
    with ExitStack() as parts:
        stand_in = parts.enter_context(StandIn())
        settings = FunctionSettings(
            name="http_endpoint",
            handler=HANDLERS["http_endpoint"],
            environment=environment(code, stand_in, f"sqlite://{folder}/ledger.db")
            | {"RTC_MAX_QPS": "10000"}
            | variables,
            timeout_seconds=10,
            memory_mb=512,
            sandboxes=1,
        )
        function = parts.enter_context(running(settings, code, lambda _, __: None))
        yield Endpoint(parts.enter_context(serve_function_url(function)), stand_in)


@pytest.fixture(scope="module")
def behind_iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(code_for(OWN), tmp_path_factory.mktemp("iam")) as running_endpoint:
        yield running_endpoint


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("public")
    with endpoint(code_for(OWN), folder, HTTP_AUTH="signature", WEBHOOK_SECRETS=SECRET) as running_endpoint:
        yield running_endpoint


def loaded(room: str) -> CloudEvent:
    """Asks for 20 s by the policy that is deployed."""
    data = {"AppId": "app", "RoomId": room, "TaskId": "task", "load": 0.84}
    attributes = {"id": uuid.uuid4().hex, "source": "/sdk", "type": "rtc.room.load", "subject": "Raum größer"}
    return CloudEvent({**attributes, "time": datetime.now(UTC)}, data)


def batched(*events: CloudEvent) -> HTTPMessage:
    """The package writes each event; the batch format is a JSON list of them."""
    written = b",".join(JSONFormat().write(event) for event in events)
    return HTTPMessage({"content-type": "application/cloudevents-batch+json"}, b"[" + written + b"]")


def test_the_cloudevents_package_speaks_to_it_in_all_three_modes(behind_iam: Endpoint) -> None:
    """Structured, binary with an attribute in another script, and a batch of both: each event is known again."""
    one, two = loaded("one"), loaded("two")
    messages = [to_structured(one, JSONFormat()), to_binary(two, JSONFormat()), batched(one, two)]
    answers = [behind_iam.send("POST", "/events", message.body, message.headers) for message in messages]
    answered = [(status, [outcome["outcome"] for outcome in body["outcomes"]]) for status, body in answers]
    assert answered == [(200, ["applied"]), (200, ["applied"]), (200, ["duplicate", "duplicate"])]
    assert behind_iam.stand_in.intervals() == {TaskRef("app", room, "task"): 20 for room in ("one", "two")}


def test_what_the_standardwebhooks_package_signs_is_accepted_and_nothing_altered_is(public: Endpoint) -> None:
    """Over the wire a body arrives as text or in base64, by its content type: the bytes are what was signed."""
    for content_type in ("application/json", "application/cloudevents+json"):
        body = to_structured(loaded("webhook"), JSONFormat()).body
        now = datetime.now(UTC)
        headers = {
            "Content-Type": content_type,
            "webhook-id": f"msg-{content_type}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(f"msg-{content_type}", now, body.decode()),
        }
        for at in range(0, len(body), 40):
            altered = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            assert public.send("POST", "/events", altered, headers)[0] == 401
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            assert public.send("POST", "/events", body, {**headers, name: headers[name] + "0"})[0] == 401
        status, answer = public.send("POST", "/events", body, headers)
        assert (status, answer["outcomes"][0]["outcome"]) == (200, "applied")


CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


def test_schemathesis_finds_nothing(behind_iam: Endpoint, tmp_path: Path) -> None:
    """Requests made from /openapi.json, right ones and wrong ones: no 5xx, and every answer as it is described.

    It tests all that the document describes, but the asking for the document.
    """
    done = subprocess.run(  # noqa: S603 - the tool in our own environment
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{behind_iam.url}/openapi.json",
            f"--checks={','.join(CHECKS)}",
            "--phases=coverage,fuzzing",
            f"--max-examples={cases(5)}",
            "--seed=1",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100 * EFFORT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    paths = json.loads(docs.document().body)["paths"]
    described = sum(len(operations) for path, operations in paths.items() if path != "/openapi.json")
    assert f"Tested: {described}\n" in done.stdout

"""A real Alertmanager, Debian's, posts to the function URL with a bearer token."""

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import urlsplit

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from devkit.serving import LOOPBACK, serving
from snapshot_tuner.model import TaskRef
from tests.polling import eventually
from tests.runtime.conftest import OWN, code_for
from tests.runtime.test_http_interoperability import Endpoint, endpoint

PROGRAM = "prometheus-alertmanager"
TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")
MISSING = f"{PROGRAM} is not there, or not its {TEMPLATE}; `make test` as root on Debian fetches both"
TOKEN = "alertmanagers-own-token-of-32-ch"
TASK = TaskRef("app", "room", "task")
POLICY = """
version: 1
events:
  - use: alertmanager
    data: {AppId: "{item.labels.AppId}", RoomId: "{item.labels.RoomId}", TaskId: "{item.labels.TaskId}"}
rules:
  - {name: alert, match: {type: [alertmanager.firing]}, interval: 2}
  - {name: alert-over, match: {type: [alertmanager.resolved]}, interval: 30}
"""


def program() -> str:
    """Its path; a test that needs it is skipped where there is none, and fails where CI is set."""
    found = shutil.which(PROGRAM)
    if found is None or not TEMPLATE.exists():
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


def request(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of the answer. Raises OSError."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    try:
        connection.request(method, address.path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass
class Relay:
    """Between the two, as nothing else says what the sender was answered."""

    target: str
    answers: list[tuple[int, list[str]]] = field(default_factory=list)

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        status, text = request("POST", f"{self.target}/events", body, headers)
        outcomes = [outcome["outcome"] for outcome in json.loads(text).get("outcomes", [])]
        self.answers.append((status, outcomes))
        return status, text


@contextmanager
def relayed(relay: Relay) -> Iterator[str]:
    """The URL of the relay."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            status, text = relay.post(body, kept)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer((LOOPBACK, 0), Handler)) as url:
        yield f"{url}/"


class Alertmanager:
    """It sends a group at once, and again four times a second, whether something changed or not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._since: datetime | None = None

    def _post(self, *, ends: datetime) -> None:
        """What Prometheus does about a rule, again and again while its alert fires."""
        labels = {"alertname": "Load", "AppId": TASK.app_id, "RoomId": TASK.room_id, "TaskId": TASK.task_id}
        self._since = self._since or datetime.now(UTC)
        times = {"startsAt": self._since.isoformat(), "endsAt": ends.isoformat()}
        alert = {"labels": labels, "annotations": {"at": datetime.now(UTC).isoformat()}, **times}
        body = json.dumps([alert]).encode()
        status, _ = request("POST", f"{self._url}/api/v2/alerts", body, {"Content-Type": "application/json"})
        assert status == 200

    def fire(self) -> None:
        self._post(ends=datetime.now(UTC) + timedelta(minutes=5))

    def resolve(self) -> None:
        self._post(ends=datetime.now(UTC))
        self._since = None


@contextmanager
def alertmanager(target: str, folder: Path) -> Iterator[Alertmanager]:
    config: dict[str, Any] = {
        "route": {
            "receiver": "tuner",
            "group_by": ["alertname"],
            "group_wait": "0s",
            "group_interval": "250ms",
            "repeat_interval": "250ms",
        },
        "receivers": [
            {
                "name": "tuner",
                "webhook_configs": [
                    {"url": target, "http_config": {"authorization": {"type": "Bearer", "credentials": TOKEN}}}
                ],
            }
        ],
    }
    file = folder / "alertmanager.yml"
    file.write_text(json.dumps(config), encoding="utf-8")
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        program(),
        f"--config.file={file}",
        f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = (folder / "alertmanager.log").open("wb")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:  # noqa: S603 - Debian's own program
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: _is_ready(url))
            yield Alertmanager(url)
        finally:
            process.terminate()


def _is_ready(url: str) -> bool:
    try:
        return request("GET", f"{url}/-/ready")[0] == 200
    except OSError:
        return False


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[tuple[Endpoint, Relay, Alertmanager]]:
    program()
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    variables = {"HTTP_AUTH": "signature", "WEBHOOK_TOKENS": f"prom:{TOKEN}", "POLICY_PATH": str(policy)}
    with endpoint(code_for(OWN), tmp_path, **variables) as function:
        relay = Relay(function.url)
        with relayed(relay) as url, alertmanager(url, tmp_path) as sender:
            yield function, relay, sender


def intervals(function: Endpoint) -> list[int | None]:
    return [call.interval for call in function.stand_in.calls()]


def until(relay: Relay, status: int, outcomes: list[str]) -> None:
    """Waits for such an answer, from now on."""
    seen = len(relay.answers)
    eventually(lambda: (status, outcomes) in relay.answers[seen:])


def test_an_alert_that_fires_repeats_ends_and_fires_again_makes_one_call_each(
    deployed: tuple[Endpoint, Relay, Alertmanager],
) -> None:
    """None per repeat, in the right order, and every answer is 200."""
    function, relay, sender = deployed
    sender.fire()
    eventually(lambda: intervals(function) == [2])
    until(relay, 200, ["duplicate"])
    sender.fire()  # with another annotation
    until(relay, 200, ["duplicate"])
    sender.resolve()
    eventually(lambda: intervals(function) == [2, 30])
    sender.fire()
    eventually(lambda: intervals(function) == [2, 30, 2])
    until(relay, 200, ["duplicate"])
    assert intervals(function) == [2, 30, 2]
    assert {status for status, _ in relay.answers} == {200}
    assert [outcomes for _, outcomes in relay.answers if outcomes != ["duplicate"]] == [["applied"]] * 3


def test_while_the_provider_throttles_nothing_is_lost(deployed: tuple[Endpoint, Relay, Alertmanager]) -> None:
    """It is answered 503, and tries again; a 429 would have lost the notification."""
    function, relay, sender = deployed
    sender.fire()
    eventually(lambda: function.stand_in.intervals().get(TASK) == 2)
    function.stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT, times=3))
    sender.resolve()
    eventually(lambda: function.stand_in.intervals().get(TASK) == 30, within=40)
    assert {status for status, _ in relay.answers} <= {200, 503}

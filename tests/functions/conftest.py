"""The three functions in this process: real handlers, ledger and HTTP, and the stand-in at the end."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bus_listener import handler as bus_listener
from devkit.rtc_standin import StandIn
from http_endpoint import handler as http_endpoint
from queue_worker import handler as queue_worker
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef

POLICY = """
version: 1
bounds: {min: 2, max: 300}
rules:
  - name: moderation-alert
    match: {type: [moderation.alert]}
    interval: 1
  - name: room-load-high
    match: {type: [rtc.room.load], data: {load: [{numeric: [">=", 0.8]}]}}
    interval: {of: data.load, curve: [[0.8, 10], [1.0, 60]]}
  - name: dead-band
    match: {type: [rtc.room.load], data: {load: [{numeric: [">", 0.6, "<", 0.8]}]}}
    hold: true
  - name: room-load-normal
    match: {type: [rtc.room.load]}
    interval: 5
  - name: as-asked
    match: {type: [wanted]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
"""

TASK = TaskRef("app", "room-1", "task")


@dataclass
class LambdaContext:
    """The part of Lambda's context that the handlers use."""

    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Deployment:
    """Events in, answers and the provider's state out."""

    standin: StandIn
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    context: LambdaContext = field(default_factory=LambdaContext)
    _number: Iterator[int] = field(default_factory=count)

    def event(
        self,
        event_id: str = "e-1",
        *,
        seconds: float = 0,
        task: TaskRef = TASK,
        **changes: Any,  # noqa: ANN401 - members of the event
    ) -> dict[str, Any]:
        """A CloudEvent that asks for 20 s (load 0.84), `seconds` after this test began; `data` adds to its data."""
        data = {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id, "load": 0.84}
        data |= changes.pop("data", {})
        time = (self.started + timedelta(seconds=seconds)).isoformat()
        event = {"specversion": "1.0", "id": event_id, "source": "/test", "type": "rtc.room.load", "time": time}
        return {**event, "data": data, **changes}

    def wanted(self, event_id: str, interval: int, *, seconds: float = 0, task: TaskRef = TASK) -> dict[str, Any]:
        return self.event(event_id, seconds=seconds, task=task, type="wanted", data={"interval": interval})

    def queue(self, *bodies: object, records: list[Any] | None = None) -> list[str]:
        """The message ids that come back; the ids are m-0, m-1, … unless `records` are given whole."""
        batch = [self.record(f"m-{number}", body) for number, body in enumerate(bodies)] if records is None else records
        answer = queue_worker.lambda_handler({"Records": batch}, self.context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def record(self, message_id: str, body: object) -> dict[str, Any]:
        text = body if isinstance(body, str) else json.dumps(body)
        sent = {"SentTimestamp": str(int(self.started.timestamp() * 1000))}
        return {"messageId": message_id, "body": text, "attributes": sent, "eventSource": "aws:sqs"}

    def post(
        self, body: object, *, path: str = "/events", method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, decoded body, headers by their names in small letters."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self.post_raw(text, path=path, method=method, headers=headers)

    def post_raw(
        self,
        body: str,
        *,
        is_base64: bool = False,
        path: str = "/events",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/cloudevents+json", **(headers or {})},
            "requestContext": {
                "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"},
                "stage": "$default",
                "requestId": f"request-{next(self._number)}",
                "timeEpoch": int(self.started.timestamp() * 1000),
                "authorizer": {"iam": {"accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/u"}},
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }
        answer = http_endpoint.lambda_handler(event, self.context)
        found = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
        return answer["statusCode"], json.loads(answer["body"]), found

    def bus(self, event: dict[str, Any]) -> None:
        bus_listener.lambda_handler(event, self.context)

    def sent(self, task: TaskRef = TASK) -> list[int | None]:
        """The intervals of the calls for the task, in the order of their arrival."""
        return [call.interval for call in self.standin.calls() if call.task == task]

    def stands_at(self, task: TaskRef = TASK) -> int | None:
        return self.standin.intervals().get(task)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A right deployment but for the API's address; returns the policy's file."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    settings = {
        "LEDGER_URL": f"sqlite://{tmp_path}/ledger.db",
        "POLICY_PATH": str(policy),
        "RTC_MAX_QPS": "100000",
        "VOLCENGINE_ECS_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return policy


@pytest.fixture
def deployment(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    assert environment.exists()
    with StandIn() as standin:
        for name, value in standin.environment().items():
            monkeypatch.setenv(name, value)
        yield Deployment(standin)
        bootstrap.close()

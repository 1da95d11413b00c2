"""Promise: nothing that comes in raises out of a batch, harms a neighbour, or is acknowledged without a trace."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment

NEIGHBOUR = TaskRef("app", "neighbour", "task")

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "bad",
    "source": "/test",
    "type": "rtc.room.load",
    "data": {"AppId": "app", "RoomId": "room-1", "TaskId": "task", "load": 0.84},
}


def event(**changes: object) -> str:
    return json.dumps({name: value for name, value in {**EVENT, **changes}.items() if value is not Ellipsis})


def data(**changes: object) -> str:
    return event(data={name: value for name, value in {**EVENT["data"], **changes}.items() if value is not Ellipsis})


def a_year_ahead() -> str:
    return (datetime.now(UTC) + timedelta(days=365)).isoformat()


BODIES: list[tuple[str, object, str]] = [
    ("not JSON", "load is high", "body"),
    ("nothing", "", "body"),
    ("not an object", "[1, 2]", "body"),
    ("duplicate keys", event()[:-1] + ', "data": {}}', "data"),
    ("too long", event(data={"padding": "x" * 1_048_576}), "body"),
    ("nested a thousand deep", event(data=...)[:-1] + ', "data": ' + "[" * 1000 + "]" * 1000 + "}", "body"),
    ("an integer of 5,000 digits", event()[:-2] + ', "n": ' + "9" * 5000 + "}}", "data.n"),
    ("a lone surrogate in the id", event(id="\ud800"), "id"),
    ("U+0000 in the id", event(id="a\0b"), "id"),
    ("an id of 100,000 characters", event(id="x" * 100_000), "id"),
    ("no id", event(id=...), "id"),
    ("an empty id", event(id=""), "id"),
    ("an id that is a number", event(id=7), "id"),
    ("no source", event(source=...), "source"),
    ("an empty source", event(source=""), "source"),
    ("a source that is a list", event(source=["x"]), "source"),
    ("no type", event(type=...), "type"),
    ("an empty type", event(type=""), "type"),
    ("a type that is true", event(type=True), "type"),
    ("no AppId", data(AppId=...), "AppId"),
    ("an empty RoomId", data(RoomId=""), "RoomId"),
    ("a TaskId of 129 characters", data(TaskId="x" * 129), "TaskId"),
    ("a RoomId with a space", data(RoomId="room 1"), "RoomId"),
    ("a TaskId with a slash", data(TaskId="task/1"), "TaskId"),
    ("an AppId that is null", data(AppId=None), "AppId"),
    ("a load that is NaN", event().replace("0.84", "NaN"), "load"),
    ("a load that is infinite", event().replace("0.84", "Infinity"), "load"),
    ("a malformed time", event(time="yesterday"), "time"),
    ("a time without a zone", event(time="2026-01-01T00:00:00"), "time"),
    ("a time in 1970", event(time="1970-01-02T00:00:00Z"), "time"),
    ("a time a year ahead", event(time=a_year_ahead()), "time"),
]


@pytest.mark.parametrize(("body", "field"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_a_bad_body_is_rejected_by_name_and_harms_no_neighbour(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, body: object, field: str
) -> None:
    """Its message goes back (to the dead-letter queue at last), its reason is logged, its neighbour is applied."""
    batch = [deployment.record("bad", body), deployment.record("good", deployment.event("good", task=NEIGHBOUR))]
    assert deployment.queue(records=batch) == ["bad"]
    assert deployment.standin.intervals() == {NEIGHBOUR: 20}
    (rejected,) = [record for record in caplog.records if record.getMessage() == "event_rejected"]
    reason = vars(rejected)["reason"]
    assert field in reason
    assert len(reason) < 500


@pytest.mark.parametrize("load", ["0.9", True, None, [0.9], {"value": 0.9}])
def test_a_curve_input_that_is_no_number_is_rejected(deployment: Deployment, load: object) -> None:
    """Where the rule that matched needs a number and the event has something else under that name."""
    body = deployment.event(type="wanted", data={"interval": load})
    status, answer, _ = deployment.post(body)
    assert (status, answer["outcomes"][0]["outcome"]) == (422, "rejected")
    assert "interval" in answer["outcomes"][0]["reason"]
    assert deployment.sent() == []


def test_bytes_that_are_not_utf8_are_rejected_over_http(deployment: Deployment) -> None:
    """A queue carries text only; HTTP carries bytes."""
    status, answer, _ = deployment.post_raw("/v79", is_base64=True)
    assert (status, answer["outcomes"][0]["outcome"]) == (400, "rejected")
    status, answer, _ = deployment.post_raw("not base64!", is_base64=True)
    assert (status, answer["outcomes"][0]["outcome"]) == (400, "rejected")


def test_a_body_that_is_too_long_is_413_over_http(deployment: Deployment) -> None:
    """256 KiB are allowed."""
    assert deployment.post(event(data={"padding": "x" * 262_144}))[0] == 413


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"messageId": "stream", "eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}, "stream"),
        ({"messageId": "no-body", "eventSource": "aws:sqs"}, "no-body"),
        ({"messageId": "no-source", "body": "{}"}, "no-source"),
        ({"eventSource": "aws:kinesis"}, ""),
        ("not a record", ""),
        (None, ""),
    ],
)
def test_a_record_that_is_not_of_a_queue_comes_back(deployment: Deployment, record: object, named: str) -> None:
    """Named by its message id; without one the empty name makes Lambda take the whole batch as failed."""
    good = deployment.record("good", deployment.event(task=NEIGHBOUR))
    assert deployment.queue(records=[record, good]) == [named]
    assert deployment.standin.intervals() == {NEIGHBOUR: 20}


def test_an_empty_batch_is_fine(deployment: Deployment) -> None:
    assert deployment.queue(records=[]) == []


@pytest.mark.slow
def test_a_batch_of_a_thousand_is_fine(deployment: Deployment) -> None:
    """A thousand events for 250 tasks, bad ones among them: one call per task, only the bad ones come back."""
    deployment.started -= timedelta(seconds=1000)
    bodies: list[object] = []
    for number in range(1000):
        task = TaskRef("app", f"room-{number % 250}", "task")
        bad = number % 100 == 99
        bodies.append("bad" if bad else deployment.wanted(f"e-{number}", 10 + number // 250, seconds=number, task=task))
    assert deployment.queue(*bodies) == [f"m-{number}" for number in range(99, 1000, 100)]
    calls = deployment.standin.calls()
    assert len(calls) == 250
    assert deployment.standin.intervals()[TaskRef("app", "room-0", "task")] == 13


def test_an_event_that_is_the_body_of_an_event_is_that_event(deployment: Deployment) -> None:
    """A queue in front of a bus in front of a queue: the innermost event counts, with its own id and time."""
    inner = deployment.event("inner")
    record = deployment.record("m", inner)
    bus = {"version": "0", "id": "outer", "detail-type": "relayed", "source": "relay", "detail": record}
    bus["time"] = deployment.started.isoformat()
    assert deployment.queue(bus) == []
    assert deployment.queue(inner) == []
    assert deployment.sent() == [20]


WRONG = [
    ("LEDGER_URL", None),
    ("LEDGER_URL", "postgres://somewhere/db"),
    ("LEDGER_URL", "sqlite:///no/such/folder/ledger.db"),
    ("RTC_MAX_QPS", "many"),
    ("RTC_MAX_QPS", "0"),
    ("RTC_ENDPOINT", "rtc.volcengineapi.com"),
    ("LEDGER_NAMESPACE", "{braces}"),
    ("IDEMPOTENCY_TTL_SECONDS", "-1"),
    ("TASK_TTL_SECONDS", "60"),
    ("MAX_CLOCK_SKEW_SECONDS", "soon"),
    ("HTTP_AUTH", "none"),
    ("DRY_RUN", "perhaps"),
    ("VOLCENGINE_ACCESS_KEY", None),
    ("VOLCENGINE_SECRET_KEY", None),
]


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_a_wrong_setting_stops_every_function_before_it_touches_an_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    """One error that names the variable: queue and bus raise, HTTP answers 500; nothing is called."""
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        deployment.queue(deployment.event())
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        deployment.bus(deployment.event())
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (500, "urn:snapshot-tuner:problem:deployment")
    assert variable in body["detail"]
    assert deployment.sent(TASK) == []


def test_a_wrong_policy_stops_every_function_with_all_its_mistakes(
    deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, rule and reason of each; over HTTP without the file's path."""
    wrong = environment.with_name("wrong.yaml")
    wrong.write_text(
        "version: 1\nrules:\n  - {name: a, match: {type: [x]}, interval: 601}\n"
        "  - {name: b, match: {type: [{regex: x}]}, interval: 5}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("POLICY_PATH", str(wrong))
    with pytest.raises(Exception, match=r"(?s)wrong\.yaml.*'a'.*wrong\.yaml.*'b'"):
        deployment.queue(deployment.event())
    status, body, _ = deployment.post(deployment.event())
    assert status == 500
    assert "'a'" in body["detail"]
    assert "'b'" in body["detail"]
    assert str(wrong.parent) not in body["detail"]


def test_a_namespace_of_another_order_stops_the_function(
    deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times and sequences cannot be compared: the ledger refuses to mix them."""
    assert deployment.queue(deployment.event()) == []
    other = environment.with_name("by-sequence.yaml")
    other.write_text(environment.read_text().replace("version: 1", "version: 1\norder: sequence"), encoding="utf-8")
    monkeypatch.setenv("POLICY_PATH", str(other))
    with pytest.raises(Exception, match=r"order is sequence, but .*namespace 'default' holds tasks by time"):
        deployment.queue(deployment.event("e-2", sequence="1"))

"""The functions' own log lines, as Powertools writes them: what they hold of an event, and what they never do."""

import json
from hashlib import sha256
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import POLICY, TASK, Deployment
from tests.functions.http_sender import RTC_SECRET, SECRET, callback, send, signed
from tests.logged_lines import captured


def outcome_lines(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if "event_id" in line]


def test_every_function_logs_the_event_with_its_outcome(deployment: Deployment) -> None:
    """By default: the same event by queue, HTTP and bus gives the same data, numbers as they came."""
    event = deployment.event()
    bussed = {"id": "e-2", "source": "s", "detail-type": event["type"], "time": event["time"], "detail": event["data"]}
    with captured(bootstrap.logger()) as out:
        deployment.queue(event)
        deployment.post(event)
        deployment.bus(bussed)
    lines = outcome_lines(out.getvalue())
    assert [line["data"] for line in lines] == [json.dumps(event["data"], separators=(",", ":"))] * 3
    assert {line["event_type"] for line in lines} == {"rtc.room.load"}
    assert [line["message"] for line in lines] == ["adjustment_applied", "event_duplicate", "adjustment_applied"]
    assert all(line["received"] >= deployment.started.strftime("%Y-%m-%dT%H:%M:%S") for line in lines)


def test_log_event_data_switches_it_off(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG_EVENT_DATA=false: what the event says stays out of the log, its outcome does not."""
    monkeypatch.setenv("LOG_EVENT_DATA", "false")
    with captured(bootstrap.logger()) as out:
        deployment.queue(deployment.event(data={"user": "hunter2"}, subject="hunter2"))
    (line,) = outcome_lines(out.getvalue())
    assert "hunter2" not in out.getvalue()
    assert (line["message"], line["event_type"]) == ("adjustment_applied", "rtc.room.load")


def test_no_proof_of_a_sender_is_in_the_line_of_its_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data of a callback are logged, and neither its signature nor nonce; of a webhook no header."""
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", RTC_SECRET)
    monkeypatch.setenv("LOG_CALLBACK_DATA", "true")
    body = deployment.event()
    headers, called_back = signed(body, message_id="msg-hidden"), callback(deployment, {"RoomId": "room-1"})
    with captured(bootstrap.logger()) as out:
        assert send(deployment, "POST", "/events", body, headers).status == 200
        assert send(deployment, "POST", "/callbacks/rtc", called_back).status == 200
    webhook, rtc = outcome_lines(out.getvalue())
    assert "room-1" in webhook["data"]
    assert json.loads(rtc["data"]) == {"AppId": "app", "RoomId": "room-1"}
    for hidden in (SECRET, RTC_SECRET, headers["webhook-signature"], "msg-hidden", called_back["Signature"], "n0nce"):
        assert hidden not in out.getvalue()


def test_what_no_call_will_change_is_logged_while_the_calls_are_on_their_way(deployment: Deployment) -> None:
    """Every event once: first those that are superseded, unmatched or bad, then the one whose call was awaited."""
    newest = deployment.wanted("newest", 30, seconds=2)
    older = [deployment.wanted(f"older-{number}", 20, seconds=number / 100) for number in range(20)]
    unmatched = deployment.event("unmatched", type="of.no.rule")
    deployment.standin.add_fault(Fault(kind=FaultKind.LATENCY, delay=1.0))
    with captured(bootstrap.logger()) as out:
        assert deployment.queue(newest, *older, "bad", unmatched) == ["m-21"]
    logged = [(line["message"], line.get("event_id")) for line in map(json.loads, out.getvalue().splitlines())]
    *others, last = [line for line in logged if line[0].startswith(("event_", "adjustment_"))]
    assert last == ("adjustment_applied", "newest")
    assert others == [
        *(("event_superseded", f"older-{number}") for number in range(20)),
        ("event_rejected", None),
        ("event_unmatched", "unmatched"),
    ]


def test_an_event_is_logged_when_all_its_tasks_are_known(deployment: Deployment) -> None:
    """Its first line tells of the event, the next ones follow it, also where one of them was known long before."""
    both = {"AppId": "app", "RoomId": "room", "TaskId": ["one", "two"]}
    newer = deployment.wanted("newer", 30, seconds=2, task=TaskRef("app", "room", "one"))
    with captured(bootstrap.logger()) as out:
        deployment.queue(newer, deployment.event("for-both", data=both))
    lines = [line for line in outcome_lines(out.getvalue()) if line["event_id"] == "for-both"]
    assert [(line["message"], line["task_id"], line.get("tasks"), line.get("task_number")) for line in lines] == [
        ("event_superseded", "one", 2, None),
        ("adjustment_applied", "two", None, 2),
    ]


def test_every_line_names_the_policy_that_decided_and_the_trace_it_belongs_to(deployment: Deployment) -> None:
    """Also the second line of an event, and that of one that nobody could read; without a trace there is no key."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    both = deployment.event("both", data={"TaskId": ["one", "two"]}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    with captured(bootstrap.logger()) as out:
        deployment.queue(both, "bad", deployment.event("no-trace", traceparent=f"00-{'0' * 32}-00f067aa0ba902b7-01"))
    lines = [json.loads(line) for line in out.getvalue().splitlines() if '"policy"' in line]
    assert {line["policy"] for line in lines} == {sha256(POLICY.encode()).hexdigest()[:12]}
    traces = sorted((line.get("event_id", "bad"), line.get("trace_id")) for line in lines)
    assert traces == [("bad", None), ("both", trace), ("both", trace), ("no-trace", None)]


def test_the_call_carries_the_trace_of_the_event_whose_interval_it_sets(deployment: Deployment) -> None:
    """As the event has it; the call of another event has none."""
    traced = f"00-{'a' * 32}-{'b' * 16}-01"
    older = deployment.wanted("older", 20) | {"traceparent": f"00-{'c' * 32}-{'d' * 16}-00"}
    other = TaskRef("app", "room-2", "task")
    deployment.queue(
        older,
        deployment.wanted("newest", 30, seconds=2) | {"traceparent": traced},
        deployment.wanted("elsewhere", 40, task=other),
    )
    assert {call.task: call.traceparent for call in deployment.standin.calls()} == {TASK: traced, other: None}

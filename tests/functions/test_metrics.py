"""One line of metrics for each invocation, on Lambda; whatever became of the invocation."""

import json
import socket
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner.errors import EventNotSettled
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment


@pytest.fixture
def on_lambda(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tuner-QueueWorker-1")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "tuner")
    return deployment


def figures(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics of each line, without the times, which differ."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert all((line["service"], line["function_name"]) == ("tuner", "tuner-QueueWorker-1") for line in lines)
    envelope = ("_aws", "service", "function_name")
    return [{name: value for name, value in line.items() if name not in envelope} for line in lines]


def test_a_batch_of_every_kind_is_one_line(on_lambda: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Each outcome is counted, each call, and the time from the event to its applied interval."""
    tasks = [TaskRef("app", f"room-{number}", "task") for number in range(5)]
    on_lambda.standin.end_task(tasks[1])
    for task, error in ((tasks[2], ProviderError.QPS_OVER_LIMIT), (tasks[3], ProviderError.INVALID_PARAMETER)):
        on_lambda.standin.add_fault(Fault(kind=FaultKind.ERROR, error=error, task=task))
    event = on_lambda.event("e-0", seconds=-60, task=tasks[0])
    others = [on_lambda.event(f"e-{number}", task=task) for number, task in enumerate(tasks) if number in (1, 2, 3)]
    held = on_lambda.event("e-5", data={"load": 0.7})
    unmatched = on_lambda.event("e-6", type="nobody.knows")
    older = on_lambda.event("e-7", seconds=-90, task=tasks[0])
    on_lambda.queue(event, event, *others, held, unmatched, older, "not JSON")
    (line,) = figures(capsys)
    (milliseconds,) = line.pop("EventToApplied")
    assert 60_000 <= milliseconds < 70_000
    assert line == {
        "EventsApplied": [1.0],
        "EventsDuplicated": [1.0],
        "EventsSuperseded": [1.0],
        "EventsUnmatched": [1.0],
        "EventsHeld": [1.0],
        "EventsRejected": [3.0],
        "EventsRetried": [1.0],
        "CallsSent": [4.0],
        "TasksMissed": [1.0],
        "CallsThrottled": [1.0],
        "CallsRefused": [1.0],
    }


def test_the_line_is_there_when_the_handler_raises(on_lambda: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """bus_listener raises for an event that is not settled; what happened is counted nevertheless."""
    on_lambda.standin.end_task(TASK)
    event = on_lambda.event()
    bus = {key: event[key] for key in ("id", "source", "time")} | {
        "version": "0", "detail-type": event["type"], "detail": event["data"],
    }  # fmt: skip
    with pytest.raises(EventNotSettled):
        on_lambda.bus(bus)
    assert figures(capsys) == [{"EventsRejected": [1.0], "CallsSent": [1.0], "TasksMissed": [1.0]}]


def test_a_refused_key_is_counted(on_lambda: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    on_lambda.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INVALID_ACCESS_KEY))
    assert on_lambda.post(on_lambda.event())[0] == 503
    assert figures(capsys) == [{"EventsRetried": [1.0], "CallsSent": [1.0], "CredentialsRefused": [1.0]}]


def test_a_ledger_that_is_not_there_is_counted(
    on_lambda: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failed step for the batch, and no call."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LEDGER_URL", f"redis://127.0.0.1:{closed.getsockname()[1]}/0")
        assert on_lambda.queue(on_lambda.event("e-1"), on_lambda.event("e-2", seconds=1)) == ["m-0", "m-1"]
    assert figures(capsys) == [{"EventsRetried": [2.0], "LedgerStepsFailed": [1.0]}]


def test_an_empty_batch_is_no_line(on_lambda: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing happened."""
    on_lambda.queue()
    assert figures(capsys) == []


def test_elsewhere_nobody_is_told(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only Lambda's log takes metrics from stdout."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    assert deployment.post(deployment.event())[0] == 200
    assert figures(capsys) == []

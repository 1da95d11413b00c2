"""Events of the type snapshot-tuner.check, or from snapshot-tuner.doctor, show that events come through, no more."""

import json

import pytest

from snapshot_tuner import bootstrap
from snapshot_tuner.model import CHECK_SOURCE, CHECK_TYPE
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import send
from tests.logged_lines import captured


@pytest.mark.parametrize("door", ["queue", "http", "bus"])
@pytest.mark.parametrize("mark", ["type", "source"])
def test_a_check_is_acknowledged_and_nothing_is_admitted_or_called(
    deployment: Deployment, door: str, mark: str
) -> None:
    """Whatever the policy says, also one that takes every event; its line has the event's id and the policy's hash."""
    event = deployment.event("check-1") | {mark: {"type": CHECK_TYPE, "source": CHECK_SOURCE}[mark]}
    with captured(bootstrap.logger()) as out:
        match door:
            case "queue":
                assert deployment.queue(event) == []
            case "http":
                status, answer, _ = deployment.post(event)
                assert (status, [each["outcome"] for each in answer["outcomes"]]) == (200, ["held"])
            case _:
                deployment.bus(event)
    (line,) = [line for line in map(json.loads, out.getvalue().splitlines()) if line.get("event_id") == "check-1"]
    assert (line["message"], len(line["policy"])) == ("event_held", 12)
    assert deployment.sent() == []
    assert send(deployment, "GET", f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}").status == 404


@pytest.mark.parametrize("variable", ["LEDGER_URL", "VOLCENGINE_SECRET_KEY", "RTC_REGION"])
def test_a_check_comes_through_whatever_else_is_wrong(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """So that the doctor can tell a queue that leads nowhere from a ledger that does not answer."""
    monkeypatch.setenv(variable, {"LEDGER_URL": "redis://127.0.0.1:9/0"}.get(variable, "wrong"))
    check = deployment.event("check-1", type=CHECK_TYPE)
    assert deployment.queue(check) == []
    deployment.bus(check)

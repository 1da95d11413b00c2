"""A policy that changes while events are on their way, through the real handlers."""

from pathlib import Path

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from reconciler import handler as reconciler
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import POLICY, TASK, Deployment
from tests.functions.http_sender import send
from tests.polling import eventually

ALERT = "  - name: moderation-alert\n    match: {type: [moderation.alert]}\n    interval: 1\n"
WITH_END = POLICY.replace(ALERT, f"{ALERT}    for: 3s\n")
WITHOUT = POLICY.replace(ALERT, "")
FAILS = Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR)


@pytest.fixture
def policies(environment: Path, monkeypatch: pytest.MonkeyPatch) -> "Policies":
    return Policies(environment.parent, monkeypatch)


class Policies:
    """The next events are decided by another one, as by a container that has it already, or not yet."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch

    def use(self, text: str) -> None:
        file = self._folder / f"{abs(hash(text))}.yaml"
        file.write_text(text, encoding="utf-8")
        self._patch.setenv("POLICY_PATH", str(file))


@pytest.mark.slow
def test_a_retry_that_has_an_end_by_now_ends(deployment: Deployment, policies: Policies) -> None:
    """Its first attempt failed under a policy that gave it none; what is left of that is nothing."""
    deployment.queue(deployment.event("load", seconds=-1))
    deployment.standin.add_fault(FAILS)
    alert = deployment.event("alert", type="moderation.alert")
    assert deployment.queue(alert) == ["m-0"]
    policies.use(WITH_END)
    assert deployment.queue(alert) == []
    assert deployment.stands_at() == 2  # the policy's least

    def has_ended() -> bool:
        reconciler.lambda_handler({}, deployment.context)
        return deployment.stands_at() == 20

    eventually(has_ended, within=15)


def test_a_rule_that_is_gone_holds_its_tasks_to_its_end(deployment: Deployment, policies: Policies) -> None:
    """An event that asks for something else meanwhile is deferred; nothing is called for it."""
    policies.use(WITH_END.replace("for: 3s", "for: 10m"))
    deployment.queue(deployment.event("alert", type="moderation.alert"))
    policies.use(WITHOUT)
    status, answer, _ = deployment.post(deployment.event("load", seconds=0.001))
    assert (status, answer["outcomes"][0]["outcome"]) == (200, "deferred")
    assert "rule moderation-alert keeps the task at 2 s until" in answer["outcomes"][0]["reason"]
    assert deployment.sent() == [2]


def test_a_rule_of_its_name_with_a_short_end_releases_what_it_holds(deployment: Deployment, policies: Policies) -> None:
    """As `./tuner publish` says."""
    policies.use(WITH_END.replace("for: 3s", "for: 10m"))
    deployment.queue(deployment.event("load", seconds=-1), deployment.event("alert", type="moderation.alert"))
    policies.use(WITH_END.replace("for: 3s", "for: 1s"))
    deployment.queue(deployment.event("release", seconds=0.001, type="moderation.alert"))

    def is_released() -> bool:
        reconciler.lambda_handler({}, deployment.context)
        return deployment.stands_at() == 20

    eventually(is_released, within=15)


@pytest.mark.slow
def test_two_containers_with_two_policies_for_a_minute_do_no_harm(deployment: Deployment, policies: Policies) -> None:
    """Every event is settled by the one that has it; each task is left as the newest event's own policy has it."""
    other = POLICY.replace("interval: 5", "interval: 7")
    tasks = [TaskRef("app", "room", f"task-{number}") for number in range(3)]
    for turn in range(6):
        policies.use((POLICY, other)[turn % 2])
        batch = [
            deployment.event(f"{task.task_id}-{turn}", seconds=turn / 1000, task=task, data={"load": 0.1})
            for task in tasks
        ]
        if turn == 4:
            deployment.standin.add_fault(FAILS)
        back = deployment.queue(*batch)
        policies.use((other, POLICY)[turn % 2])
        if back:
            assert deployment.queue(*(batch[int(message.removeprefix("m-"))] for message in back)) == []
    for task in tasks:
        assert deployment.stands_at(task) == 7
        told = send(deployment, "GET", f"/tasks/{task.app_id}/{task.room_id}/{task.task_id}").json
        assert (told["desired"], told["pending"]) == (told["applied"] | {"since": told["desired"]["since"]}, [])
        assert told["desired"]["event"]["id"] == f"{task.task_id}-5"
    assert TASK not in tasks

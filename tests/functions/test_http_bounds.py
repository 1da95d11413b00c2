"""PUT and DELETE /tasks/…/bounds: a person steps in, for a time, and is seen to have done so."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner import bootstrap
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.model import TaskRef
from snapshot_tuner.tuning import bounds
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import JSON, SECRET, USER, HttpReply, send, signed
from tests.functions.test_http_openapi import described
from tests.functions.test_outcomes import TASK_JSON
from tests.logged_lines import captured

TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"
PATH = f"{TASK_PATH}/bounds"
ROUTE = "/tasks/{AppId}/{RoomId}/{TaskId}/bounds"
WANTED = {"max": 5, "for": "30m", "reason": "incident 4711"}
ALICE = "arn:aws:sts::123456789012:assumed-role/Operators/alice"
BOB = "arn:aws:sts::123456789012:assumed-role/Operators/bob"
TOKEN = "operators-token-of-24-characters"


def put(deployment: Deployment, body: object = WANTED, *, path: str = PATH, caller: str | None = ALICE) -> HttpReply:
    return send(deployment, "PUT", path, body, principal=caller)


def lines(text: str, message: str) -> list[dict[str, Any]]:
    return [each for line in text.splitlines() if (each := json.loads(line))["message"] == message]


def test_bounds_take_effect_at_once_and_leave_what_is_desired(deployment: Deployment) -> None:
    """One call; the answer is the task's state, with whose bounds they are, and so is GET /tasks/…."""
    deployment.queue(deployment.event())
    reply = put(deployment)
    assert (reply.status, reply.json["reason"], reply.json["replaced"]) == (200, "set to 5 s", None)
    assert described("PUT", ROUTE, reply) == []
    assert deployment.sent() == [20, 5]
    told = send(deployment, "GET", TASK_PATH).json
    assert (told["desired"]["interval"], told["applied"]["interval"]) == (20, 5)
    held = told["bounds"]
    assert held == reply.json["bounds"]
    assert (held["min"], held["max"], held["reason"], held["caller"]) == (None, 5, "incident 4711", ALICE)
    assert held["since"] < held["until"]
    assert told["pending"] == [{"kind": "bounds_end", "until": held["until"]}]


def test_when_they_are_cleared_what_events_ask_for_holds_again(deployment: Deployment) -> None:
    deployment.queue(deployment.event())
    put(deployment)
    reply = send(deployment, "DELETE", PATH, principal=BOB)
    assert (reply.status, reply.json["reason"]) == (200, "set to 20 s")
    assert described("DELETE", ROUTE, reply) == []
    assert (reply.json["bounds"], reply.json["replaced"]["caller"]) == (None, ALICE)
    assert deployment.sent() == [20, 5, 20]
    again = send(deployment, "DELETE", PATH)
    assert (again.status, again.json["replaced"]) == (200, None)
    assert again.json["reason"] == "it had none; no call was needed"
    assert deployment.sent() == [20, 5, 20]


def test_an_event_under_bounds_says_whose_they_are(deployment: Deployment) -> None:
    """In its outcome over HTTP and in its log line; min = max is a pin."""
    put(deployment, {**WANTED, "min": 5})
    with captured(bootstrap.logger()) as out:
        _, answer, _ = deployment.post(deployment.event())
    (outcome,) = answer["outcomes"]
    assert (outcome["outcome"], outcome["interval"]) == ("applied", 5)
    said = f"load 0.84 -> curve 20 s; set to 5 s, within the bounds of {ALICE} (incident 4711)"
    assert outcome["reason"] == said
    (line,) = lines(out.getvalue(), "adjustment_applied")
    assert (line["interval"], line["reason"]) == (5, said)
    assert deployment.sent() == [5]


def test_an_explanation_says_what_they_would_make_of_an_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last step; where the ledger is silent, that nobody knows."""
    put(deployment)
    answered = send(deployment, "POST", "/explain", deployment.event())
    assert described("POST", "/explain", answered) == []
    step = answered.json["interval"]["steps"][-1]
    assert step == {
        "step": "operator_bounds",
        "seconds": 5,
        "says": f"within the bounds of {ALICE} (incident 4711)",
    }

    def silent(*_: object) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(SqliteLedger, "bounds", silent)
    step = send(deployment, "POST", "/explain", deployment.event()).json["interval"]["steps"][-1]
    assert (step["seconds"], "is not known" in step["says"]) == (20, True)


def test_bounds_that_are_renewed_for_days_are_said_and_counted(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At each renewal: they end by themselves within a day, so whoever holds them longer renews them."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tuner-HttpEndpoint-1")
    with captured(bootstrap.logger()) as out:
        put(deployment)
        put(deployment)
        monkeypatch.setattr(bounds, "HELD_SECONDS", 0)
        put(deployment)
    (warning,) = lines(out.getvalue(), "bounds_held_long")
    assert (warning["level"], warning["task_id"], warning["caller"]) == ("WARNING", TASK.task_id, ALICE)
    assert "since" in warning
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["BoundsHeldLong"] for line in counted if "BoundsHeldLong" in line] == [[1.0]]


def test_the_later_of_two_people_wins_and_is_told_whose_was_replaced(deployment: Deployment) -> None:
    """Since when there are bounds at all stays."""
    deployment.queue(deployment.event())
    first = put(deployment)
    second = put(deployment, {"min": 60, "for": "1h", "reason": "too many pictures"}, caller=BOB)
    assert second.status == 200
    assert second.json["replaced"] == first.json["bounds"]
    assert (second.json["bounds"]["min"], second.json["bounds"]["caller"]) == (60, BOB)
    assert second.json["bounds"]["since"] == first.json["bounds"]["since"]
    assert deployment.sent() == [20, 5, 60]


def test_bounds_may_leave_those_of_the_policy(deployment: Deployment) -> None:
    """Which has 2 to 300 s: an operator knows why."""
    deployment.queue(deployment.event())
    assert put(deployment, {**WANTED, "max": 1}).json["reason"] == "set to 1 s"
    assert put(deployment, {**WANTED, "min": 600, "max": 600}).json["reason"] == "set to 600 s"


def test_bounds_may_come_before_the_first_event(deployment: Deployment) -> None:
    """Nothing is called then, not even for a pin; the task's first event finds them."""
    reply = put(deployment, {**WANTED, "min": 5})
    assert reply.status == 202
    assert reply.json["reason"] == "no event has named the task yet: the bounds apply from its first event on"
    assert described("PUT", ROUTE, reply) == []
    told = send(deployment, "GET", TASK_PATH)
    assert (told.json["task"], told.json["desired"], told.json["bounds"]["max"]) == (TASK_JSON, None, 5)
    assert described("GET", "/tasks/{AppId}/{RoomId}/{TaskId}", told) == []
    assert deployment.sent() == []
    deployment.queue(deployment.event())
    assert deployment.sent() == [5]


def test_bounds_of_a_task_that_no_event_has_named_can_be_cleared(deployment: Deployment) -> None:
    put(deployment)
    reply = send(deployment, "DELETE", PATH)
    assert (reply.status, reply.json["bounds"], reply.json["replaced"]["max"]) == (200, None, 5)
    assert described("DELETE", ROUTE, reply) == []
    assert send(deployment, "GET", TASK_PATH).status == 404
    assert send(deployment, "DELETE", PATH).status == 404


def test_what_is_not_confirmed_is_202_with_what_is_pending(deployment: Deployment) -> None:
    """The bounds are kept, and the reconciler goes on."""
    deployment.queue(deployment.event())
    deployment.context.remaining_ms = 2500
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    reply = put(deployment)
    assert reply.status == 202
    assert reply.json["reason"].endswith("; the reconciler goes on")
    assert [each["kind"] for each in reply.json["pending"]] == ["call_due", "bounds_end"]
    assert reply.json["bounds"]["max"] == 5


def test_a_task_that_has_ended_says_so(deployment: Deployment) -> None:
    deployment.queue(deployment.event())
    deployment.standin.end_task(TASK)
    reply = put(deployment)
    assert reply.status == 202
    assert "ActiveTaskNotFound" in reply.json["reason"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({**WANTED, "max": 0}, "max: must be a whole number of seconds from 1 to 600"),
        ({**WANTED, "max": 601}, "max: must be a whole number of seconds from 1 to 600"),
        ({**WANTED, "min": True}, "min: must be a whole number of seconds from 1 to 600"),
        ({**WANTED, "min": 2.5}, "min: must be a whole number of seconds from 1 to 600"),
        ({**WANTED, "min": "2"}, "min: must be a whole number of seconds from 1 to 600"),
        ({**WANTED, "min": 6}, "min: is 6, above max, which is 5"),
        ({"for": "30m", "reason": "x"}, "min: is missing, and so is max: one of them has to be there"),
        ({"max": 5, "for": "30m"}, "reason: is missing: others have to know why"),
        ({**WANTED, "reason": " "}, "reason: must be text of 1 to 200 characters, in one line"),
        ({**WANTED, "reason": "x" * 201}, "reason: must be text of 1 to 200 characters, in one line"),
        ({**WANTED, "reason": "a\nb"}, "reason: must be text of 1 to 200 characters, in one line"),
        ({**WANTED, "reason": 7}, "reason: must be text of 1 to 200 characters, in one line"),
        ({"max": 5, "reason": "x"}, "for: is missing: they end by themselves"),
        ({**WANTED, "for": "25h"}, "for: must be a duration from 1s to 24h: "),
        ({**WANTED, "for": "0s"}, "for: must be a duration from 1s to 24h: "),
        ({**WANTED, "for": 1800}, "for: must be a duration from 1s to 24h: "),
        ({**WANTED, "untill": "x"}, "body: has a member 'untill': there are min, max, for, reason"),
        ([WANTED], "body: must be an object with min, max, for, reason, not a list"),
        ("{", "body: is not JSON"),
        (b"", "body: is empty"),
        (b'{"max": 5, "max": 6}', "max: "),
    ],
)
def test_bounds_that_are_none_change_nothing(deployment: Deployment, body: object, detail: str) -> None:
    """Each is named by its field."""
    deployment.queue(deployment.event())
    reply = put(deployment, body)
    assert (reply.status, reply.problem) == (422, "bounds")
    assert reply.json["detail"].startswith(detail)
    assert described("PUT", ROUTE, reply) == []
    assert send(deployment, "GET", TASK_PATH).json["bounds"] is None
    assert deployment.sent() == [20]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/tasks/a%20b/r/t/bounds", "AppId"),
        (f"/tasks/a/{'r' * 129}/t/bounds", "RoomId"),
        ("/tasks/a/r/%2F/bounds", "TaskId"),
    ],
)
def test_a_task_that_cannot_be_gets_no_bounds(deployment: Deployment, path: str, name: str) -> None:
    reply = put(deployment, path=path)
    assert (reply.status, reply.problem) == (422, "bounds")
    assert reply.json["detail"] == f"{name}: an id has 1 to 128 letters, digits and _ @ - ."
    assert send(deployment, "DELETE", path).status == 404


def test_a_dry_run_sets_none(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment.queue(deployment.event())
    monkeypatch.setenv("DRY_RUN", "true")
    reply = put(deployment)
    assert (reply.status, reply.json["bounds"]) == (200, None)
    assert reply.json["reason"] == "dry run: none were set or cleared"
    assert deployment.sent() == [20]


def test_what_a_person_did_stands_in_the_log(deployment: Deployment) -> None:
    """By whom, to which task, why, whose it replaced and what came of it."""
    deployment.queue(deployment.event())
    with captured(bootstrap.logger()) as out:
        put(deployment)
        put(deployment, {"min": 60, "for": "1h", "reason": "too many pictures"}, caller=BOB)
        send(deployment, "DELETE", PATH)
    first, second = lines(out.getvalue(), "bounds_set")
    assert {name: first[name] for name in ("room_id", "task_id", "max", "caller", "reason", "says")} == {
        "room_id": TASK.room_id,
        "task_id": TASK.task_id,
        "max": 5,
        "caller": ALICE,
        "reason": "incident 4711",
        "says": "set to 5 s",
    }
    assert (second["replaced"], second["replaced_of"]) == ("incident 4711", ALICE)
    (cleared,) = lines(out.getvalue(), "bounds_cleared")
    assert (cleared["caller"], cleared["replaced"]) == (USER, "too many pictures")


@pytest.fixture
def public(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("WEBHOOK_TOKENS", f"prom:{'w' * 24}")
    monkeypatch.setenv("OPERATOR_TOKENS", f"alice:{TOKEN}")
    return deployment


def bearing(token: str) -> Mapping[str, str]:
    return {**JSON, "Authorization": f"Bearer {token}"}


def test_with_signatures_only_an_operators_token_may(public: Deployment) -> None:
    """A signature covers neither method nor path, and a sender of events is no operator. The name is the caller."""
    for method, body in (("PUT", json.dumps(WANTED)), ("DELETE", "")):
        for headers in (JSON, signed(body), bearing("w" * 24), bearing(TOKEN + "x"), bearing("")):
            refused = send(public, method, PATH, body, headers, principal=None)
            assert (refused.status, refused.problem) == (401, "unauthenticated")
            assert refused.json["detail"] == "only a bearer token of OPERATOR_TOKENS may do this"
            assert refused.headers["www-authenticate"] == "Bearer"
    assert send(public, "GET", TASK_PATH, b"", bearing(TOKEN), principal=None).status == 404
    reply = send(public, "PUT", PATH, WANTED, bearing(TOKEN), principal=None)
    assert (reply.status, reply.json["bounds"]["caller"]) == (202, "alice")


def test_with_iam_nobody_may_whom_it_has_not_checked(deployment: Deployment) -> None:
    refused = put(deployment, caller=None)
    assert (refused.status, refused.problem) == (401, "unauthenticated")


def test_the_list_of_bounded_tasks_has_those_alone_that_have_some(deployment: Deployment) -> None:
    """Also one that no event has named yet."""
    other = TaskRef("app", "room-2", "task")
    deployment.queue(deployment.event(), deployment.event("e-2", task=other))
    put(deployment)
    put(deployment, path="/tasks/app/room-3/task/bounds")
    reply = send(deployment, "GET", "/tasks?bounded=true")
    assert {(each["task"]["RoomId"], each["interval"]) for each in reply.json["tasks"]} == {
        ("room-1", 5),
        ("room-3", None),
    }
    assert described("GET", "/tasks", reply) == []

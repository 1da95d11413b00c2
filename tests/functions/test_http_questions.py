"""What an operator asks: why a task has its interval, what a policy would do, whether the deployment is well."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from devkit.valkey import valkey_server
from snapshot_tuner.model import TaskRef
from snapshot_tuner.version import VERSION
from tests.functions.conftest import POLICY, TASK, Deployment
from tests.functions.http_sender import send
from tests.functions.test_outcomes import TASK_JSON

CLOUD_EVENT = {"Content-Type": "application/cloudevents+json"}
TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"


def test_a_task_is_told_with_its_events_and_rules(deployment: Deployment) -> None:
    """One event was applied; the call of a newer one failed, so that it is due."""
    deployment.queue(deployment.event("first"))
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    deployment.queue(deployment.wanted("second", 30, seconds=1))
    answered = send(deployment, "GET", TASK_PATH).json
    policy = hashlib.sha256(POLICY.encode()).hexdigest()[:12]
    applied_since, desired_since = answered["applied"].pop("since"), answered["desired"].pop("since")
    assert answered == {
        "task": TASK_JSON,
        "desired": {
            "interval": 30,
            "event": {"id": "second", "source": "/test"},
            "rule": "as-asked",
            "reason": "interval 30 -> curve 30 s",
            "policy": policy,
        },
        "applied": {
            "interval": 20,
            "event": {"id": "first", "source": "/test"},
            "rule": "room-load-high",
            "reason": None,
            "policy": policy,
        },
        "pending": [{"kind": "call_due", "until": None}],
        "bounds": None,
        "policy": hashlib.sha256(POLICY.encode()).hexdigest()[:12],
    }
    assert deployment.started.strftime("%Y-%m-%dT") <= applied_since < desired_since
    assert desired_since.endswith("Z")


def test_a_settled_task_has_nothing_pending(deployment: Deployment) -> None:
    deployment.queue(deployment.event())
    assert send(deployment, "GET", TASK_PATH).json["pending"] == []


def test_a_task_in_doubt_says_until_when(deployment: Deployment) -> None:
    """The outcome of its call is unknown: 15 s from then."""
    deployment.standin.add_fault(Fault(kind=FaultKind.CUT))
    deployment.queue(deployment.event())
    answered = send(deployment, "GET", TASK_PATH).json
    assert answered["applied"] is None
    assert [pending["kind"] for pending in answered["pending"]] == ["call_due", "in_doubt"]
    assert answered["pending"][1]["until"] > answered["desired"]["since"]


def test_what_ends_or_waits_by_itself_is_pending(
    deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert holds for ten minutes; the longer interval that was asked for later waits for a minute."""
    bounded = environment.with_name("bounded.yaml")
    bounded.write_text(
        "version: 1\nlengthen_after: 60s\nrules:\n"
        "  - {name: alert, match: {type: [moderation.alert]}, interval: 2, for: 10m, then: 9}\n"
        "  - {name: as-asked, match: {type: [wanted]}, interval: {of: data.interval, curve: [[1, 1], [600, 600]]}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("POLICY_PATH", str(bounded))
    assert deployment.queue(deployment.event("alert", type="moderation.alert")) == []
    answered = send(deployment, "GET", TASK_PATH).json
    assert (answered["applied"]["interval"], [each["kind"] for each in answered["pending"]]) == (2, ["adjustment_ends"])
    other = TaskRef("app", "room-1", "other")
    assert deployment.queue(deployment.wanted("short", 5, task=other)) == []
    assert deployment.queue(deployment.wanted("long", 50, seconds=1, task=other)) == []
    other_task = send(deployment, "GET", "/tasks/app/room-1/other").json
    assert (other_task["desired"]["interval"], [each["kind"] for each in other_task["pending"]]) == (
        5,
        ["lengthening_waits"],
    )


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("store", ["sqlite", "valkey"])
def test_a_task_says_why_it_has_its_interval_with_the_numbers(
    store: str, deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch, cleanup: ExitStack
) -> None:
    """As the answer to the event did: of what is desired, applied and open, and of the base that comes back."""
    policy = environment.with_name("reasons.yaml")
    policy.write_text(
        "version: 1\n"
        "rules:\n"
        "  - {name: alert, match: {type: [moderation.alert]}, interval: 5, for: 10m, default: 30}\n"
        "  - {name: resolved, match: {type: [moderation.resolved]}, hold: true, ends: [alert]}\n"
        "  - {name: load, interval: {of: data.load, curve: [[0.8, 10], [1.0, 60]]}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("POLICY_PATH", str(policy))
    if store == "valkey":
        monkeypatch.setenv("LEDGER_URL", f"redis://127.0.0.1:{cleanup.enter_context(valkey_server()).port}/0")

    def sent(event: dict[str, object]) -> str:
        [outcome] = send(deployment, "POST", "/events", event, CLOUD_EVENT).json["outcomes"]
        return str(outcome["reason"])

    def reasons() -> tuple[str, str, list[str]]:
        known = send(deployment, "GET", TASK_PATH).json
        return known["desired"]["reason"], known["applied"]["reason"], [each["reason"] for each in known["pending"]]

    load, alert = "load 0.92 -> curve 40 s", "fixed 5 s, for 600 s, then previous or else 30 s"
    assert sent(deployment.event("load", data={"load": 0.92})) == load
    assert reasons() == (load, load, [])
    assert sent(deployment.event("alert", seconds=1, type="moderation.alert")) == alert
    assert reasons() == (alert, alert, [alert])
    assert "ends alert" in sent(deployment.event("resolved", seconds=2, type="moderation.resolved"))
    assert reasons() == (load, load, [])


def test_a_task_says_until_when_what_limits_make_of_it_holds(
    deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window that holds now, for two hours at least; an alert that is open says its rule and its policy."""
    now = datetime.now(UTC)
    begins, ends = ((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 2))
    limited = environment.with_name("limited.yaml")
    limited.write_text(
        "version: 1\n"
        f'limits: [{{name: calm, when: {{from: "{begins}", to: "{ends}", zone: "+00:00"}}, factor: 2}}]\n'
        "rules:\n"
        "  - {name: alert, match: {type: [moderation.alert]}, interval: 2, for: 10m, urgent: true}\n"
        "  - {name: load, interval: 9}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("POLICY_PATH", str(limited))
    policy = hashlib.sha256(limited.read_bytes()).hexdigest()[:12]
    assert deployment.queue(deployment.event("load")) == []
    assert deployment.queue(deployment.event("alert", type="moderation.alert")) == []
    answered = send(deployment, "GET", TASK_PATH).json
    adjustment, limits = answered["pending"]
    assert (answered["desired"]["interval"], answered["desired"]["policy"]) == (2, policy)
    assert (adjustment["kind"], adjustment["rule"], adjustment["policy"]) == ("adjustment_ends", "alert", policy)
    assert adjustment["reason"] == answered["desired"]["reason"] == "fixed 2 s, for 600 s, then previous"
    until = (now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:00.000000Z")
    assert limits == {"kind": "limits_hold", "until": until, "then": 9}


def test_a_task_that_nobody_spoke_of_is_404(deployment: Deployment) -> None:
    """And so is one that cannot be."""
    for path in (TASK_PATH, "/tasks/app/room/%20", "/tasks/app/" + "x" * 129 + "/task", "/tasks/app/%2F/task"):
        reply = send(deployment, "GET", path)
        assert (reply.status, reply.problem) == (404, "task-unknown")


def test_an_id_may_be_percent_encoded(deployment: Deployment) -> None:
    deployment.queue(deployment.event())
    assert send(deployment, "GET", "/tasks/app/room%2D1/task").json["task"] == TASK_JSON


def test_an_explanation_changes_nothing(deployment: Deployment) -> None:
    """Rule by rule, the interval before and after the bounds, the tasks; no call, and nothing is remembered."""
    answered = send(deployment, "POST", "/explain", deployment.event(type="moderation.alert")).json
    assert (answered["verdict"], answered["rule"]) == ("adjust", "moderation-alert")
    clamped = {"step": "bounds", "seconds": 2, "says": "clamped to 2 s by bounds.min"}
    assert answered["interval"] == {
        "asked": 1,
        "bounds": {"min": 2, "max": 300},
        "steps": [clamped],
        "given": 2,
        "edges": [],
    }
    assert answered["tasks"] == [TASK_JSON]
    assert [rule["reached"] for rule in answered["rules"]] == ["matched", *["not_reached"] * 4]
    assert deployment.sent() == []
    assert send(deployment, "GET", TASK_PATH).status == 404


def test_an_explanation_says_why_a_rule_did_not_match(deployment: Deployment) -> None:
    """Test by test, with the number of the policy as a number."""
    rules = send(deployment, "POST", "/explain", deployment.event(data={"load": 0.5})).json["rules"]
    assert rules[1]["reason"] == 'data.load is 0.5, not {"numeric": [">=", 0.8]}'
    _, data = rules[1]["pattern"]
    (load,) = data["parts"]
    assert load == {
        "asking": "field",
        "place": "data.load",
        "matched": False,
        "found": "0.5",
        "parts": [{"asking": "test", "place": "data.load", "matched": False, "wanted": {"numeric": [">=", 0.8]}}],
    }


def test_a_time_that_cannot_be_written_is_no_defect(deployment: Deployment) -> None:
    """It is a real time, of the year 10000 in UTC; that it is too far ahead is for the ledger to say."""
    event = deployment.event() | {"time": "9999-12-31T23:59:59-23:59"}
    answered = send(deployment, "POST", "/explain", event)
    assert (answered.status, answered.json["event"]["time"]) == (200, None)


def test_what_is_no_event_is_not_explained(deployment: Deployment) -> None:
    """One event at a time, and a readable one."""
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    assert send(deployment, "POST", "/explain", [deployment.event()] * 2, batch).problem == "malformed"
    reply = send(deployment, "POST", "/explain", deployment.event(id=""))
    assert (reply.status, reply.json["detail"]) == (400, "id: must not be empty")


def test_a_healthy_deployment_names_its_policy(deployment: Deployment) -> None:
    """By the hash that logs have, too; no call is made."""
    assert send(deployment, "GET", "/health").json == {
        "status": "ok",
        "version": VERSION,
        "ledger": "reachable",
        "policy": {"version": 1, "sha256": hashlib.sha256(POLICY.encode()).hexdigest()},
        "credentials": "present",
    }
    assert deployment.standin.calls() == ()


@pytest.mark.parametrize(
    ("setting", "detail"),
    [
        (("VOLCENGINE_SECRET_KEY", ""), "VOLCENGINE_SECRET_KEY is missing or malformed; the function's log says more"),
        (("POLICY_PATH", "wrong.yaml"), "the policy has mistakes"),
        (
            ("LEDGER_URL", "redis://user:hunter2@127.0.0.1:1/0"),
            "the ledger does not answer; the function's log says more",
        ),
    ],
)
def test_an_unhealthy_deployment_says_what_it_lacks_and_no_more(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: tuple[str, str], detail: str
) -> None:
    """The route is public: neither rules nor paths, hosts or passwords."""
    (tmp_path / "wrong.yaml").write_text("version: 2", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*setting)
    reply = send(deployment, "GET", "/health")
    assert (reply.status, reply.problem, reply.json["detail"]) == (503, "unhealthy", detail)
    assert "hunter2" not in reply.text


def test_a_ledger_that_does_not_answer_is_503_for_a_task(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a time to come back."""
    monkeypatch.setenv("LEDGER_URL", "redis://127.0.0.1:1/0")
    reply = send(deployment, "GET", TASK_PATH)
    assert (reply.status, reply.problem, reply.headers["retry-after"]) == (503, "unavailable", "5")


def test_the_page_needs_no_network(deployment: Deployment) -> None:
    """Script and style are in it, and the browser is told to load nothing else."""
    page = send(deployment, "GET", "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert "SwaggerUIBundle" in page.text
    assert "Why a task has its interval" in page.text
    assert "<script src" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_defect_gives_nothing_away(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 as a problem; the log names the place, without what was at work there."""

    def broken(*_: object) -> None:
        raise KeyError("secret-text")

    monkeypatch.setattr("http_endpoint.views.from_explanation", broken)
    reply = send(deployment, "POST", "/explain", deployment.event())
    assert (reply.status, reply.problem) == (500, "defect")
    (line,) = [vars(record) for record in caplog.records if record.getMessage() == "defect"]
    assert (line["error"], line["at"].partition(":")[0]) == ("KeyError", __name__)
    assert "secret-text" not in reply.text + repr(line)

"""Senders that cannot sign: a bearer token lets them in, and alert senders are answered so that nothing is lost."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from tests.events.readings.reading_policies import alert, group
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import JSON, SECRET, HttpReply, send, signed
from tests.logged_lines import captured

TOKEN = "a" * 24
SECOND = "b" * 24
OTHER = "c" * 24
OPERATORS = "d" * 24
READINGS = """
  - name: alert
    match: {type: [alertmanager.firing]}
    interval: 4
  - name: alert-over
    match: {type: [alertmanager.resolved]}
    interval: 30
events:
  - use: alertmanager
    data: {AppId: "{item.labels.AppId}", RoomId: "{item.labels.RoomId}", TaskId: "{item.labels.TaskId}"}
"""


@pytest.fixture
def public(deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that reads alerts, and takes the tokens of two senders."""
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("WEBHOOK_TOKENS", f"prom:{TOKEN}, prom:{SECOND}, grafana:{OTHER}")
    text = environment.read_text(encoding="utf-8")
    environment.write_text(text + READINGS + "  - {use: grafana}\n", encoding="utf-8")
    return deployment


def bearing(token: str) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {token}"}


def post(public: Deployment, body: object, headers: Mapping[str, str]) -> HttpReply:
    return send(public, "POST", "/events", body, headers, principal=None)


def about(public: Deployment, task: TaskRef = TASK, fingerprint: str = "f1", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - members of an alert
    labels = {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}
    return alert(fingerprint, labels=labels, startsAt=public.started.isoformat(), **more)


def test_a_known_token_lets_in_and_its_name_is_logged(public: Deployment) -> None:
    """During a rotation either one; the token itself is nowhere."""
    body = public.event()
    with captured(bootstrap.logger()) as out:
        assert post(public, body, bearing(TOKEN)).outcomes == ["applied"]
        assert post(public, body, bearing(SECOND)).outcomes == ["duplicate"]
        assert post(public, public.event("e-2"), signed(public.event("e-2"))).status == 200
    printed = out.getvalue()
    assert '"sender":"prom"' in printed
    assert TOKEN not in printed
    assert SECOND not in printed


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "a", "é" * 24, f"prom:{TOKEN}"])
def test_any_other_token_is_refused(public: Deployment, token: str) -> None:
    """Also beside a signature that is right: whoever shows a token is judged by it."""
    body = public.event()
    for headers in (bearing(token), {**signed(body), **bearing(token)}):
        with captured(bootstrap.logger()) as out:
            reply = post(public, body, headers)
        assert (reply.status, reply.problem) == (401, "unauthenticated")
        assert "Bearer" in reply.headers["www-authenticate"]
        assert len(token) < len(TOKEN) - 1 or token not in reply.text + out.getvalue()
    assert public.sent() == []


@pytest.mark.parametrize("tokens", ["a" * 30, f"prom:{'a' * 23}", f"pr om:{TOKEN}", f"prom:{TOKEN}\tb"])
def test_a_token_that_is_none_is_the_deployments_fault(
    public: Deployment, tokens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named, the token is not told."""
    monkeypatch.setenv("WEBHOOK_TOKENS", tokens)
    with captured(bootstrap.logger()) as out:
        reply = post(public, public.event(), bearing(TOKEN))
    assert reply.status == 500
    assert "WEBHOOK_TOKENS" in reply.json["detail"]
    assert "aaaa" not in reply.text + out.getvalue()


def test_an_operators_token_shows_everything_and_sends_nothing(
    public: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens every route that only looks; what sends events has a token of its own."""
    monkeypatch.setenv("OPERATOR_TOKENS", f"alice:{OPERATORS}")
    proof = bearing(OPERATORS)
    assert send(public, "GET", "/tasks", b"", proof, principal=None).status == 200
    assert send(public, "POST", "/explain", public.event(), proof, principal=None).status == 200
    refused = post(public, public.event(), proof)
    assert (refused.status, refused.json["detail"]) == (401, "the bearer token is none of WEBHOOK_TOKENS")
    nobodys = send(public, "GET", "/tasks", b"", bearing(OPERATORS + "x"), principal=None)
    assert (nobodys.status, nobodys.json["detail"]) == (
        401,
        "the bearer token is none of WEBHOOK_TOKENS or OPERATOR_TOKENS",
    )


@pytest.mark.parametrize("tokens", [f"alice:{TOKEN}", "alice", f"alice:{'a' * 23}"])
def test_an_operators_token_that_a_sender_has_too_is_the_deployments_fault(
    public: Deployment, monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    """As one that is none: who sends events is no operator."""
    monkeypatch.setenv("OPERATOR_TOKENS", tokens)
    with captured(bootstrap.logger()) as out:
        reply = post(public, public.event(), bearing(SECOND))
    assert reply.status == 500
    assert "OPERATOR_TOKENS" in reply.json["detail"]
    assert "aaaa" not in reply.text + out.getvalue()


def test_the_keys_of_two_senders_are_apart(public: Deployment) -> None:
    """Plain JSON under the same key is another event when another one sends it."""
    plain = {"type": public.event()["type"], "data": public.event()["data"]}
    for token, expected in ((TOKEN, "applied"), (SECOND, "duplicate"), (OTHER, "applied")):
        reply = post(public, plain, {**bearing(token), "Idempotency-Key": "key-1"})
        assert reply.status == 200
        assert (expected == "duplicate") == (reply.outcomes == ["duplicate"])


def test_an_alert_of_a_room_that_has_ended_is_answered_200(public: Deployment) -> None:
    """Any 4xx would make its sender repeat the whole group for ever; the outcome says what came of it."""
    gone = TASK._replace(task_id="task-gone")
    public.standin.end_task(gone)
    reply = post(public, group(about(public), about(public, gone), alert("f3", startsAt="soon")), bearing(TOKEN))
    assert reply.status == 200
    assert reply.outcomes == ["applied", "rejected", "rejected"]
    assert public.sent() == [4]


@pytest.mark.parametrize("error", [ProviderError.QPS_OVER_LIMIT, ProviderError.INTERNAL_ERROR])
def test_an_alert_to_be_retried_is_answered_503(public: Deployment, error: ProviderError) -> None:
    """Also where others get 429, which loses the notification; the next try applies it."""
    public.context.remaining_ms = 2500
    public.standin.add_fault(Fault(kind=FaultKind.ERROR, error=error))
    body = group(about(public))
    reply = post(public, body, bearing(TOKEN))
    assert (reply.status, reply.outcomes) == (503, ["retry"])
    assert "retry-after" in reply.headers
    public.context.remaining_ms = 30_000
    assert post(public, body, bearing(TOKEN)).outcomes == ["applied"]
    assert public.stands_at() == 4


def test_a_repeated_alert_makes_no_call_and_an_older_one_is_held(public: Deployment) -> None:
    """With another annotation it is a duplicate, no conflict; what has fired for weeks is nobody's fault."""
    assert post(public, group(about(public)), bearing(TOKEN)).outcomes == ["applied"]
    again = about(public, annotations={"load": "0.99"}, endsAt="2027-01-01T00:00:00Z")
    assert post(public, group(again), bearing(TOKEN)).outcomes == ["duplicate"]
    old = {**about(public, fingerprint="old"), "startsAt": "2020-01-01T00:00:00Z"}
    reply = post(public, group(old), bearing(TOKEN))
    assert (reply.status, reply.outcomes) == (200, ["held"])
    assert public.sent() == [4]


def test_one_alert_of_a_hundred_that_changed_makes_one_call(public: Deployment) -> None:
    """The group is repeated whole."""
    tasks = [TASK._replace(task_id=f"task-{number}") for number in range(100)]
    alerts = [about(public, task, fingerprint=str(number)) for number, task in enumerate(tasks)]
    assert post(public, group(*alerts), bearing(TOKEN)).outcomes == ["applied"] * 100
    over = (public.started + timedelta(seconds=1)).isoformat()
    alerts[7] |= {"status": "resolved", "endsAt": over}
    outcomes = post(public, group(*alerts), bearing(TOKEN)).outcomes
    assert Counter(outcomes) == {"duplicate": 99, "applied": 1}
    assert public.sent(tasks[7]) == [4, 30]
    assert len(public.standin.calls()) == 101


def test_a_group_that_cannot_be_read_at_all_is_refused(public: Deployment) -> None:
    """With 200 nobody would learn that none of its alerts counts: Alertmanager reports a 4xx, in log and metrics."""
    small = [{"status": "firing", "fingerprint": f"f{number}", "labels": {}} for number in range(1001)]
    refused = post(public, group(*small), bearing(TOKEN))
    assert (refused.status, refused.outcomes) == (400, ["rejected"])
    assert refused.json["detail"] == "reading alertmanager, body.alerts: has more than 1,000 elements"
    large = [about(public, fingerprint=f"f{number}", annotations={"text": "x" * 700}) for number in range(350)]
    assert post(public, group(*large), bearing(TOKEN)).status == 413
    assert public.sent() == []


def test_what_a_sender_has_left_out_is_a_warning_and_counted(
    public: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the alerts that are there, which are applied; an empty group is none."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tuner-HttpEndpoint-1")
    with captured(bootstrap.logger()) as out:
        posted = post(public, group(about(public), truncatedAlerts=3), bearing(TOKEN))
        post(public, group(), bearing(TOKEN))
    assert (posted.status, posted.outcomes) == (200, ["applied", "unmatched"])
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    (warning, _) = [entry for entry in entries if entry["message"] == "event_unmatched"]
    assert (warning["level"], warning["left_out"]) == ("WARNING", 3)
    assert warning["reason"] == "reading alertmanager: the sender left 3 elements out of the body"
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["AlertsLeftOut"] for line in counted if "AlertsLeftOut" in line] == [[3.0]]


def test_a_message_comes_back_when_any_of_its_events_is_not_settled(public: Deployment) -> None:
    """What was applied is a duplicate then; the other messages are not touched."""
    other = TASK._replace(task_id="task-2")
    public.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.SERVICE_UNAVAILABLE_TEMP, task=other))
    public.context.remaining_ms = 2500
    both = group(about(public), about(public, other, fingerprint="f2"))
    assert public.queue(both, group(), group(about(public, fingerprint="f3"))) == ["m-0"]
    public.context.remaining_ms = 30_000
    assert public.queue(both) == []
    assert public.stands_at(other) == 4


def test_a_readings_id_over_http_is_the_requests(public: Deployment, environment: Path) -> None:
    """The Idempotency-Key, else the webhook-id, else the request's own id."""
    own = "  - {name: own, match: {load: [{exists: true}]}, type: wanted, data: {AppId: a, RoomId: r, TaskId: t}}\n"
    environment.write_text(environment.read_text(encoding="utf-8") + own, encoding="utf-8")
    for more, expected in (
        ({"Idempotency-Key": "key-1", "webhook-id": "hook"}, "key-1"),
        ({"webhook-id": "hook"}, "hook"),
        ({}, "request"),
    ):
        reply = post(public, {"load": 0.5}, {**bearing(TOKEN), **more})
        assert [outcome["id"] for outcome in reply.json["outcomes"]] == [expected]

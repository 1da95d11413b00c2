"""POST /health/check: each part of a deployment tried, and what is wrong with it said in words and without a secret."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.rtc_standin import BYTEPLUS, ProviderError, StandIn
from snapshot_tuner import bootstrap
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import CallAbandoned
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger.timing import CAREFUL_SECONDS
from snapshot_tuner.ledger.types import SetAsideRecords
from snapshot_tuner.rtc.call_pool import ApiCalls
from tests.aws.secrets_standin import running
from tests.functions.conftest import POLICY, Deployment
from tests.functions.http_sender import HttpReply, send
from tests.functions.test_http_openapi import described

NOT_FOUND = json.dumps(
    {"ResponseMetadata": {"Error": {"Code": "InvalidParameter.ErrorActiveTaskNotFound", "Message": "no such task"}}}
).encode()


@pytest.fixture
def asked(deployment: Deployment) -> Iterator[Deployment]:
    """The provider knows no task that cannot be."""
    deployment.standin.spoil_reads(404, NOT_FOUND)
    yield deployment
    deployment.standin.read_as_usual()


def check(deployment: Deployment) -> HttpReply:
    reply = send(deployment, "POST", "/health/check")
    assert described("POST", "/health/check", reply) == []
    return reply


def parts(reply: HttpReply) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in reply.json["checks"]}


def failing(deployment: Deployment) -> dict[str, Any]:
    """The one part that fails; all others are well."""
    reply = check(deployment)
    assert (reply.status, reply.problem) == (503, "unhealthy")
    (failed,) = [each for each in reply.json["checks"] if not each["ok"]]
    assert reply.json["detail"] == f"{failed['check']}: {failed['says']}"
    return dict(failed)


def test_a_right_deployment_is_right_in_every_part(asked: Deployment) -> None:
    """With the policy's hash and origin, the ledger's round trip and its clock, and no call that changes anything."""
    reply = check(asked)
    assert (reply.status, reply.json["status"]) == (200, "ok")
    found = parts(reply)
    assert {name: each["ok"] for name, each in found.items()} == dict.fromkeys(
        ("secrets", "ledger", "policy", "provider"), True
    )
    assert (found["policy"]["origin"], found["policy"]["version"]) == ("file", 1)
    assert re.fullmatch("[0-9a-f]{12}", found["policy"]["policy"])
    assert 0 < found["ledger"]["round_trip_ms"] < 1000
    assert abs(found["ledger"]["clock_ahead_ms"]) < 100
    assert found["ledger"]["records_set_aside"] == 0
    assert asked.standin.calls() == ()


def test_a_task_that_is_known_after_all_proves_as_much(deployment: Deployment) -> None:
    assert parts(check(deployment))["provider"]["ok"]


def test_records_that_were_set_aside_are_named(asked: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger takes writes all the same."""
    aside = SetAsideRecords(2, ("task app:room:a", "task app:room:b"))
    monkeypatch.setattr("snapshot_tuner.ledger.in_process.ledger.InProcessLedger.set_aside", lambda *_: aside)
    ledger = parts(check(asked))["ledger"]
    assert (ledger["ok"], ledger["records_set_aside"], ledger["set_aside"]) == (True, 2, list(aside.names))
    assert ledger["says"].endswith("; 2 records that could not be read are set aside")


def test_a_ledger_that_may_have_forgotten_says_so_while_that_matters(
    asked: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day; nothing is wrong with it."""
    lost_at = SystemClock().wall_us()
    monkeypatch.setattr("snapshot_tuner.ledger.in_process.ledger.InProcessLedger.lost_at", lambda _: lost_at)
    ledger = parts(check(asked))["ledger"]
    assert ledger["ok"]
    assert ledger["careful_until"] == rfc3339.from_microseconds(lost_at + round(CAREFUL_SECONDS * 1e6))
    assert f"it may have forgotten something at {rfc3339.from_microseconds(lost_at)}, so for a day" in ledger["says"]
    lost_at -= round(CAREFUL_SECONDS * 1e6)
    assert "careful_until" not in parts(check(asked))["ledger"]


def test_whoever_has_proved_nothing_is_told_nothing(asked: Deployment) -> None:
    reply = send(asked, "POST", "/health/check", principal=None)
    assert (reply.status, reply.problem) == (401, "unauthenticated")
    assert "checks" not in reply.json


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("VOLCENGINE_ACCESS_KEY", "AKLTsomebody", "the key is refused: no account has this access key"),
        (
            "VOLCENGINE_SECRET_KEY",
            "not-the-right-one",
            "the key is refused: the secret key does not match the access key",
        ),
        ("RTC_REGION", "ap-singapore-1", "wrong region: the RTC API accepts no signature for ap-singapore-1"),
        ("RTC_API_VERSION", "2022-06-01", "wrong version: the RTC API there has no 2022-06-01"),
        ("RTC_ENDPOINT", "http://127.0.0.1:9", "no route to the RTC API: no connection could be opened"),
    ],
)
def test_a_wrong_way_to_the_provider_is_named(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    """And what to do about it; nothing secret is in it."""
    monkeypatch.setenv(variable, value)
    failed = failing(deployment)
    assert (failed["check"], failed["says"]) == ("provider", says)
    assert variable in failed["do"]
    assert "not-the-right-one" not in json.dumps(failed)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ProviderError.INVALID_TIMESTAMP, "the RTC API refuses the time: the function's clock is off"),
        (ProviderError.ACCESS_DENIED, "the key may not call GetSnapshotTask"),
        (ProviderError.INTERNAL_ERROR, "the RTC API answers InternalError"),
    ],
)
def test_what_the_provider_answers_is_named(deployment: Deployment, error: ProviderError, says: str) -> None:
    body = json.dumps({"ResponseMetadata": {"Error": {"Code": error.code, "Message": "no"}}}).encode()
    deployment.standin.spoil_reads(error.status, body)
    assert failing(deployment)["says"] == says


def test_a_slot_that_was_missed_is_no_fault(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection over the internet takes longer to open than a slot is usable; the next attempt has it."""
    read, missed = ApiCalls.read, [CallAbandoned("its slot was missed")] * 2

    def at_the_third_attempt(*words: Any) -> object:  # noqa: ANN401 - as `read` takes them
        if missed:
            raise missed.pop()
        return read(*words)

    monkeypatch.setattr(ApiCalls, "read", at_the_third_attempt)
    assert parts(check(deployment))["provider"]["ok"]
    missed += [CallAbandoned("its slot was missed")] * 100
    assert failing(deployment)["says"] == "there was no time to try it"


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"{}"])
def test_a_page_that_answers_everything_proves_nothing(deployment: Deployment, body: bytes) -> None:
    deployment.standin.spoil_reads(200, body)
    assert failing(deployment)["says"] == "what answers is not an RTC API"


def test_a_dead_ledger_is_named_and_the_rest_is_tried(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its host or its password."""
    monkeypatch.setenv("LEDGER_URL", "redis://:hunter2@127.0.0.1:9/0")
    failed = failing(deployment)
    assert failed["check"] == "ledger"
    assert failed["says"].startswith("the ledger does not answer")
    assert "LEDGER_URL" in failed["do"]
    assert "127.0.0.1" not in json.dumps(failed)
    assert "hunter2" not in json.dumps(failed)


def test_a_parameter_that_is_refused_is_named_with_what_decides_meanwhile(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as stand_in:
        stand_in.parameters["/policy"] = "version: 1\nrules: []\n"
        for name, value in {**stand_in.environment(), "POLICY_PARAMETER": "/policy"}.items():
            monkeypatch.setenv(name, value)
        failed = failing(deployment)
        assert failed["check"] == "policy"
        assert failed["says"].startswith("the parameter's policy is not in force: ")
        assert failed["says"].endswith("of the file decides")
        assert "./tuner publish" in failed["do"]
        stand_in.parameters["/policy"] = POLICY
        bootstrap.close()
        right = parts(check(deployment))["policy"]
        assert (right["ok"], right["origin"], right["age_seconds"]) == (True, "parameter /policy", 0)


def test_without_any_policy_its_mistakes_are_told_and_the_rest_is_not_tried(
    deployment: Deployment, environment: Path
) -> None:
    """The caller has proved who it is, so it may read them."""
    environment.write_text("version: 1\nrules: []\n", encoding="utf-8")
    reply = check(deployment)
    assert (reply.status, reply.problem) == (503, "unhealthy")
    found = parts(reply)
    assert {name: each["ok"] for name, each in found.items()} == {
        "secrets": True,
        "policy": False,
        "ledger": None,
        "provider": None,
    }
    assert found["policy"]["says"].startswith("no policy is in force: line 2, rules")
    assert str(environment) not in reply.text


def test_a_store_whose_clock_is_off_is_named(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of events are judged by it."""
    monkeypatch.setattr("snapshot_tuner.ledger.in_process.ledger.InProcessLedger.clock_ahead", lambda _: -2.5)
    failed = failing(deployment)
    assert failed["check"] == "ledger"
    assert "its clock is 2500.0 ms behind the function's" in failed["says"]


def test_both_worlds_of_the_provider_are_told_apart(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn(api=BYTEPLUS, credentials=deployment.standin.credentials) as byteplus:
        monkeypatch.setenv("RTC_ENDPOINT", byteplus.endpoint)
        assert "wrong region" in failing(deployment)["says"]
        monkeypatch.setenv("RTC_REGION", BYTEPLUS.region)
        assert "wrong version" in failing(deployment)["says"]
        monkeypatch.setenv("RTC_API_VERSION", BYTEPLUS.version)
        assert check(deployment).status == 200

"""POST /callbacks/rtc: the RTC service's own events, answered in its time, with 200 only when settled."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner import bootstrap
from tests.functions.conftest import POLICY, Deployment
from tests.functions.http_sender import RTC_SECRET, callback, send
from tests.logged_lines import captured

RULE = """  - name: joined
    match: {type: [rtc.UserJoinRoom], source: [{prefix: "rtc:"}]}
    interval: 7
"""
JOINED = {"RoomId": "room-1", "TaskId": "task", "UserId": "u"}


@pytest.fixture
def listening(deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    environment.write_text(POLICY + RULE, encoding="utf-8")
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", RTC_SECRET)
    return deployment


def test_a_callback_is_an_event_like_any_other(listening: Deployment) -> None:
    """Its task is of the AppId around it; its second attempt is a duplicate."""
    body = callback(listening, JOINED, event_type="UserJoinRoom")
    replies = [send(listening, "POST", "/callbacks/rtc", body) for _ in range(2)]
    assert [(reply.status, reply.outcomes) for reply in replies] == [(200, ["applied"]), (200, ["duplicate"])]
    assert listening.sent() == [7]


def test_a_callback_that_no_rule_is_for_is_settled(listening: Deployment) -> None:
    """Most kinds of them."""
    body = callback(listening, JOINED, event_type="RecordStarted")
    reply = send(listening, "POST", "/callbacks/rtc", body)
    assert (reply.status, reply.outcomes) == (200, ["unmatched"])


def test_a_callback_whose_call_failed_is_not_200(listening: Deployment) -> None:
    """The service tries again, and then it is applied."""
    listening.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    body = callback(listening, JOINED, event_type="UserJoinRoom")
    assert [send(listening, "POST", "/callbacks/rtc", body).status for _ in range(2)] == [503, 200]


@pytest.mark.slow
def test_a_callback_is_answered_within_five_seconds(listening: Deployment) -> None:
    """The API is silent, and the function has half a minute."""
    listening.standin.add_fault(Fault(kind=FaultKind.SILENCE))
    begun = time.monotonic()
    reply = send(listening, "POST", "/callbacks/rtc", callback(listening, JOINED, event_type="UserJoinRoom"))
    assert (reply.status, reply.problem) == (503, "unknown")
    assert time.monotonic() - begun < 4.8


def test_a_genuine_callback_that_cannot_be_read_is_400(listening: Deployment) -> None:
    """Its event data are no object: rejected, with the field named."""
    reply = send(listening, "POST", "/callbacks/rtc", callback(listening, "[]"))
    assert (reply.status, reply.problem) == (400, "malformed")
    assert reply.json["outcomes"][0]["reason"] == "EventData: must hold a JSON object, not a list"


def test_a_callback_with_its_values_exchanged_undoes_nothing(listening: Deployment) -> None:
    """EventId and Nonce are the same kind of text: the signature fits either way, and so does the id."""
    body = callback(listening, JOINED, event_type="UserJoinRoom", event_id="rtc-1")
    assert send(listening, "POST", "/callbacks/rtc", body).outcomes == ["applied"]
    newer = listening.wanted("newer", 60, seconds=1)
    assert send(listening, "POST", "/events", newer).outcomes == ["applied"]
    exchanged = {**body, "EventId": body["Nonce"], "Nonce": body["EventId"]}
    reply = send(listening, "POST", "/callbacks/rtc", exchanged)
    assert reply.outcomes == ["duplicate"]
    assert listening.stands_at() == 60


def test_a_callback_of_another_app_or_time_is_rejected(listening: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """RTC_APP_IDS names the applications; a captured callback is good for MAX_CLOCK_SKEW_SECONDS."""
    body = callback(listening, JOINED, event_type="UserJoinRoom")
    monkeypatch.setenv("RTC_APP_IDS", "first,second")
    reply = send(listening, "POST", "/callbacks/rtc", body)
    assert (reply.status, reply.json["detail"]) == (400, "AppId: is not in RTC_APP_IDS")
    monkeypatch.setenv("RTC_APP_IDS", "first,app")
    listening.started -= timedelta(seconds=301)
    late = send(listening, "POST", "/callbacks/rtc", callback(listening, JOINED, event_type="UserJoinRoom"))
    assert (late.status, late.json["detail"]) == (400, "EventTime: is not within 300 s of now")
    assert send(listening, "POST", "/callbacks/rtc", body).outcomes == ["applied"]


def test_who_is_in_a_room_is_not_logged_unless_asked(listening: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data of callbacks have a switch of their own, which is off."""
    body = callback(listening, {**JOINED, "UserId": "alice"}, event_type="UserJoinRoom")
    with captured(bootstrap.logger()) as out:
        send(listening, "POST", "/callbacks/rtc", body)
    assert "event_duplicate" in out.getvalue() or "adjustment_applied" in out.getvalue()
    assert "alice" not in out.getvalue()
    monkeypatch.setenv("LOG_CALLBACK_DATA", "true")
    with captured(bootstrap.logger()) as out:
        send(listening, "POST", "/callbacks/rtc", body)
    assert "alice" in out.getvalue()

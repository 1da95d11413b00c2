"""POST /callbacks/rtc: the RTC service's own events, answered in its time, with 200 only when settled."""

import time
from pathlib import Path

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from tests.functions.conftest import POLICY, Deployment
from tests.functions.http_sender import RTC_SECRET, callback, send

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

"""The school's policy, one event of each of its cases: every step was worked out by hand."""

import json
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from snapshot_tuner.events import signals
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
from tests.tuner.explain.explaining import ROOT, Explainer, steps

SCHOOL = ROOT / "devkit" / "tuner" / "examples" / "school.yaml"
NOON, NIGHT = "2026-03-06T12:00:00+08:00", "2026-03-06T23:00:00+08:00"


def event(type_: str, time: str, **data: object) -> str:
    return json.dumps(
        {"specversion": "1.0", "id": "e", "source": "/school", "type": type_, "time": time, "data": {**data}}
    )


def explained(explainer: Explainer, text: str, *options: str) -> dict[str, Any]:
    (answer,) = explainer.events(SCHOOL, explainer.file("event.json", text), *options)
    assert isinstance(answer, dict)
    return answer


def load(time: str, kind: str, participants: int = 1, app: str = "southside") -> str:
    return event("room.load", time, app=app, room="r1", kind=kind, participants=participants)


def test_it_is_short() -> None:
    assert len(SCHOOL.read_text("utf-8").splitlines()) <= 40


@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        (load(NOON, "lobby"), "lobby", {"asked": 30, "factor": None, "limits": None, "bounds": 30}),
        (load(NIGHT, "lobby"), "lobby", {"asked": 30, "factor": 60, "limits": None, "bounds": 60}),
        # 2 to 30 participants, 4 to 60 s: two more seconds for each, so 16 are 4 + 14 x 2 = 32 s.
        (load(NOON, "class", 16), "class", {"asked": 32, "factor": None, "limits": None, "bounds": 32}),
        (load(NIGHT, "class", 16), "class", {"asked": 32, "factor": 64, "limits": None, "bounds": 64}),
        (load(NOON, "class", 16, "northside"), "class", {"asked": 32, "factor": None, "limits": 5, "bounds": 5}),
        (load(NIGHT, "lobby", 1, "northside"), "lobby", {"asked": 30, "factor": 60, "limits": 5, "bounds": 5}),
        (
            event("alert", NIGHT, tenant="southside", where={"room": "r1"}),
            "alert",
            {"asked": 1, "factor": None, "limits": None, "bounds": 1},
        ),
    ],
)
def test_each_case_is_explained_step_by_step(
    explainer: Explainer, text: str, rule: str, expected: dict[str, int | None]
) -> None:
    """What the rule asks for, what the limits make of it, and that the policy's bounds have no say."""
    answer = explained(explainer, text)
    (outcome,) = answer["outcomes"]
    found = steps(outcome)
    assert answer["rule"] == rule
    assert {name: found[name][0] if name in found else None for name in expected} == expected
    assert outcome["interval"] == expected["bounds"]
    assert outcome["task"]["RoomId"] == "r1"


def test_the_steps_are_told_as_they_are(explainer: Explainer) -> None:
    """Rule, night, customer, policy: and until when the night holds."""
    answer = explained(explainer, load(NIGHT, "lobby", 1, "northside"))
    (outcome,) = answer["outcomes"]
    found = steps(outcome)
    assert [found[name] for name in ("asked", "factor", "limits", "bounds")] == [
        (30, "fixed 30 s"),
        (60, "x 2 by limit night (Fri 23:00 Asia/Shanghai, until 06:00) = 60 s"),
        (5, "clamped to 5 s by bounds.max of limit customer"),
        (5, "within 1 to 120 s"),
    ]
    assert answer["reason"] == (
        "fixed 30 s, x 2 by limit night (Fri 23:00 Asia/Shanghai, until 06:00) = 60 s,"
        " clamped to 5 s by bounds.max of limit customer"
    )


def test_what_follows_without_an_event_is_told(explainer: Explainer) -> None:
    """Until two days from now; the customer has 5 s by day and by night."""
    (outcome,) = explained(explainer, load(NOON, "class", 16))["outcomes"]
    assert [(each["interval"], each["at"]) for each in outcome["follows"]] == [
        (64, "2026-03-06T14:00:00.000000Z"),
        (32, "2026-03-06T22:00:00.000000Z"),
        (64, "2026-03-07T14:00:00.000000Z"),
        (32, "2026-03-07T22:00:00.000000Z"),
    ]
    (outcome,) = explained(explainer, load(NOON, "class", 16, "northside"))["outcomes"]
    assert outcome["follows"] == []


def test_a_late_event_gets_what_holds_when_it_comes(explainer: Explainer) -> None:
    (outcome,) = explained(explainer, load(NOON, "lobby"), "--at", "2026-03-06T23:00:00+08:00")["outcomes"]
    assert outcome["interval"] == 60


def test_after_an_alert_it_is_one_second_for_ten_minutes_and_then_as_before(explainer: Explainer) -> None:
    """Although the alert names its room in another way."""
    before = explainer.file("before.ndjson", load(NIGHT, "lobby"))
    alert = event("alert", NIGHT.replace(":00:00", ":05:00"), tenant="southside", where={"room": "r1"})
    alert = alert.replace('"id": "e"', '"id": "alert"')
    (outcome,) = explained(explainer, alert, "--after", str(before))["outcomes"]
    assert (outcome["outcome"], outcome["interval"]) == ("applied", 1)
    assert [(each["interval"], each["at"]) for each in outcome["follows"]][:2] == [
        (60, "2026-03-06T15:15:00.000000Z"),
        (30, "2026-03-06T22:00:00.000000Z"),
    ]


def test_a_late_event_is_answered_with_what_was_called(explainer: Explainer) -> None:
    """Its ten seconds are over when it comes: what comes then is called, and so it is told."""
    policy = explainer.file("late.yaml", "version: 1", "rules:", "  - {name: r, interval: 1, for: 10s, then: 40}")
    text = event("t", "2026-03-06T12:00:00Z", AppId="a", RoomId="r", TaskId="t")
    (answer,) = explainer.events(policy, explainer.file("late.json", text), "--at", "2026-03-06T12:01:00Z")
    (outcome,) = answer["outcomes"]
    assert (outcome["outcome"], outcome["interval"]) == ("applied", 40)
    assert outcome["reason"] == "fixed 1 s, for 10 s, then 40 s; its time is over: set to 40 s"


def test_summer_time_decides_which_rule_an_event_gets() -> None:
    """New York: 02:00 to 03:00 never is on 8 March 2026; on 1 November 01:00 to 02:00 lasts two hours."""
    text = """
version: 1
rules:
  - {name: two, when: {from: "02:00", to: "03:00", zone: America/New_York}, interval: 2}
  - {name: one, when: {from: "01:00", to: "02:00", zone: America/New_York}, interval: 1}
  - {name: rest, interval: 9}
"""
    policy = Policy.parse(text, "policy.yaml")

    def rule(time: str) -> str | None:
        (signal,) = signals.from_body(event("t", time, AppId="a", RoomId="r", TaskId="t").encode(), sent_us=None)
        assert isinstance(signal, Signal)
        return policy.decide(signal).rule

    assert [rule(f"2026-03-08T{utc}Z") for utc in ("06:59:59", "07:00:00")] == ["one", "rest"]
    assert [rule(f"2026-03-09T{utc}Z") for utc in ("06:00:00", "06:59:59")] == ["two", "two"]
    autumn = ("04:59:59", "05:00:00", "05:59:59", "06:00:00", "06:59:59", "07:00:00", "08:00:00")
    assert [rule(f"2026-11-01T{utc}Z") for utc in autumn] == ["rest", "one", "one", "one", "one", "two", "rest"]


def test_check_finds_nothing_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(SCHOOL), "--json"]) == Exit.FINE, capsys.readouterr().out

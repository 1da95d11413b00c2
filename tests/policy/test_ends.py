"""What a rule ends, and what a task gets by default: the grammar, its mistakes and what is decided."""

from pathlib import Path

import pytest

from snapshot_tuner.model import Json, Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.loader import examine

POLICY = """
version: 1
bounds: {min: 2, max: 300}
limits: [{name: vip, match: {data: {AppId: [vip]}}, bounds: {max: 25}}]
rules:
  - {name: alert, match: {type: [alert]}, interval: 2, for: 10m, then: previous, default: 30}
  - {name: watch, match: {type: [watch]}, interval: 5, for: 1h, then: 40}
  - {name: resolved, match: {type: [resolved]}, hold: true, ends: [alert]}
  - {name: calm, match: {type: [calm]}, interval: 60, lengthen_after: 5m, ends: [alert, watch]}
  - {name: escalated, match: {type: [escalated]}, interval: 2, for: 10m, default: 30, ends: [watch]}
"""


def decide(kind: str, app: str = "app", **data: Json) -> object:
    names: dict[str, Json] = {"AppId": app, "RoomId": "r", "TaskId": "t"}
    decision = Policy.parse(POLICY, "").decide(Signal("1", "test", kind, 0, names | data))
    assert decision.verdict is Verdict.ADJUST
    [adjustment] = decision.adjustments
    after = (adjustment.then_interval, adjustment.default_interval)
    return adjustment.interval, adjustment.for_seconds, after, adjustment.ends, decision.reason


@pytest.mark.parametrize(
    ("kind", "app", "decided"),
    [
        ("alert", "app", (2, 600, (None, 30), (), "fixed 2 s, for 600 s, then previous or else 30 s")),
        ("watch", "app", (5, 3600, (40, None), (), "fixed 5 s, for 3600 s, then 40 s")),
        ("watch", "vip", (5, 3600, (25, None), (), "fixed 5 s, for 3600 s, then 25 s")),
        ("alert", "vip", (2, 600, (None, 25), (), "fixed 2 s, for 600 s, then previous or else 25 s")),
        ("resolved", "vip", (0, None, (None, None), ("alert",), "ends alert")),
        ("calm", "app", (60, None, (None, None), ("alert", "watch"), "fixed 60 s, ends alert, watch")),
        (
            "escalated",
            "app",
            (
                2,
                600,
                (None, 30),
                ("watch",),
                "fixed 2 s, for 600 s, then previous or else 30 s, ends watch",
            ),
        ),
    ],
)
def test_a_decision_says_what_comes_and_what_is_over(kind: str, app: str, decided: object) -> None:
    """A default passes the bounds, as `then` does. A rule that holds, and ends something, needs a task as any other."""
    assert decide(kind, app) == decided


def test_what_ends_something_needs_a_task() -> None:
    """A rule that only holds asks for none."""
    decision = Policy.parse(POLICY, "").decide(Signal("1", "test", "resolved", 0, {"AppId": "app"}))
    assert (decision.verdict, decision.reason) == (Verdict.REJECT, "data.RoomId: missing")


NEEDS_PREVIOUS = "default: needs for and then: previous; it follows where nothing else was ever asked for"
NEEDS_AN_INTERVAL = (
    "rule 'a' needs then: SECONDS or default: SECONDS, "
    "or a task keeps its interval where nothing else was ever asked for"
)
ITSELF = "is the rule itself: a newer event of a rule takes the place of the older one anyway"
IS_TEXT = "must be text; a number or a boolean needs quotes to be one"
ALERT = "{name: alert, interval: 2, for: 10m, default: 30, match: {type: [a]}}"


@pytest.mark.parametrize(
    ("rules", "mistake"),
    [
        ([ALERT, "{name: r, hold: true, ends: []}"], "line 5, rule 'r', ends: must be a list of at least one rule"),
        ([ALERT, "{name: r, hold: true, ends: alert}"], "line 5, rule 'r', ends: must be a list of at least one rule"),
        ([ALERT, "{name: r, hold: true, ends: [alert, alert]}"], "line 5, rule 'r', ends: names a rule twice"),
        (
            [ALERT, "{name: r, hold: true, ends: [5]}"],
            f"line 5, rule 'r', ends[0]: {IS_TEXT}",
        ),
        ([ALERT, "{name: r, hold: true, ends: [alarm]}"], "line 5, rule 'r', ends[0]: there is no rule 'alarm'"),
        (
            ["{name: a, interval: 2, match: {type: [a]}}", "{name: r, hold: true, ends: [a]}"],
            "line 5, rule 'r', ends[0]: rule 'a' has no for, so it has nothing to end",
        ),
        (
            ["{name: a, interval: 2, for: 1m, then: previous, match: {type: [a]}}", "{name: r, hold: true, ends: [a]}"],
            f"line 5, rule 'r', ends[0]: {NEEDS_AN_INTERVAL}",
        ),
        (
            ["{name: a, interval: 2, for: 1m, default: 9, ends: [a]}"],
            f"line 4, rule 'a', ends[0]: {ITSELF}",
        ),
        (
            ["{name: a, interval: 2, default: 9}"],
            f"line 4, rule 'a': {NEEDS_PREVIOUS}",
        ),
        (
            ["{name: a, interval: 2, for: 1m, then: 5, default: 9}"],
            f"line 4, rule 'a': {NEEDS_PREVIOUS}",
        ),
        (
            ["{name: a, interval: 2, for: 1m, default: 400}"],
            "line 4, rule 'a', default: 400 s is outside the bounds 1 to 300 s",
        ),
        (
            ["{name: a, interval: 2, for: 1m, default: 9, bounds: {max: 5}}"],
            "line 4, rule 'a', default: 9 s is outside the rule's bounds 1 to 5 s",
        ),
        (
            ["{name: a, interval: 2, for: 1m, default: 0}"],
            "line 4, rule 'a', default: must be a whole number of seconds from 1 to 600",
        ),
        (
            ["{name: a, interval: 2, for: 1m, default: null}"],
            "line 4, rule 'a', default: has no value: give it one, or leave the key out",
        ),
        (
            [ALERT, "{name: r, hold: true, ends: [alert], bounds: {max: 5}}"],
            "line 5, rule 'r': bounds: hold changes nothing, so there is nothing to keep in bounds",
        ),
    ],
)
def test_a_mistake_is_named_with_rule_and_reason(rules: list[str], mistake: str) -> None:
    """Before any event is touched."""
    text = "version: 1\nbounds: {max: 300}\nrules:\n" + "".join(f"- {rule}\n" for rule in rules)
    assert [str(problem) for problem in examine(text).problems] == [mistake]


def test_what_ends_something_may_name_its_task_and_be_urgent() -> None:
    """A rule that only holds may not."""
    rules = f"- {ALERT}\n- {{name: r, hold: true, ends: [alert], urgent: true, target: {{room_id: one}}}}\n"
    assert examine(f"version: 1\nrules:\n{rules}").problems == ()


def test_the_rules_of_the_documentation_say_what_it_says() -> None:
    """The example of `docs/policy.md`."""
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
    rules = page.partition("### When something is over")[2].partition("```yaml\n")[2].partition("```")[0]
    policy = Policy.parse(f"version: 1\n{rules}", "policy.md")
    ended = {rule.name: rule.ends for rule in policy.rules}
    assert ended == {"alert": (), "crowded": (), "resolved": ("alert",), "calm": ("alert", "crowded")}
    names: dict[str, Json] = {"AppId": "app", "RoomId": "r", "TaskId": "t"}
    assert policy.decide(Signal("1", "test", "alertmanager.resolved", 0, names)).reason == "ends alert"
    assert policy.decide(Signal("1", "test", "room.calm", 0, names)).reason == "fixed 60 s, ends alert, crowded"

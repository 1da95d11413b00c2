"""What a policy says of time: `for`, `then`, `lengthen_after`, `skip_unchanged_within`."""

import pytest

from snapshot_tuner.errors import PolicyError
from snapshot_tuner.model import Adjustment, Signal
from snapshot_tuner.policy.engine import Policy

DURATION = "must be a duration from 1s to 24h: a whole number and s, m or h, such as 90s, 10m or 2h"
THEN = "must be a whole number of seconds from 1 to 600, or previous"


def decided(rule: str, *, above: str = "") -> Adjustment:
    """What the rule `r` asks of a task."""
    policy = Policy.parse(f"version: 1\n{above}\nrules:\n  - {{name: r, {rule}}}", "policy.yaml")
    data = {"AppId": "app", "RoomId": "room", "TaskId": "task"}
    [adjustment] = policy.decide(Signal("e", "/s", "t", 0, {**data})).adjustments
    return adjustment


def problems(rule: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        Policy.parse(f"version: 1\nbounds: {{min: 2, max: 300}}\nrules:\n  - {{name: r, {rule}}}", "policy.yaml")
    return caught.value.problems


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("90s", 90), ("10m", 600), ("2h", 7200), ("24h", 86_400)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes or hours, up to a day."""
    adjustment = decided(f"interval: 3, for: {text}")
    assert (adjustment.for_seconds, adjustment.then_interval) == (seconds, None)
    assert adjustment.reason == f"fixed 3 s, for {seconds} s, then previous"


def test_then_is_an_interval_or_what_was_before() -> None:
    assert decided("interval: 3, for: 1m, then: 5").then_interval == 5
    assert decided("interval: 3, for: 1m, then: 5").reason == "fixed 3 s, for 60 s, then 5 s"
    assert decided("interval: 3, for: 1m, then: previous").then_interval is None


def test_a_rule_without_an_end_says_nothing_of_one() -> None:
    adjustment = decided("interval: 3")
    assert (adjustment.for_seconds, adjustment.then_interval, adjustment.reason) == (None, None, "fixed 3 s")
    assert (adjustment.lengthen_after, adjustment.skip_unchanged_within) == (0, 0)


def test_lengthening_is_the_rules_business_and_else_the_policys() -> None:
    assert decided("interval: 3", above="lengthen_after: 1m").lengthen_after == 60
    assert decided("interval: 3, lengthen_after: 5s", above="lengthen_after: 1m").lengthen_after == 5


def test_calls_are_saved_only_where_the_policy_says_so() -> None:
    assert decided("interval: 3", above="skip_unchanged_within: 5m").skip_unchanged_within == 300


def test_a_rule_is_urgent_where_it_says_so() -> None:
    assert decided("interval: 3, urgent: true").urgent
    assert not decided("interval: 3").urgent


@pytest.mark.parametrize("text", ["0s", "-5m", "25h", "86401s", "10", "1.5h", "10 m", "1h30m", "soon", "''", "[1s]"])
def test_no_other_duration_is_taken(text: str) -> None:
    """Negative, zero, overlong, without a unit: named with the rule."""
    assert problems(f"interval: 5, for: {text}") == (f"line 4, rule 'r', for: {DURATION}",)
    assert problems(f"interval: 5, lengthen_after: {text}") == (f"line 4, rule 'r', lengthen_after: {DURATION}",)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("interval: 5, for: 1m, then: 301", "line 4, rule 'r', then: 301 s is outside the bounds 2 to 300 s"),
        ("interval: 5, for: 1m, then: 1", "line 4, rule 'r', then: 1 s is outside the bounds 2 to 300 s"),
        ("interval: 5, for: 1m, then: 0", f"line 4, rule 'r', then: {THEN}"),
        ("interval: 5, for: 1m, then: before", f"line 4, rule 'r', then: {THEN}"),
        ("interval: 5, then: 5", "line 4, rule 'r': then: says what follows when for is over, so it needs for"),
        ("hold: true, for: 1m", "line 4, rule 'r': for: hold changes nothing, so there is nothing to end"),
        (
            "hold: true, lengthen_after: 1m",
            "line 4, rule 'r': lengthen_after: hold changes nothing, so there is nothing to wait for",
        ),
    ],
)
def test_what_cannot_be_is_an_error_at_load(rule: str, problem: str) -> None:
    assert problems(rule) == (problem,)


def test_so_many_rules_can_have_an_end_and_no_more() -> None:
    """The ledger remembers each of them for every task."""

    def with_ends(count: int) -> str:
        rules = (
            f"  - {{name: r{number}, match: {{type: [t{number}]}}, interval: 5, for: 1m}}" for number in range(count)
        )
        return "version: 1\nrules:\n" + "\n".join(rules)

    assert Policy.parse(with_ends(16), "policy.yaml").longest_duration == 60
    with pytest.raises(PolicyError) as caught:
        Policy.parse(with_ends(17), "policy.yaml")
    assert caught.value.problems == ("line 19, rule 'r16', for: no more than 16 rules can have an end",)

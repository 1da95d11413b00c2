"""Why a rule matches or does not: part by part, and never another answer than the policy's own."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.model import Json, Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.explanation import Asking, PatternFinding, Reached, explain
from snapshot_tuner.policy.limits import Asked

POLICY = Policy.parse(
    """
version: 1
bounds: {min: 2, max: 30}
rules:
  - {name: alert, match: {type: [alert, alarm]}, interval: 1}
  - name: high
    match: {type: [load], data: {load: [{numeric: [">=", 0.8]}]}}
    interval: {of: data.load, curve: [[0.8, 10], [1.0, 60]]}
  - name: either
    match: {$or: [{data: {zone: [{prefix: eu-}]}}, {source: [{suffix: /test}, /other]}]}
    hold: true
  - name: pairs
    match: {data: {tags: {key: [a], value: [{anything-but: b}]}}}
    interval: 5
""",
    "policy.yaml",
)
TASK: dict[str, Json] = {"AppId": "app", "RoomId": "room", "TaskId": "task"}


def signal(type_: str = "load", source: str = "/source", **data: Json) -> Signal:
    return Signal(id="e", source=source, type=type_, time_us=0, data={**TASK, **data})


def reasons(event: Signal) -> dict[str, str]:
    return {rule.rule: rule.reason for rule in explain(POLICY, event).rules}


def test_a_decision_is_told_with_the_rules_before_and_behind_it() -> None:
    """The first rule that matches decides; those before it say what was missing, those behind it were not asked."""
    explanation = explain(POLICY, signal(load=Decimal("0.9")))
    assert explanation.decision == POLICY.decide(signal(load=Decimal("0.9")))
    assert [(rule.rule, rule.reached, rule.reason) for rule in explanation.rules] == [
        (
            "alert",
            Reached.NOT_MATCHED,
            'type is "load", not "alert" and not "alarm"',
        ),
        ("high", Reached.MATCHED, "its pattern matches"),
        ("either", Reached.NOT_REACHED, "rule 'high' before it has decided"),
        ("pairs", Reached.NOT_REACHED, "rule 'high' before it has decided"),
    ]


def test_the_interval_is_told_before_and_after_the_bounds() -> None:
    """The curve asks for 35 s, the bounds allow 30 s."""
    explanation = explain(POLICY, signal(load=Decimal("0.9")))
    assert explanation.asked == Asked(35, "load 0.9 -> curve 35 s")
    assert (explanation.bounds.min, explanation.bounds.max) == (2, 30)
    assert [adjustment.interval for adjustment in explanation.decision.adjustments] == [30]


def test_every_part_of_a_pattern_is_told() -> None:
    """What is asked for, where, what the event has there, and whether that is enough."""
    explanation = explain(POLICY, signal(load=Decimal("0.5")))
    high = explanation.rules[1].pattern
    wanted: Json = {"numeric": [">=", Decimal("0.8")]}
    assert high == PatternFinding(
        Asking.FIELDS,
        "",
        matched=False,
        parts=(
            PatternFinding(
                Asking.FIELD,
                "type",
                matched=True,
                found='"load"',
                parts=(PatternFinding(Asking.TEST, "type", matched=True, wanted="load"),),
            ),
            PatternFinding(
                Asking.FIELDS,
                "data",
                matched=False,
                found="an object",
                parts=(
                    PatternFinding(
                        Asking.FIELD,
                        "data.load",
                        matched=False,
                        found="0.5",
                        parts=(PatternFinding(Asking.TEST, "data.load", matched=False, wanted=wanted),),
                    ),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("event", "rule", "reason"),
    [
        (signal(), "high", 'data.load is absent, not {"numeric": [">=", 0.8]}'),
        (signal(load="0.9"), "high", 'data.load is "0.9", not {"numeric": [">=", 0.8]}'),
        (signal(load=[1, 2], type_="x"), "high", 'type is "x", not "load"'),
        (signal(), "either", "no alternative of $or matches"),
        (signal(tags={"key": "a", "value": "b"}), "pairs", 'data.tags.value is "b", not {"anything-but": "b"}'),
        (
            signal(tags=[{"key": "a", "value": "b"}, {"key": "c", "value": "d"}]),
            "pairs",
            "no single object in the list data.tags matches all of it",
        ),
        (signal(tags=[{"key": "c"}]), "pairs", 'data.tags.key is in a list, not "a"'),
    ],
)
def test_the_first_part_that_fails_is_the_reason(event: Signal, rule: str, reason: str) -> None:
    """In words that name the field, what it holds and what was asked for."""
    assert reasons(event)[rule] == reason


def test_alternatives_are_told_one_by_one() -> None:
    """The second one matches by its first test."""
    explanation = explain(POLICY, signal(source="/a/test")).rules[2]
    assert explanation.reached is Reached.MATCHED
    assert explanation.pattern is not None
    (either,) = explanation.pattern.parts
    assert (either.asking, either.place, either.matched) == (Asking.ALTERNATIVES, "$or", True)
    assert [(one.place, one.matched) for one in either.parts] == [("$or[0]", False), ("$or[1]", True)]
    (source,) = either.parts[1].parts
    assert [(test.place, test.wanted, test.matched) for test in source.parts] == [
        ("$or[1].source", {"suffix": "/test"}, True),
        ("$or[1].source", "/other", False),
    ]


@pytest.mark.parametrize("data", [{"state": {"status": "stopped"}}, {"state.status": "stopped"}])
@pytest.mark.parametrize("match", ["data: {state.status: [running]}", "detail.state: {status: [running]}"])
def test_a_dotted_key_is_told_as_the_nested_one_that_it_is(match: str, data: dict[str, Json]) -> None:
    """Whichever spelling the pattern has, and whichever the event."""
    policy = Policy.parse(f"version: 1\nrules:\n- {{name: a, match: {{{match}}}, hold: true}}", "policy.yaml")
    (told,) = explain(policy, Signal("e", "/source", "load", 0, data)).rules
    place = "detail" if "detail" in match else "data"
    assert told.reason == f'{place}.state.status is "stopped", not "running"'


@pytest.mark.parametrize("data", [{"state": {"status": "stopped"}}, {"state.status": "stopped"}])
def test_a_dotted_key_of_an_alternative_is_told_as_the_nested_one_too(data: dict[str, Json]) -> None:
    match = "data: {$or: [{state.status: [running]}, {state.status: [stopped]}]}"
    policy = Policy.parse(f"version: 1\nrules:\n- {{name: a, match: {{{match}}}, hold: true}}", "policy.yaml")
    (told,) = explain(policy, Signal("e", "/source", "load", 0, data)).rules
    assert told.pattern is not None
    ((either,),) = [part.parts for part in told.pattern.parts]
    states = [one.parts[0].parts[0] for one in either.parts]
    assert [(state.place, state.found, state.matched) for state in states] == [
        ("data.$or[0].state.status", '"stopped"', False),
        ("data.$or[1].state.status", '"stopped"', True),
    ]


def test_two_spellings_of_one_object_are_told_one_by_one() -> None:
    """Where both have alternatives, no one key asks for both."""
    match = "data: {a.b: {$or: [{c: [0]}, {d: [0]}]}, a: {b: {$or: [{e: [0]}, {f: [0]}]}}}"
    policy = Policy.parse(f"version: 1\nrules:\n- {{name: a, match: {{{match}}}, hold: true}}", "policy.yaml")
    (told,) = explain(policy, Signal("e", "/source", "load", 0, {"a": {"b": {"c": 0}}})).rules
    assert told.reached is Reached.NOT_MATCHED
    assert told.pattern is not None
    (data,) = told.pattern.parts
    assert [(part.place, part.matched) for part in data.parts] == [("data.a.b", True), ("data.a", False)]


def test_a_pattern_that_does_not_match_is_the_reason_whatever_the_window_says() -> None:
    """Somebody who looks for his rule has to know first that it is not about his event."""
    night = Policy.parse(
        "version: 1\nrules:\n"
        '  - {name: night, match: {type: [alert]}, when: {from: "22:00", to: "06:00", zone: UTC}, interval: 5}\n',
        "policy.yaml",
    )
    (rule,) = explain(night, Signal("e", "/s", "load", 12 * 3600 * 1_000_000, TASK)).rules
    assert (rule.reached, rule.reason) == (Reached.NOT_MATCHED, 'type is "load", not "alert"')


def test_limits_are_those_of_the_moment_that_is_asked_about() -> None:
    """Not of the event's own: a late event gets what holds now."""
    policy = Policy.parse(
        "version: 1\nlimits:\n"
        '  - {name: night, when: {from: "22:00", to: "06:00", zone: UTC}, factor: 2}\n'
        "rules: [{name: load, interval: 30}]\n",
        "policy.yaml",
    )
    at_noon, midnight_us = Signal("e", "/s", "load", 12 * 3600 * 1_000_000, TASK), 24 * 3600 * 1_000_000
    for now_us, interval in ((None, 30), (midnight_us, 60)):
        explanation = explain(policy, at_noon, now_us)
        assert [each.interval for each in explanation.fitted.values()] == [interval]
        assert [each.interval for each in explanation.decision.adjustments] == [interval]


def test_a_rule_that_rejects_has_decided_too() -> None:
    """It matched, but its target is not in the event: no other rule is asked."""
    explanation = explain(POLICY, Signal(id="e", source="/s", type="alert", time_us=0, data={}))
    assert explanation.decision.verdict is Verdict.REJECT
    assert explanation.asked == Asked(1, "fixed 1 s")
    assert [rule.reached for rule in explanation.rules] == [Reached.MATCHED, *[Reached.NOT_REACHED] * 3]


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "eu-1"]) | st.decimals(0, 2, places=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "value", "load", "zone", "tags"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    type_=st.sampled_from(["alert", "load", "other"]),
    source=st.sampled_from(["/other", "/x/test", "/x"]),
    data=st.dictionaries(st.sampled_from(["load", "zone", "tags"]), DATA),
)
def test_an_explanation_never_differs_from_the_decision(type_: str, source: str, data: dict[str, Any]) -> None:
    """The same rule decides, and a part that needs all or one of its parts agrees with them."""
    event = signal(type_, source, **data)
    explanation = explain(POLICY, event)
    assert explanation.decision == POLICY.decide(event)
    matched = [rule.rule for rule in explanation.rules if rule.reached is Reached.MATCHED]
    assert matched == ([explanation.decision.rule] if explanation.decision.rule is not None else [])
    for rule in explanation.rules:
        if rule.pattern is not None:
            agree(rule.pattern)


def agree(finding: PatternFinding) -> None:
    parts = [part.matched for part in finding.parts]
    match finding.asking:
        case Asking.FIELD | Asking.ALTERNATIVES:
            assert finding.matched == any(parts)
        case Asking.FIELDS:
            assert all(parts) or not finding.matched
        case Asking.TEST:
            assert not parts
    for part in finding.parts:
        agree(part)

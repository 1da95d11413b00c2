"""What `tuner check` finds in a policy, and what it leaves alone."""

import json

import pytest

from devkit.tuner.check.findings import FindingKind
from devkit.tuner.check.inspection import Inspection, inspect
from tests.tuner.check.checking import found, rules


def messages(inspection: Inspection) -> list[str]:
    return [each.suspicion.message for each in inspection.suspicious]


def test_lists_are_remembered_where_they_make_a_difference() -> None:
    """Different elements of a list can meet alternatives and conditions that no single value meets."""
    text = rules(
        "name: a, match: {data: {x: [1, 2]}}, interval: 5",
        "name: b, match: {data: {$or: [{x: [1]}, {x: [2], y: [3]}]}}, interval: 5",
        "name: c, match: {data: {x: [2]}}, interval: 5",
    )
    inspection = inspect(text, "policy.yaml")
    one, other = messages(inspection)
    assert one.endswith("rule 'a' before it takes every event that it could match (unless one of its fields is a list)")
    assert other.endswith("rule 'a' before it takes every event that it could match")


def test_only_the_rules_that_it_takes_are_named() -> None:
    """A rule in front that takes some of the events, which another one would take as well, is not to blame."""
    text = rules(
        "name: vip, match: {data: {vip: [true]}}, interval: 2",
        "name: low, match: {type: [t], data: {x: [{anything-but: 1}]}}, hold: true",
        "name: one, match: {type: [t], data: {x: [1]}}, hold: true",
        "name: never, match: {type: [t], data: {x: [1, 2]}}, interval: 5",
    )
    assert found(text) == [(FindingKind.NEVER_MATCHES, ("low", "one", "never"))]


@pytest.mark.parametrize(
    "match", ["type: [{exists: false}]", "id: [{anything-but: {wildcard: '*'}}]", "type: {a: [b]}"]
)
def test_what_no_attribute_can_be_never_matches(match: str) -> None:
    """Every event has a type, and it is text."""
    assert found(rules(f"name: odd, match: {{{match}}}, interval: 5")) == [(FindingKind.NEVER_MATCHES, ("odd",))]


BANDED = 'name: high, match: {data: {x: [{numeric: [">=", 5]}]}}, interval: 60%s'
REST = "name: rest, match: {data: {x: [{exists: true}]}}, interval: 5%s"


@pytest.mark.parametrize(
    ("high", "rest", "flaps"),
    [
        ("", "", True),
        (", lengthen_after: 1m", "", False),
        ("", ", lengthen_after: 1m", True),
        (", for: 1m", "", False),
        ("", ", for: 1m", False),
    ],
)
def test_only_what_slows_the_right_rule_keeps_a_task_from_flapping(high: str, rest: str, flaps: bool) -> None:  # noqa: FBT001 - a column of the table
    """A cooldown of the longer interval, or an end of either: while it is open, the base does not matter."""
    expected = [(FindingKind.FLAPPING, ("high", "rest"))] if flaps else []
    assert found(rules(BANDED % high, REST % rest)) == expected


@pytest.mark.parametrize(
    ("ranges", "flaps"),
    [
        ('[">=", 0]', False),  # nothing is below 0
        ('[">", 0]', True),  # but 0 itself is something
        ('[">=", 0.5, "<=", 1]', True),  # at 0.5, not at 1
        ('[">=", 0, "<=", 100]', False),
        ('["<=", 100]', True),
        ('[">=", -1]', True),
    ],
)
def test_an_end_of_what_a_number_can_be_is_no_threshold(ranges: str, flaps: bool) -> None:  # noqa: FBT001 - a column of the table
    """A share is between 0 and a whole; a rule that says so does not flap with the rule for the rest."""
    text = rules(f"name: high, match: {{data: {{x: [{{numeric: {ranges}}}]}}}}, interval: 60", REST % "")
    assert found(text) == ([(FindingKind.FLAPPING, ("high", "rest"))] if flaps else [])


def test_intervals_are_compared_inside_the_bounds_and_where_the_rules_touch() -> None:
    """What the bounds make equal does not flap; a curve counts with its value at the threshold, however steep it is."""
    steep = 'name: low, match: {data: {x: [{numeric: ["<", 5]}]}}, interval: {of: data.x, curve: [[4.9, 5], [5, 60]]}'
    assert found(rules(BANDED % "", steep)) == []
    assert found(rules(BANDED % "", REST % "", head="bounds: {max: 5}")) == []
    assert found(rules(BANDED % "", steep.replace("5, 60", "5, 40"))) == [(FindingKind.FLAPPING, ("high", "low"))]


def test_another_number_decides_how_far_apart_two_intervals_can_be() -> None:
    """An interval that follows another number flaps only where it can never be the neighbour's."""
    by_other = 'name: low, match: {data: {x: [{numeric: ["<", 5]}]}}, interval: {of: data.y, curve: [[0, 10], [1, %s]]}'
    assert found(rules(BANDED % "", by_other % 60)) == []
    assert found(rules(BANDED % "", by_other % 50)) == [(FindingKind.FLAPPING, ("high", "low"))]


def test_a_curve_is_judged_where_its_rule_is_asked() -> None:
    """A valley that its rule never sees, or that the bounds level, is none."""
    curve = "name: a, match: {data: {x: [%s]}}, interval: {of: data.x, curve: [[0, 60], [1, 5], [2, 60]]}"
    assert found(rules(curve % '{numeric: [">=", 1]}')) == []
    assert found(rules(curve % "{exists: true}", head="bounds: {min: 60}")) == []
    assert found(rules(curve % '{numeric: [">", 0.5]}')) == [(FindingKind.CURVE_NOT_MONOTONIC, ("a",))]


def test_numbers_are_told_apart_however_close_or_large_they_are() -> None:
    """Thresholds are exact: a gap of a billionth, and one between numbers of three hundred digits."""
    text = (
        'name: low, match: {{data: {{x: [{{numeric: ["<=", {}]}}]}}}}, interval: 5, for: 1m',
        'name: high, match: {{data: {{x: [{{numeric: [">=", {}]}}]}}}}, interval: 60',
    )
    for low, high in (("0.1", "0.100000001"), ("1e300", "2e300"), ("-1e-9", "0")):
        assert found(rules(text[0].format(low), text[1].format(high))) == [(FindingKind.GAP, ("low", "high"))]


def test_ranges_beside_each_other_touch_at_their_threshold_only() -> None:
    """The events on both sides are as close to it as the threshold is exact."""
    text = rules(
        'name: low, match: {data: {x: [{numeric: ["<", 2.50]}]}}, interval: 5',
        'name: high, match: {data: {x: [{numeric: [">=", 2.50, "<", 2.501]}]}}, interval: 60',
    )
    (finding,) = inspect(text, "policy.yaml").suspicious
    examples = [json.dumps(each.event["data"], default=str) for each in finding.suspicion.examples]
    assert ['"x": "2.499"' in examples[0], '"x": "2.50"' in examples[1]] == [True, True]


def test_a_limit_for_which_there_is_no_event_has_no_effect() -> None:
    """A typing mistake in its pattern, as a rule; there is no event to show it."""
    text = rules("name: load, match: {type: [load]}, interval: 5")
    text = text.replace("rules:", "limits: [{name: typo, match: {type: [laod]}, factor: 2}]\nrules:")
    (finding,) = inspect(text, "policy.yaml").suspicious
    assert finding.suspicion.message == "limit typo has no effect: no rule is for its events"
    assert (finding.suspicion.rules, finding.suspicion.examples) == ((), ())


@pytest.mark.parametrize(
    ("limit", "rule", "finds"),
    [
        ("bounds: {max: 5}", "interval: 5", True),
        ("bounds: {max: 4}", "interval: 5", False),
        ("bounds: {max: 20}", "interval: 1, for: 1m, then: 30", False),  # what comes then
        ("bounds: {max: 20}", "interval: 1, for: 1m", True),
        ("factor: 2", "interval: 5, urgent: true", True),
        ("factor: 2", "interval: 5, bounds: {max: 5}", True),
        ("factor: 2, when: {days: [sun], zone: UTC}", "interval: 5, when: {days: [mon], zone: UTC}", False),  # it lasts
        ("factor: 2, when: {days: [sun], zone: UTC}", "interval: 5, when: {days: [mon], zone: UTC}, for: 1h", True),
        ("factor: 2, when: {days: [sun], zone: UTC}", "hold: true", True),
        ("bounds: {max: 50}", "interval: {of: data.x, curve: [[0, 1], [1, 60]]}", False),
    ],
)
def test_a_limit_has_an_effect_where_it_changes_an_interval_at_some_time(limit: str, rule: str, finds: bool) -> None:  # noqa: FBT001 - a column of the table
    text = rules(f"name: one, match: {{type: [t]}}, {rule}", "name: two, match: {type: [u]}, hold: true")
    text = text.replace("rules:", f"limits: [{{name: l, match: {{type: [t]}}, {limit}}}]\nrules:")
    kinds = [kind for kind, _ in found(text) if kind is FindingKind.LIMIT_WITHOUT_EFFECT]
    assert bool(kinds) == finds

"""Every operator of patterns is known wherever it has to be: who adds one learns here what is missing."""

from typing import Any

import jsonschema
import pytest

from devkit.tuner.check.constraints import Distinctions, distinctions
from devkit.tuner.check.findings import FindingKind
from snapshot_tuner.formats import exact_json
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.explanation import Asking, explain
from snapshot_tuner.policy.json_schema import schema
from snapshot_tuner.policy.patterns.operators import Operator
from tests.tuner.check.checking import found, rules

SAMPLES: dict[Operator, tuple[Json, Json, Json]] = {
    Operator.PREFIX: ("eu-", "eu-1", "us-1"),
    Operator.SUFFIX: (".png", "a.png", "a.txt"),
    Operator.EQUALS_IGNORE_CASE: ("Stopped", "STOPPED", "running"),
    Operator.ANYTHING_BUT: ("stopped", "running", "stopped"),
    Operator.NUMERIC: ([">", 5], 6, 5),
    Operator.EXISTS: (True, 1, {}),
    Operator.WILDCARD: ("a*b", "a-b", "b-a"),
    Operator.CIDR: ("10.1.0.0/16", "10.1.2.3", "10.2.0.0"),
}
"""For each an operand, a value that it matches, and one that it does not match."""

NARROWER: dict[Operator, Json] = {
    Operator.PREFIX: "eu-1",
    Operator.SUFFIX: "a.png",
    Operator.ANYTHING_BUT: ["stopped", "running"],
    Operator.NUMERIC: [">", 6],
    Operator.WILDCARD: "a*bb",
    Operator.CIDR: "10.1.2.0/24",
}
"""Operands that match less than the sample; of the others there are none."""


def rule(name: str, operator: Operator, operand: Json) -> str:
    return f"name: {name}, match: {{data: {{x: [{exact_json.encode({operator: operand})}]}}}}, hold: true"


def test_there_is_a_sample_of_every_operator() -> None:
    """The tests below try these."""
    assert [operator for operator in Operator if operator not in SAMPLES] == []


@pytest.mark.parametrize("operator", Operator)
def test_the_compiler_the_schema_and_explain_know_it(operator: Operator) -> None:
    """It matches what it should, an editor takes it, and an explanation shows it."""
    operand, yes, no = SAMPLES[operator]
    text = rules(rule("a", operator, operand))
    policy = Policy.parse(text, "policy.yaml")
    whole: dict[str, Any] = {
        "version": 1,
        "rules": [{"name": "a", "match": {"data": {"x": [{operator.value: operand}]}}, "hold": True}],
    }
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(whole)) == []
    for value, matches in ((yes, True), (no, False)):
        why = explain(policy, Signal("i", "/s", "t", 0, {"x": value})).rules[0].pattern
        assert why is not None
        test = why.parts[0].parts[0].parts[0]
        assert (test.asking, test.matched, test.wanted) == (Asking.TEST, matches, {operator: operand})


@pytest.mark.parametrize("operator", Operator)
def test_check_knows_what_it_tells_apart(operator: Operator) -> None:
    """Among the values that examples are made of there are some that it matches and some that it does not match.

    So no rule that can match is called dead: not one for the rest behind it, nor the wider one behind a narrower one.
    """
    operand, _, _ = SAMPLES[operator]
    asked: Json = {operator: operand}
    assert operator is Operator.EXISTS or distinctions([asked]) != Distinctions()
    rest = "name: rest, match: {data: {x: [{exists: true}]}}, hold: true"
    first = rule("first", operator, operand)
    if operator is not Operator.EXISTS:
        assert found(rules(first, rest)) == []
    assert found(rules(first, rule("again", operator, operand))) == [(FindingKind.NEVER_MATCHES, ("first", "again"))]
    if operator in NARROWER:
        narrow = rule("narrow", operator, NARROWER[operator])
        assert found(rules(narrow, first)) == []
        assert found(rules(first, narrow)) == [(FindingKind.NEVER_MATCHES, ("first", "narrow"))]


def test_addresses_are_told_apart_range_by_range() -> None:
    """Ranges inside of each other, of either kind, single addresses, and what the ranges inside leave of one."""
    nested = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "::/0"]
    assert found(rules(*(rule(f"r{i}", Operator.CIDR, cidr) for i, cidr in enumerate(reversed(nested))))) == [
        (FindingKind.NEVER_MATCHES, ("r0", "r1")),  # ::/0 before a range of IPv6
    ]
    halves = rules(
        rule("low", Operator.CIDR, "10.0.0.0/9"),
        rule("high", Operator.CIDR, "10.128.0.0/9"),
        rule("both", Operator.CIDR, "10.0.0.0/8"),
    )
    assert found(halves) == [(FindingKind.NEVER_MATCHES, ("low", "high", "both"))]
    whole = "name: one, match: {data: {x: [255.255.255.255]}}, hold: true"
    # There is another way to write it: ::ffff:255.255.255.255.
    assert found(rules(whole, rule("last", Operator.CIDR, "255.255.255.255/32"))) == []


def test_check_takes_dotted_keys_for_nested_ones() -> None:
    """A rule in the other spelling never matches behind the first, and two thresholds are of one field."""
    dotted = "name: dotted, match: {data: {state.status: [running]}}, hold: true"
    nested = "name: nested, match: {data: {state: {status: [running]}}}, hold: true"
    assert found(rules(dotted, nested)) == [(FindingKind.NEVER_MATCHES, ("dotted", "nested"))]
    low = 'name: low, match: {detail.a.b: [{numeric: ["<", 5]}]}, interval: 5, for: 1m, then: 5'
    high = 'name: high, match: {data: {a: {b: [{numeric: [">", 7]}]}}}, interval: 60'
    assert found(rules(low, high)) == [(FindingKind.GAP, ("low", "high"))]

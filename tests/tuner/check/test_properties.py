"""What holds of `tuner check` whatever the policy."""

import json
from collections.abc import Mapping
from itertools import pairwise, product
from math import floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.tuner.check.findings import FindingKind
from devkit.tuner.check.inspection import Inspection, inspect
from snapshot_tuner.events import signals
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.engine import Policy
from tests.effort import cases
from tests.one_signal import one
from tests.tuner.check.showing import assert_shown

TASK: Mapping[str, Json] = {"AppId": "app", "RoomId": "room", "TaskId": "task"}
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "abc",
    "b",
    "bab",
    "ba-a",
    "K",
    "\N{KELVIN SIGN}",
    "stra\N{LATIN SMALL LETTER SHARP S}e",
]
NUMBERS = [-2, -1, -0.5, 0, 0.25, 0.5, 1, 2, 10, 11]

numbers = st.sampled_from(NUMBERS)
texts = st.sampled_from(TEXTS)
longer = st.sampled_from([text for text in TEXTS if text])
lower, upper = st.sampled_from([">", ">="]), st.sampled_from(["<", "<="])
numeric = st.one_of(
    st.tuples(lower | upper | st.just("="), numbers).map(list),
    st.tuples(lower, numbers, upper, numbers).filter(lambda limits: limits[1] < limits[3]).map(list),
).map(lambda limits: {"numeric": limits})
textual = st.one_of(
    st.builds(
        lambda operator, text: {operator: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), texts
    ),
    st.builds(
        lambda operator, text: {operator: {"equals-ignore-case": text}}, st.sampled_from(["prefix", "suffix"]), texts
    ),
    st.sampled_from(["a*", "*b*", "a*b", "*-*", "*"]).map(lambda text: {"wildcard": text}),
)
anything_but = st.one_of(
    st.lists(longer, min_size=1, max_size=2),
    st.lists(numbers, min_size=1, max_size=2),
    st.builds(lambda operator, text: {operator: text}, st.sampled_from(["prefix", "suffix"]), longer),
).map(lambda operand: {"anything-but": operand})
exists = st.booleans().map(lambda wanted: {"exists": wanted})
items = st.lists(
    st.one_of(numeric, numeric, textual, anything_but, exists, texts, numbers, st.none(), st.booleans()),
    min_size=1,
    max_size=2,
)
fields = st.dictionaries(st.sampled_from(["x", "s", "RoomId"]), items, min_size=1, max_size=2)
types = st.lists(st.sampled_from(["t", "u"]) | textual | exists, min_size=1, max_size=2)
intervals = st.one_of(
    st.integers(1, 600).map(lambda seconds: {"interval": seconds}),
    st.just({"hold": True}),
    st.lists(st.integers(1, 600), min_size=2, max_size=4).map(
        lambda ys: {"interval": {"of": "data.x", "curve": [[x, y] for x, y in enumerate(ys)]}}
    ),
)


def matches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"data": inner},
        optional={"type": types, "$or": st.lists(st.fixed_dictionaries({"data": inner}), min_size=2, max_size=2)},
    )


def policies(match: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    def text(rules: list[tuple[Any, Any]], low: int) -> str:
        named = [{"name": f"r{i}", "match": match, **action} for i, (match, action) in enumerate(rules)]
        return json.dumps({"version": 1, "bounds": {"min": low}, "rules": named}, ensure_ascii=False)

    return st.builds(text, st.lists(st.tuples(match, intervals), min_size=1, max_size=5), st.sampled_from([1, 20]))


values = st.one_of(numbers, texts, st.none(), st.booleans())
datas = st.dictionaries(st.sampled_from(["x", "s", "RoomId"]), values | st.lists(values, max_size=3))


def signal(type_: str, data: Mapping[str, Any]) -> Signal:
    event = {"specversion": "1.0", "id": "e", "source": "/s", "type": type_, "data": {**TASK, **data}}
    return one(signals.from_body(json.dumps(event), sent_us=0))


def never(inspection: Inspection) -> set[str]:
    return {
        each.suspicion.rules[-1] for each in inspection.suspicious if each.suspicion.kind is FindingKind.NEVER_MATCHES
    }


@settings(max_examples=cases(35), deadline=None)
@given(policies(matches(fields)))
def test_every_example_shows_what_is_said(text: str) -> None:
    """Whatever the policy, nothing is raised, and the policy decides each example as the finding says."""
    inspection = inspect(text, "policy.yaml")
    if inspection.mistakes:
        return
    policy = Policy.parse(text, "policy.yaml")
    for each in inspection.suspicious:
        found = each.suspicion
        events = [example.signal for example in found.examples]
        assert [policy.decide(event).reason for event in events] == [each.decision.reason for each in found.examples]
        assert_shown(policy, found.kind, found.rules, events)


@settings(max_examples=cases(35), deadline=None)
@given(policies(matches(fields)), st.lists(st.tuples(st.sampled_from(["t", "u", "a", "other"]), datas), max_size=20))
def test_a_rule_that_never_matches_decides_no_event(text: str, events: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Where lists could make a difference the finding says so, and then only events without them count."""
    inspection = inspect(text, "policy.yaml")
    if inspection.mistakes:
        return
    policy = Policy.parse(text, "policy.yaml")
    careful = {
        each.suspicion.rules[-1]
        for each in inspection.suspicious
        if "is a list" in each.suspicion.message or "no single value" in each.suspicion.message
    }
    for type_, data in events:
        lists = any(isinstance(value, list) for value in data.values())
        decided = policy.decide(signal(type_, data)).rule
        assert decided not in never(inspection) - (careful if lists else set())


GRID = [*NUMBERS, *((a + b) / 2 for a, b in pairwise(NUMBERS)), -3, 12]
numeric_matches = st.fixed_dictionaries(
    {"type": st.lists(st.sampled_from(["t", "u"]), min_size=1, max_size=2)},
    optional={
        "data": st.fixed_dictionaries(
            {}, optional={"x": st.lists(numeric | numbers, min_size=1, max_size=2), "vip": st.just([True])}
        ).filter(bool)
    },
)


@settings(max_examples=cases(35), deadline=None)
@given(policies(numeric_matches))
def test_of_numbers_every_rule_that_never_matches_is_found(text: str) -> None:
    """A rule is reported just when no number, on or between the thresholds, gets to it."""
    inspection = inspect(text, "policy.yaml")
    if inspection.mistakes:
        return
    policy = Policy.parse(text, "policy.yaml")
    decided = {
        policy.decide(signal(type_, {key: value for key, value in (("x", x), ("vip", vip)) if value is not None})).rule
        for type_, x, vip in product("tu", [None, *GRID], [None, True])
    }
    assert never(inspection) == {rule.name for rule in policy.rules} - decided


ranges = st.fixed_dictionaries(
    {
        "type": st.just(["t"]),
        "data": st.fixed_dictionaries(
            {"x": numeric.filter(lambda item: item["numeric"][0] != "=").map(lambda item: [item])}
        ),
    }
)


@settings(max_examples=cases(35), deadline=None)
@given(policies(ranges))
def test_of_ranges_every_gap_between_two_rules_is_found(text: str) -> None:
    """Numbers that no rule is for, with one rule below them and another one above; not what lies between two counts."""
    inspection = inspect(text, "policy.yaml")
    policy = Policy.parse(text, "policy.yaml")
    line = [(x, policy.decide(signal("t", {"x": x})).rule) for x in sorted(GRID)]
    counts = all(end == int(end) for rule in policy.rules for end in _ends(rule.match))
    expected = set()
    below: str | None = None
    run: list[float] = []
    for x, rule in line:
        if rule is None:
            run.append(x)
            continue
        if run and below not in (None, rule) and not (counts and _between_whole_numbers(run)):
            expected.add(frozenset((below, rule)))
        below, run = rule, []
    found = {
        frozenset(each.suspicion.rules) for each in inspection.suspicious if each.suspicion.kind is FindingKind.GAP
    }
    assert found == expected


def _ends(match: Mapping[str, Any]) -> list[Any]:
    return [end for item in match["data"]["x"] for end in item["numeric"][1::2]]


def _between_whole_numbers(run: list[float]) -> bool:
    return floor(run[0]) == floor(run[-1]) and run[0] != floor(run[0])

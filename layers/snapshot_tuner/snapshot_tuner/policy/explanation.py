"""Why a policy decides as it does about a signal: rule by rule, and inside a pattern test by test.

Nothing here knows how to match. Each part of a pattern is compiled by `patterns` as a pattern of its own, and
asked about the same signal; so an explanation cannot differ from what `Policy.decide` does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import Final, TypeAlias, assert_never

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.json_path import ABSENT, Absent
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Decision, Json, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.limits import Asked, Bounds, Fitted
from snapshot_tuner.policy.patterns.attributes import attribute_reader
from snapshot_tuner.policy.patterns.compiler import compile_checked
from snapshot_tuner.policy.patterns.grammar import OR
from snapshot_tuner.policy.patterns.nesting import nested, unfolded
from snapshot_tuner.policy.rules import Rule

_SHOWN_CHARACTERS: Final = 60
_TESTS_TOLD: Final = 5


class Asking(StrEnum):
    """What a part of a pattern is, which says how its own parts make up its answer."""

    FIELDS = auto()  # all of them have to match, in one and the same object
    ALTERNATIVES = auto()  # `$or`: one of them has to match
    FIELD = auto()  # a list: one of its tests has to match
    TEST = auto()  # a value, or an operator with its operand


@dataclass(frozen=True, slots=True)
class PatternFinding:
    """One part of a pattern, and whether the signal matches it.

    `place` is where it stands in the pattern ("data.load", "$or[1].type"); `wanted` is set for a test, and
    `found`, in words, for a field: what the signal has there.
    """

    asking: Asking
    place: str
    matched: bool
    wanted: Json = None
    found: str | None = None
    parts: tuple["PatternFinding", ...] = ()


class Reached(StrEnum):
    """How far a rule came: the first one that matches decides, and those after it are not tried."""

    MATCHED = auto()
    NOT_MATCHED = auto()
    NOT_REACHED = auto()


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A rule, how far it came, why, and its pattern part by part; None for a rule that was not reached."""

    rule: str
    reached: Reached
    reason: str
    pattern: PatternFinding | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and the way to it; `asked` is None if there is no interval, or none is wanted.

    `fitted` is what became of it for each task. `policy` is its `short_hash`.
    """

    decision: Decision
    rules: tuple[RuleFinding, ...]
    asked: Asked | None
    fitted: Mapping[TaskRef, Fitted]
    bounds: Bounds
    policy: str


def explain(policy: Policy, signal: Signal, now_us: int | None = None) -> Explanation:
    """Pure, and raises for no signal; slower than `Policy.decide`, for it looks at every part of every rule.

    `now_us` as there.
    """
    now_us = signal.time_us if now_us is None else now_us
    rules: list[RuleFinding] = []
    asked = None
    decided_by = None
    decision = policy.decide(signal, now_us=now_us)
    fitted: dict[TaskRef, Fitted] = {}
    for rule in policy.rules:
        if decided_by is not None:
            reason = f"rule {decided_by!r} before it has decided"
            rules.append(RuleFinding(rule.name, Reached.NOT_REACHED, reason, None))
            continue
        found = _rule(rule, signal)
        rules.append(found)
        if found.reached is Reached.MATCHED:
            decided_by = rule.name
            asked = _asked(policy, rule, signal)
            if asked is not None:
                fitted = {
                    each.task: policy.fitted(rule, asked, signal, each.task, now_us) for each in decision.adjustments
                }
    return Explanation(decision, tuple(rules), asked, fitted, policy.bounds, policy.short_hash)


def _asked(policy: Policy, rule: Rule, signal: Signal) -> Asked | None:
    try:
        return policy.asked(rule, signal)
    except EventRejected:
        return None  # the decision says why


def _rule(rule: Rule, signal: Signal) -> RuleFinding:
    matched = rule.pattern.matches(signal)
    way = _Way(signal, lambda part: part, signal)
    pattern = PatternFinding(Asking.FIELDS, "", matched, parts=_fields(nested(rule.match), way, ""))
    window = rule.when
    there = "" if window is None else f"({window}): it is {window.describe(signal.time_us)}"
    if matched and window is not None and not window.holds_at(signal.time_us):
        return RuleFinding(rule.name, Reached.NOT_MATCHED, f"its window does not hold {there}", pattern)
    if matched:
        reason = "its pattern matches" if rule.match else "it matches every event"
        if window is not None:
            reason += f", and its window holds {there}"
        return RuleFinding(rule.name, Reached.MATCHED, reason, pattern)
    return RuleFinding(rule.name, Reached.NOT_MATCHED, _why_not(pattern), pattern)


_Wrap: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]


class _InList(Enum):
    """What lies inside a list has no single value."""

    IN_LIST = "in a list"


_Seen: TypeAlias = "Json | Absent | _InList"


@dataclass(frozen=True, slots=True)
class _Way:
    """From the top of a pattern to one of its objects.

    `wrap` makes a pattern of the whole signal from one of that object; `holder` is what the signal has there,
    or the signal itself.
    """

    signal: Signal
    wrap: _Wrap
    holder: "Signal | _Seen"

    def matches(self, part: dict[str, Json]) -> bool:
        return compile_checked(self.wrap(part)).matches(self.signal)

    def get(self, key: str) -> _Seen:
        match self.holder:
            case Signal() as signal:
                return attribute_reader(key)(signal)
            case dict() as members:
                return unfolded(
                    members, key, [other[len(key) + 1 :] for other in members if other.startswith(f"{key}.")]
                )
            case list() | _InList.IN_LIST:
                return _InList.IN_LIST
            case _:
                return ABSENT

    def into(self, key: str) -> "_Way":
        wrap = self.wrap
        return _Way(self.signal, lambda part: wrap({key: part}), self.get(key))


def _fields(members: Mapping[str, Json], way: _Way, place: str) -> tuple[PatternFinding, ...]:
    return tuple(_part(key, value, way, f"{place}.{key}" if place else key) for key, value in members.items())


def _part(key: str, value: Json, way: _Way, place: str) -> PatternFinding:
    matched = way.matches({key: value})
    if key == OR and isinstance(value, list):
        alternatives = tuple(
            PatternFinding(Asking.FIELDS, f"{place}[{i}]", way.matches(one), parts=_fields(one, way, f"{place}[{i}]"))
            for i, one in enumerate(value)
            if isinstance(one, dict)
        )
        return PatternFinding(Asking.ALTERNATIVES, place, matched, parts=alternatives)
    found = _in_words(way.get(key))
    if isinstance(value, dict):
        return PatternFinding(Asking.FIELDS, place, matched, found=found, parts=_fields(value, way.into(key), place))
    items = value if isinstance(value, list) else [value]
    tests = tuple(PatternFinding(Asking.TEST, place, way.matches({key: [item]}), wanted=item) for item in items)
    return PatternFinding(Asking.FIELD, place, matched, found=found, parts=tests)


def _why_not(finding: PatternFinding) -> str:
    """The first part that does not match, down to the field, in words."""
    match finding.asking:
        case Asking.TEST:
            return f"not {_cut(_as_json(finding.wanted))}"
        case Asking.FIELD:
            return f"{finding.place} is {finding.found}, {' and '.join(map(_why_not, finding.parts[:_TESTS_TOLD]))}"
        case Asking.ALTERNATIVES:
            return f"no alternative of {finding.place} matches"
        case Asking.FIELDS:
            failed = next((part for part in finding.parts if not part.matched), None)
            if failed is None:
                return f"no single object in the list {finding.place} matches all of it"
            return _why_not(failed)
        case _:
            assert_never(finding.asking)


def _in_words(value: _Seen) -> str:
    match value:
        case Absent.ABSENT:
            return "absent"
        case _InList.IN_LIST:
            return "in a list"
        case bool() | None | str():
            return _cut(_as_json(value))
        case int() | Decimal():
            return _cut(str(Decimal(value)))
        case _:
            return describe(value)


def _as_json(value: Json) -> str:
    return json.dumps(value, default=float)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

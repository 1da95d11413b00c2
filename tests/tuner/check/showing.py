"""What the examples of a finding have to show, asked of the policy itself."""

from collections.abc import Sequence

from devkit.tuner.check.findings import FindingKind
from snapshot_tuner.model import Signal, Verdict
from snapshot_tuner.policy.engine import Policy


def assert_shown(policy: Policy, kind: str, names: Sequence[str], events: Sequence[Signal]) -> None:
    """Whether the events come to what a finding of this kind says of these rules."""
    rules = {rule.name: rule for rule in policy.rules}
    first, last = names[0], names[-1]
    decisions = [policy.decide(event) for event in events]
    deciding = [each.rule for each in decisions]
    intervals = [each.adjustments[0].interval if each.adjustments else 0 for each in decisions]
    assert events
    match FindingKind(kind):
        case FindingKind.NEVER_MATCHES if first == last:
            assert not any(rules[last].pattern.matches(event) for event in events)
        case FindingKind.NEVER_MATCHES:
            assert set(deciding) <= set(names[:-1])
            assert all(rules[last].pattern.matches(event) for event in events)
        case FindingKind.GAP:
            assert deciding == [None]
        case FindingKind.OVERLAP:
            assert deciding == [first]
            assert all(rules[last].pattern.matches(event) for event in events)
        case FindingKind.FLAPPING:
            assert {*deciding} == {first, last}
            assert all(intervals)
            assert intervals[0] != intervals[1]
            assert differences(*(event.data for event in events)) == 1
        case FindingKind.CURVE_NOT_MONOTONIC:
            assert deciding == [first] * 3
            low, middle, high = intervals
            assert low != middle != high
            assert (middle > low) == (middle > high)
        case FindingKind.ALWAYS_CLAMPED | FindingKind.LIMITS_CONTRADICT | FindingKind.LIMIT_WITHOUT_EFFECT:
            assert deciding == [first]
            assert ("clamped" in decisions[0].reason) == (kind != FindingKind.LIMIT_WITHOUT_EFFECT)
        case FindingKind.NEVER_ENDS:
            assert deciding == [first]
            assert rules[first].lasts
            assert rules[first].then is None
        case FindingKind.UNUSUAL_ATTRIBUTE | FindingKind.FINDS_NOTHING:
            assert decisions[0].verdict in {Verdict.REJECT, Verdict.UNMATCHED}


def differences(one: object, other: object) -> int:
    """In how many leaves two documents of the same shape differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        return sum(differences(one[key], other[key]) for key in one)
    return int(one != other)

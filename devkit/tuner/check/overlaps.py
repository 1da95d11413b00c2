"""Ranges of a number that two rules cover, where the author may mean the second."""

from collections.abc import Iterator

from devkit.tuner.check.boxes import intersection
from devkit.tuner.check.coverage import Coverage, Part
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, FindingKind, Suspicion
from devkit.tuner.check.ranges import in_words, locate, similar_parts
from devkit.tuner.check.values import Axis, list_cells
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.rules import Rule, target_of


def overlaps(coverage: Coverage) -> Iterator[Suspicion]:
    """Ranges that overlap in part, with other actions.

    A range inside a wider one that comes after it is the usual way to write steps, and one inside a wider one before it
    never matches. A number at which both ranges end is no range.
    """
    seen = set()
    for path, axis in coverage.axes.items():
        for i, one, j, other in similar_parts(coverage, path):
            mine, its = one.box[path] & axis.numbers, other.box[path] & axis.numbers
            both = list_cells(mine & its)
            in_part = bool(both and mine & ~its and its & ~mine)
            is_range = len(both) > 1 or any(axis.threshold(cell) is None for cell in both)
            if (i, j, path) in seen or not in_part or not is_range or not coverage.decided[j]:
                continue
            example = _example(coverage, axis, (i, one), (j, other))
            if example is not None:
                seen.add((i, j, path))
                yield _overlap(coverage, axis, (i, j), both, example)


def _overlap(coverage: Coverage, axis: Axis, pair: tuple[int, int], both: list[int], example: Example) -> Suspicion:
    first, second = (coverage.policy.rules[i].name for i in pair)
    message = (
        f"rules {first!r} and {second!r} both match {in_words(axis, both)} and ask for different things; "
        f"{first!r} comes first and decides"
    )
    place = locate(coverage, pair[1], axis.path)
    return Suspicion(FindingKind.OVERLAP, place, (first, second), message, (example,))


def _example(coverage: Coverage, axis: Axis, one: tuple[int, Part], other: tuple[int, Part]) -> Example | None:
    i, j = one[0], other[0]
    rules = coverage.policy.rules
    for decided in coverage.decided[i]:
        box = intersection(decided, other[1].box)
        if box is None:
            continue
        for cell in list_cells(box.get(axis.path, 0) & axis.numbers):
            point = {**point_in(coverage, box, j), axis.path: cell}
            example = show(coverage, point)
            if (
                example is not None
                and example.decision.rule == rules[i].name
                and rules[j].pattern.matches(example.signal)
                and _differ(coverage.policy, rules[i], rules[j], example.signal)
            ):
                return example
    return None


def _differ(policy: Policy, one: Rule, other: Rule, signal: Signal) -> bool:
    try:
        return _effect(policy, one, signal) != _effect(policy, other, signal)
    except EventRejected:
        return False  # an event that one of them cannot use shows nothing


def _effect(policy: Policy, rule: Rule, signal: Signal) -> tuple[object, ...]:
    asked = policy.asked(rule, signal)
    if asked is None:
        return (None, rule.ends)
    fitted = policy.fitted(rule, asked, signal, target_of(rule.targets, signal).tasks(signal)[0], signal.time_us)
    return (fitted.interval, rule.ends, rule.lasts, fitted.then, rule.default is None)

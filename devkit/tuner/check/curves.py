"""Curves that turn back, and curves that lie entirely outside the bounds."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from devkit.tuner.check.boxes import Box
from devkit.tuner.check.constraints import spelled
from devkit.tuner.check.coverage import Coverage, curve_path, rule_curve
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, FindingKind, Suspicion
from devkit.tuner.check.values import list_cells
from snapshot_tuner.policy.limits import Bounds

TURNING: Final = 3
"""So many intervals it takes to show that a curve turns back."""

_PLACE: Final = ("interval", "curve")


def curves(coverage: Coverage) -> Iterator[Suspicion]:
    """Judged by the intervals that events really get: only at values for which the rule is, and inside the bounds."""
    for i in coverage.examined():
        curve, policy, own = rule_curve(coverage, i), coverage.policy.bounds, coverage.policy.rules[i].bounds
        bounds = policy if own is None else Bounds(max(own.min, policy.min), min(own.max, policy.max))
        if curve is None:
            continue
        outside = all(y < bounds.min for _, y in curve.curve) or all(y > bounds.max for _, y in curve.curve)
        judge = _always_clamped if outside else _turning
        for box in _apart(coverage, i):
            found = judge(coverage, i, _examples(coverage, i, box))
            if found is not None:
                yield found
                break


def _apart(coverage: Coverage, i: int) -> Iterable[Box]:
    """Of the rule's events, one box for each set of numbers that its curve can be asked about."""
    path = curve_path(coverage, i)
    if path is None or path not in coverage.axes:
        return ()
    return {box.get(path, -1): box for box in coverage.decided[i]}.values()


def _examples(coverage: Coverage, i: int, box: Box) -> list[Example]:
    """Events of the rule that differ in the number of its curve only, ascending."""
    path = curve_path(coverage, i)
    if path is None:
        return []
    axis = coverage.axes[path]
    point = point_in(coverage, box, i)
    examples = (
        show(coverage, {**point, path: cell}) for cell in list_cells(box.get(path, axis.everything) & axis.numbers)
    )
    name = coverage.policy.rules[i].name
    return [each for each in examples if each is not None and each.interval is not None and each.decision.rule == name]


def _always_clamped(coverage: Coverage, i: int, examples: Sequence[Example]) -> Suspicion | None:
    if not examples:
        return None
    name = coverage.policy.rules[i].name
    message = f"the whole curve of rule {name!r} is outside the bounds: its interval is always {examples[0].interval} s"
    return Suspicion(FindingKind.ALWAYS_CLAMPED, ("rules", i, *_PLACE), (name,), message, (examples[0],))


def _turning(coverage: Coverage, i: int, examples: Sequence[Example]) -> Suspicion | None:
    extremes = list(examples[:1])
    for each in examples[1:]:
        step = _direction(extremes[-1], each)
        if not step:
            continue
        if len(extremes) > 1 and step == _direction(*extremes[-2:]):
            extremes[-1] = each
        else:
            extremes.append(each)
    if len(extremes) < TURNING:
        return None
    examples = tuple(extremes[:TURNING])
    name, path = coverage.policy.rules[i].name, curve_path(coverage, i) or ()
    way = "rises and then falls" if _direction(*examples[:2]) > 0 else "falls and then rises"
    intervals = ", ".join(f"{example.interval} s" for example in examples)
    message = f"the curve of rule {name!r} {way} while {spelled(path)} only grows: {intervals}"
    return Suspicion(FindingKind.CURVE_NOT_MONOTONIC, ("rules", i, *_PLACE), (name,), message, examples)


def _direction(one: Example, other: Example) -> int:
    before, after = one.interval or 0, other.interval or 0
    return (after > before) - (after < before)

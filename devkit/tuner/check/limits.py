"""Limits that contradict each other: one asks for more than another allows."""

from collections.abc import Iterator
from itertools import permutations

from devkit.tuner.check.boxes import intersection
from devkit.tuner.check.coverage import Coverage
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, FindingKind, Suspicion
from snapshot_tuner.policy.limits import Limit


def contradicting(coverage: Coverage) -> Iterator[Suspicion]:
    """Those of which an example can show that both hold for it."""
    limits = coverage.policy.limits
    for (i, longer), (j, shorter) in permutations(enumerate(limits), 2):
        if longer.bounds is None or shorter.bounds is None or longer.bounds.min <= shorter.bounds.max:
            continue
        example = _example(coverage, i, j)
        if example is not None:
            message = (
                f"limit {longer.label} asks for at least {longer.bounds.min} s, limit {shorter.label} for at most "
                f"{shorter.bounds.max} s: where both hold, the shorter interval wins"
            )
            place = ("limits", max(i, j), "bounds")
            names = (example.decision.rule or "",)
            yield Suspicion(FindingKind.LIMITS_CONTRADICT, place, names, message, (example,))


def _example(coverage: Coverage, i: int, j: int) -> Example | None:
    for rule in coverage.examined():
        for decided in coverage.decided[rule]:
            for one in coverage.limits[i]:
                for other in coverage.limits[j]:
                    both = intersection(one, other)
                    box = None if both is None else intersection(both, decided)
                    example = None if box is None else show(coverage, point_in(coverage, box, rule))
                    if example is not None and _hold(example, coverage.policy.limits[i], coverage.policy.limits[j]):
                        return example
    return None


def _hold(example: Example, *limits: Limit) -> bool:
    adjustments = example.decision.adjustments
    return any(all(limit.matches(example.signal, each.task) for limit in limits) for each in adjustments)

"""Limits that contradict each other, as one asks for more than another allows; and those that change nothing."""

from collections.abc import Iterator
from itertools import permutations

from devkit.tuner.check.boxes import Box, intersection
from devkit.tuner.check.coverage import Coverage, rule_curve
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, FindingKind, Suspicion
from devkit.tuner.check.values import list_cells, to_mask
from devkit.tuner.check.windows import TIME, example_times
from snapshot_tuner.policy.limits import Fit, Limit
from snapshot_tuner.policy.rules import Fixed, Hold, Rule


def contradicting(coverage: Coverage) -> Iterator[Suspicion]:
    """Those for which an example can show that both hold."""
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
    at_us = example.signal.time_us
    return any(
        all(limit.matches(example.signal, each.task) and _is_time(limit, at_us) for limit in limits)
        for each in example.decision.adjustments
    )


def _is_time(limit: Limit, us: int) -> bool:
    return limit.when is None or limit.when.holds_at(us)


def without_effect(coverage: Coverage) -> Iterator[Suspicion]:
    """Those that no interval of any rule gives anything to do. If a rule was not examined, this is unknown.

    What lasts is judged at all times, whenever its event came; an interval with an end only at its rule's times.
    """
    if coverage.not_examined:
        return
    for i, limit in enumerate(coverage.policy.limits):
        rules = [rule for rule in coverage.examined() if _is_for(coverage, i, rule)]
        if not coverage.limits[i] or any(_changes(coverage, i, rule) for rule in rules):
            continue
        examples = [example for rule in rules if (example := _example_of(coverage, i, rule)) is not None]
        if rules and not examples:
            continue
        why = "it changes no interval that a rule asks for while it holds" if rules else "no rule is for its events"
        message = f"limit {limit.label} has no effect: {why}"
        names = tuple(coverage.policy.rules[rule].name for rule in rules)
        yield Suspicion(FindingKind.LIMIT_WITHOUT_EFFECT, ("limits", i), names, message, tuple(examples[:1]))


def _is_for(coverage: Coverage, i: int, rule: int) -> bool:
    is_hold = isinstance(coverage.policy.rules[rule].action, Hold)
    return not is_hold and next(_shared(coverage, i, rule), None) is not None


def _shared(coverage: Coverage, i: int, rule: int) -> Iterator[Box]:
    """Events of a rule that are some of a limit, whether it holds at their time or not."""
    for decided in coverage.decided[rule]:
        for own in coverage.limits[i]:
            both = intersection({**own, TIME: -1} if TIME in own else own, decided)
            if both is not None:
                yield both


def _example_of(coverage: Coverage, i: int, rule: int) -> Example | None:
    shared = next(_shared(coverage, i, rule))
    example = show(coverage, point_in(coverage, shared, rule))
    decides = example is not None and example.decision.rule == coverage.policy.rules[rule].name
    return example if decides else None


def _changes(coverage: Coverage, i: int, number: int) -> bool:
    """Whether the limit, alone, changes anything that a rule can ask for."""
    policy, rule = coverage.policy, coverage.policy.rules[number]
    limit = policy.limits[i].without_longer() if rule.urgent else policy.limits[i]
    with_it, without = Fit(rule.bounds, [limit], policy.bounds), Fit(rule.bounds, (), policy.bounds)
    times = example_times(coverage.axes)
    at_all_times = to_mask(range(len(times)))
    asked_at = {cell for box in _shared(coverage, i, number) for cell in list_cells(box.get(TIME, at_all_times))}
    for cell, at in enumerate(times):
        if not _is_time(limit, at):
            continue
        for seconds in _asked(coverage, number, rule):
            one, other = (fit.at(at, seconds, rule.then, lasts=True) for fit in (with_it, without))
            asked_now = rule.lasts is None or cell in asked_at
            if one.then != other.then or (asked_now and one.interval != other.interval):
                return True
    return False


def _asked(coverage: Coverage, number: int, rule: Rule) -> Iterator[int]:
    """What the rule may ask for, in seconds."""
    curve = rule_curve(coverage, number)
    if isinstance(rule.action, Fixed):
        yield rule.action.seconds
    elif curve is not None:
        ends = [round(seconds) for _, seconds in curve.curve]
        yield from range(min(ends), max(ends) + 1)

"""Two rules whose intervals alternate when a number wavers around one value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations
from typing import Final, TypeAlias

from devkit.tuner.check.boxes import Box, intersection
from devkit.tuner.check.constraints import Path, spelled
from devkit.tuner.check.coverage import Coverage, curve_path, rule_curve
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import FindingKind, Suspicion
from devkit.tuner.check.ranges import clamped, is_whole, locate
from devkit.tuner.check.values import Axis, beside, list_cells
from devkit.tuner.check.windows import TIME
from snapshot_tuner.model import Number
from snapshot_tuner.policy.rules import Fixed, Hold, Rule

_ROUNDING_SECONDS: Final = 1
"""What two curves that meet may differ by, having been rounded to whole seconds."""

_WHOLE: Final = (1, 100)
"""Where a share ends, as a number and in per cent."""


@dataclass(frozen=True, slots=True)
class _Border:
    """Neighbouring classes of a number; values of them that are next to each other; and where either side ends.

    `between` is a class that lies between them but holds no whole number, where the number is a count. `beyond` is
    the side, 0 or 1, on which there are no values in practice.
    """

    cells: tuple[int, int]
    numbers: tuple[Decimal, Decimal]
    ends: tuple[Decimal, Decimal]
    between: int | None = None
    beyond: int | None = None

    def __str__(self) -> str:
        low, high = self.ends
        return f"at {low}" if low == high else f"between {low} and {high}"


def flapping(coverage: Coverage) -> Iterator[Suspicion]:
    """Rules that touch at the end of a range, with other intervals on either side.

    A cooldown on the side with the longer interval, or a `for` on either that the other does not end, lets the
    interval change once, not each time; then it is harmless.
    """
    seen = set()
    for path, axis in coverage.axes.items():
        borders = _borders(coverage, axis)
        by_end: dict[Number, set[int]] = {}
        for number, border in enumerate(borders):
            for end in border.ends:
                by_end.setdefault(end, set()).add(number)
        ends = {i: {end for part in coverage.parts[i] for end in part.ends(path)} for i in coverage.examined()}
        for i, j in combinations(coverage.examined(), 2):
            at_stake = [borders[n] for n in sorted(set().union(*(by_end.get(end, ()) for end in ends[i] | ends[j])))]
            for border, box, lower, upper in _touching(coverage, path, at_stake, (i, j)):
                key = (path, border.cells, i, j)
                found = None if key in seen else _flap_at_some_time(coverage, axis, border, box, (lower, upper))
                if found is not None:
                    seen.add(key)
                    yield found


def _borders(coverage: Coverage, axis: Axis) -> list[_Border]:
    borders = []
    whole, limits = is_whole(coverage, axis.path), _limits(coverage, axis.path)
    for cell in axis.number_cells:
        threshold = axis.threshold(cell)
        if threshold is None:
            continue
        for side, cells in enumerate(((cell - 1, cell), (cell, cell + 1))):
            low, high = (threshold if each == cell else beside(threshold, axis, each) for each in cells)
            beyond = side if limits[side] == threshold else None
            borders.append(_Border(cells, (low, high), (threshold, threshold), beyond=beyond))
        next_one = axis.threshold(cell + 2) if cell + 2 in axis.number_cells else None
        if next_one is not None and next_one - threshold == 1 and whole:
            both = (threshold, next_one)
            borders.append(_Border((cell, cell + 2), both, both, between=cell + 1))
    return borders


def _limits(coverage: Coverage, path: Path) -> tuple[Number | None, Number | None]:
    """Between which values a number is in practice, as far as its ranges give that away.

    Where nothing is said of it below 0, or above a whole of which it is a share, such an end only keeps out what is
    senseless. One that is compared with fractions up to 1, or with anything from 0 up to 1 or 100, is a share.
    """
    ends = {end for i in coverage.examined() for part in coverage.parts[i] for end in part.ends(path)}
    if not ends or min(ends) < 0:
        return None, None
    low, high = min(ends), max(ends)
    is_share = high in _WHOLE and (low == 0 or (high == 1 and not is_whole(coverage, path)))
    return (0 if low == 0 else None), (high if is_share else None)


def _touching(
    coverage: Coverage, path: Path, borders: list[_Border], pair: tuple[int, int]
) -> Iterator[tuple[_Border, Box, int, int]]:
    """Where events of one rule turn into events of the other when the number alone crosses a border."""
    for one in coverage.decided[pair[0]] if borders else ():
        for other in coverage.decided[pair[1]]:
            box = intersection({**one, path: -1}, {**other, path: -1})
            if box is None:
                continue
            for border in borders:
                for lower, upper, below, above in ((*pair, one, other), (*pair[::-1], other, one)):
                    if below.get(path, -1) >> border.cells[0] & 1 and above.get(path, -1) >> border.cells[1] & 1:
                        yield border, box, lower, upper


def _flap_at_some_time(
    coverage: Coverage, axis: Axis, border: _Border, box: Box, rules: tuple[int, int]
) -> Suspicion | None:
    """Limits may hold at times, so that intervals differ at others only."""
    times = list_cells(box.get(TIME, coverage.axes[TIME].everything)) if TIME in coverage.axes else []
    at_times: list[Box] = [{**box, TIME: 1 << cell} for cell in times] or [box]
    always = [_flap(coverage, axis, border, each, rules) for each in at_times]
    found = next((each for each in always if each is not None), None)
    if found is None or None not in always:
        return found
    return replace(found, message=f"{found.message}, at some times, such as {found.examples[0].event['time']}")


def _flap(coverage: Coverage, axis: Axis, border: _Border, box: Box, rules: tuple[int, int]) -> Suspicion | None:
    spans = [_span(coverage, i, axis.path, number) for i, number in zip(rules, border.ends, strict=True)]
    if _is_harmless(coverage, rules, spans) or _is_senseless(coverage, axis.path, border, rules):
        return None
    point = point_in(coverage, {**box, axis.path: axis.everything}, *rules)
    examples = []
    for i, cell, number in zip(rules, border.cells, border.numbers, strict=True):
        example = show(coverage, {**point, axis.path: cell}, {axis.path: number})
        if example is None or example.interval is None or example.decision.rule != coverage.policy.rules[i].name:
            return None
        examples.append(example)
    if examples[0].interval == examples[1].interval or not _is_empty(coverage, point, axis, border.between):
        return None
    names = [coverage.policy.rules[i].name for i in rules]
    if coverage.policy.limits:  # what the events really get
        spans = [(example.interval or 0, example.interval or 0) for example in examples]
    message = (
        f"rules {names[0]!r} and {names[1]!r} touch {border} of {spelled(axis.path)} with no band between: "
        f"a task whose value wavers there changes between {_seconds(spans[0])} and {_seconds(spans[1])} each time"
    )
    place = locate(coverage, max(i for i in rules if _ends_at(coverage, i, axis.path, border)), axis.path)
    first, second = sorted(rules)
    in_order = (coverage.policy.rules[first].name, coverage.policy.rules[second].name)
    return Suspicion(FindingKind.FLAPPING, place, in_order, message, tuple(examples))


_Span: TypeAlias = "tuple[int, int] | None"
"""The shortest and the longest interval, in seconds, that a rule can ask for; None if it holds."""


def _span(coverage: Coverage, rule: int, path: Path, number: Decimal) -> _Span:
    action = coverage.policy.rules[rule].action
    document = rule_curve(coverage, rule)
    if isinstance(action, Hold):
        return None
    if isinstance(action, Fixed) or document is None:
        asked = [action.seconds] if isinstance(action, Fixed) else []
    elif curve_path(coverage, rule) == path:
        asked = [action.curve.seconds(number)]
    else:
        asked = [action.curve.seconds(x) for x, _ in document.curve]
    inside = [clamped(coverage.policy, coverage.policy.rules[rule], seconds) for seconds in asked]
    return min(inside), max(inside)


def _is_harmless(coverage: Coverage, rules: tuple[int, int], spans: Sequence[_Span]) -> bool:
    one, other = spans
    pair = [coverage.policy.rules[i] for i in rules]
    if one is None or other is None or any(_lasts(*each) for each in (pair, reversed(pair))):
        return True
    rounding = 0 if all(isinstance(rule.action, Fixed) for rule in pair) else _ROUNDING_SECONDS
    if one[0] <= other[1] + rounding and other[0] <= one[1] + rounding:
        return True
    return pair[0 if one > other else 1].lengthen_after > 0


def _lasts(rule: Rule, beside: Rule) -> bool:
    """Whether what it asked for goes on when the other one has its turn."""
    return rule.lasts is not None and rule.name not in beside.ends


def _is_senseless(coverage: Coverage, path: Path, border: _Border, rules: tuple[int, int]) -> bool:
    return border.beyond is not None and not any(part.ends(path) for part in coverage.parts[rules[border.beyond]])


def _is_empty(coverage: Coverage, point: Mapping[Path, int], axis: Axis, between: int | None) -> bool:
    return between is None or coverage.rule_at({**point, axis.path: between}) is None


def _ends_at(coverage: Coverage, rule: int, path: Path, border: _Border) -> bool:
    return any(not part.ends(path).isdisjoint(border.ends) for part in coverage.parts[rule])


def _seconds(span: _Span) -> str:
    if span is None:
        return "nothing"
    low, high = span
    return f"{low} s" if low == high else f"{low} to {high} s"

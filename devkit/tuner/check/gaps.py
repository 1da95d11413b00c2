"""Ranges of a number between those of two rules, for which there is no rule."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from devkit.tuner.check.boxes import TooManyPiecesError, rest
from devkit.tuner.check.constraints import Path
from devkit.tuner.check.coverage import Coverage, Part
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import FindingKind, Suspicion
from devkit.tuner.check.ranges import TYPE, in_words, is_whole, locate, similar_parts
from devkit.tuner.check.values import Axis, list_cells, to_mask
from devkit.tuner.check.windows import TIME
from snapshot_tuner.model import Verdict


def gaps(coverage: Coverage) -> Iterator[Suspicion]:
    """What lies below or above all ranges is no gap: not to care about it is usual.

    Neither is what lies between 10 and 11 where all ranges end at whole numbers.
    """
    seen = set()
    for path, axis in coverage.axes.items():
        whole = is_whole(coverage, path)
        for _, one, _, other in similar_parts(coverage, path):
            for point, cells in _holes(coverage, axis, one, other):
                below, above = ({**point, path: cells[0] - 1}, {**point, path: cells[-1] + 1})
                rules = coverage.rule_at(below), coverage.rule_at(above)
                key = (path, *cells, *rules)
                if key in seen or None in rules or rules[0] == rules[1] or (whole and _between_counts(axis, cells)):
                    continue
                seen.add(key)
                yield from _gap(coverage, axis, point, cells, tuple(sorted(i for i in rules if i is not None)))


def _holes(
    coverage: Coverage, axis: Axis, one: Part, other: Part
) -> Iterator[tuple[Mapping[Path, int], tuple[int, ...]]]:
    """Events between the ranges of two parts, and the neighbouring classes of the number that no rule is for."""
    path = axis.path
    lower, upper = sorted(
        (list_cells(part.box[path] & axis.numbers) for part in (one, other)), key=lambda cells: cells[:1]
    )
    if not lower or lower[-1] >= upper[0]:
        return
    between = to_mask(range(lower[-1] + 1, upper[0]))
    if not between:
        return
    both = {each: one.box[each] & other.box[each] for each in (TYPE, TIME) if each in one.box and each in other.box}
    box = {**one.box, **other.box, **both, path: between}
    taken = [part.box for i in coverage.examined() for part in coverage.parts[i]]
    try:
        pieces = rest([box], taken, coverage.everything)
    except TooManyPiecesError:
        return
    for piece in pieces:
        point = point_in(coverage, piece)
        free = [cell for cell in axis.number_cells if coverage.rule_at({**point, path: cell}) is None]
        for _, run in groupby(enumerate(free), key=lambda item: item[1] - item[0]):
            cells = tuple(cell for _, cell in run)
            if point[path] in cells and cells[0] > axis.number_cells[0] and cells[-1] < axis.number_cells[-1]:
                yield point, cells


def _between_counts(axis: Axis, cells: tuple[int, ...]) -> bool:
    low, high = axis.threshold(cells[0] - 1), axis.threshold(cells[-1] + 1)
    return len(cells) == 1 and low is not None and high is not None and high - low == 1


def _gap(
    coverage: Coverage, axis: Axis, point: Mapping[Path, int], cells: tuple[int, ...], rules: tuple[int, ...]
) -> Iterator[Suspicion]:
    middle = cells[len(cells) // 2]
    example = show(coverage, {**point, axis.path: middle})
    if example is None or example.decision.verdict is not Verdict.UNMATCHED:
        return
    names = tuple(coverage.policy.rules[i].name for i in rules)
    always = TIME not in point or all(
        coverage.rule_at({**point, axis.path: middle, TIME: cell}) is None
        for cell in range(len(coverage.axes[TIME].values))
    )
    at = "" if always else f" at some times, such as {example.event['time']}"
    message = (
        f"no rule matches {in_words(axis, cells)}{at}, between rule {names[0]!r} and rule {names[1]!r}: "
        "the task keeps what it has (hold: true says that it is meant)"
    )
    yield Suspicion(FindingKind.GAP, locate(coverage, rules[-1], axis.path), names, message, (example,))

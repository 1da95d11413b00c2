"""Ranges of a number: in words, and what rules ask for at one value of it."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from devkit.tuner.check.boxes import Box
from devkit.tuner.check.constraints import Path, spelled
from devkit.tuner.check.coverage import Coverage, Part
from devkit.tuner.check.values import Axis
from devkit.tuner.check.windows import TIME
from snapshot_tuner.model import Place
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.limits import Fit
from snapshot_tuner.policy.rules import Rule

TYPE: Final[Path] = ("type",)


def similar_parts(coverage: Coverage, path: Path) -> Iterator[tuple[int, Part, int, Part]]:
    """Pairs of rules with ranges of the same number, the earlier one first, that ask the same of all other fields.

    Of the type, and of the windows, they only have to have some in common.
    """
    ranged = [(i, part) for i in coverage.examined() for part in coverage.parts[i] if part.ends(path)]
    for (i, one), (j, other) in combinations(ranged, 2):
        if (
            i != j
            and _others(one.box, path) == _others(other.box, path)
            and all(one.box.get(each, -1) & other.box.get(each, -1) for each in (TYPE, TIME))
        ):
            yield i, one, j, other


def is_whole(coverage: Coverage, path: Path) -> bool:
    """Whether every range of the number ends at a whole number: then it is taken for a count."""
    ends = {end for i in coverage.examined() for part in coverage.parts[i] for end in part.ends(path)}
    return all(end == int(end) for end in ends)


def locate(coverage: Coverage, rule: int, path: Path) -> Place:
    """The place where a rule asks for a range of the number; the rule's own place if it does not."""
    leaves = (leaf for part in coverage.parts[rule] for leaf in part.way if leaf.path == path and leaf.ends)
    return next((leaf.place for leaf in leaves), ("rules", rule))


def clamped(policy: Policy, rule: Rule, seconds: int) -> int:
    """The seconds inside of the rule's bounds and the policy's."""
    return Fit(rule.bounds, (), policy.bounds).at(0, seconds, None, lasts=False).interval


def in_words(axis: Axis, cells: Sequence[int]) -> str:
    """Neighbouring classes of numbers as a person would say it: data.load above 0.6 and below 0.8."""
    field, numbers = spelled(axis.path), axis.number_cells
    low, high = axis.threshold(cells[0]), axis.threshold(cells[-1])
    if low is not None and len(cells) == 1:
        return f"{field} {low}"
    above = None if cells[0] == numbers[0] else axis.threshold(cells[0] - 1)
    below = None if cells[-1] == numbers[-1] else axis.threshold(cells[-1] + 1)
    begin = f"from {low}" if low is not None else f"above {above}" if above is not None else ""
    end = f"up to {high}" if high is not None else f"below {below}" if below is not None else ""
    return f"{field} {' and '.join(filter(None, (begin, end))) or 'of any size'}"


def _others(box: Box, path: Path) -> dict[Path, int]:
    return {each: mask for each, mask in box.items() if each not in (path, TYPE, TIME)}

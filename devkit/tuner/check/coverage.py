"""What each rule of a policy is for, and what is left to it by the rules before it.

Everything here is about events whose fields hold one value each, or none. A list matches by any of its elements,
so an event with lists gets to a rule only where an event with one of the elements does; the exceptions are named
by `needs_single_values`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devkit.tuner.check.boxes import PIECES_MOST, Box, TooManyPiecesError, intersection, rest
from devkit.tuner.check.constraints import WAYS_MOST, Leaf, Path, TooManyWaysError, Way, limit_ways, spelled, ways
from devkit.tuner.check.string_classes import TooManyTextsError
from devkit.tuner.check.values import Axis, axis
from devkit.tuner.check.windows import window_axis, window_box
from snapshot_tuner.formats.json_path import JsonPath
from snapshot_tuner.model import Json, Number
from snapshot_tuner.policy.document import PolicyDocument
from snapshot_tuner.policy.document_parts import CurveDocument
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.patterns.attributes import ALIASES
from snapshot_tuner.policy.patterns.grammar import OR
from snapshot_tuner.policy.patterns.operators import Operator

_NOT_FREE: Final = {
    ("time",): "it looks at the event's time, for which no examples are made",
    ("sequence",): "it looks at the event's sequence, for which no examples are made",
}

COMPARISONS_MOST: Final = 1_000_000
"""Every test of a field is tried on every class of its values: so many take some seconds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One way in which a rule can match: the events, and what it asks of each field."""

    box: Box
    way: Way

    def ends(self, path: Path) -> frozenset[Number]:
        """Where the ranges that it asks for at a field begin or end."""
        return frozenset(end for leaf in self.way if leaf.path == path for end in leaf.ends)


@dataclass(frozen=True, slots=True)
class Coverage:
    """A policy's rules as sets of events.

    `parts[i]` and `decided[i]` are of rule i: all that it is for, and the events that get to it. Both are empty
    for a rule that is in `not_examined`, which says why, and such a rule takes nothing from those after it.
    `limits[i]` are the events of limit i, whatever their task, while it holds. Where there are windows, the event's
    time is a field like any other, with a class for each set of windows that hold at once.
    """

    policy: Policy
    document: PolicyDocument
    axes: Mapping[Path, Axis]
    ways: Sequence[Sequence[Way]]
    parts: Sequence[Sequence[Part]]
    decided: Sequence[Sequence[Box]]
    not_examined: Mapping[int, str]
    limits: Sequence[Sequence[Box]]

    @property
    def everything(self) -> dict[Path, int]:
        """All classes of each field."""
        return {path: each.everything for path, each in self.axes.items()}

    def examined(self) -> Iterator[int]:
        """The rules about which something is known, from the top."""
        return (i for i in range(len(self.policy.rules)) if i not in self.not_examined)

    def rule_at(self, point: Mapping[Path, int]) -> int | None:
        """The rule for the events whose fields are in just these classes; None where no rule matches."""
        here = {path: 1 << cell for path, cell in point.items()}
        return next(
            (i for i in self.examined() for part in self.parts[i] if intersection(part.box, here) is not None), None
        )

    def needs_single_values(self, rule: int) -> bool:
        """Whether an event with lists may get to a rule although no event with single values does.

        Alternatives beside other conditions can be met by different elements of a list, and in a list of objects
        `exists: false` is asked of all of them.
        """
        return _has_alternatives(self.policy.rules[rule].match) or any(
            {Operator.EXISTS: False} in leaf.items and len(leaf.path) > 1
            for i in self.examined()
            if i <= rule
            for part in self.parts[i]
            for leaf in part.way
        )


def rule_coverage(policy: Policy, document: PolicyDocument) -> Coverage:
    """`document` is what the policy was made of."""
    not_examined: dict[int, str] = {}
    all_ways: list[list[Way]] = []
    for i, rule in enumerate(policy.rules):
        try:
            all_ways.append(ways(rule.match, ("rules", i, "match")))
        except TooManyWaysError:
            all_ways.append([])
            not_examined[i] = f"it can match in more than {WAYS_MOST} ways"
    leaves: dict[Path, list[Leaf]] = {}
    for way in (way for each in all_ways for way in each):
        for leaf in way:
            leaves.setdefault(leaf.path, []).append(leaf)
    of_limits = [limit_ways(limit.match) for limit in document.limits]
    for leaf in (leaf for each in of_limits for way in each for leaf in way):
        leaves.setdefault(leaf.path, []).append(leaf)
    axes, without = _axes(leaves, _curves(document))
    for i, own in enumerate(all_ways):
        reasons = [without[leaf.path] for way in own for leaf in way if leaf.path in without]
        if reasons:
            not_examined[i] = reasons[0]
    axes |= window_axis(policy)
    parts = [
        [] if i in not_examined else _parts(own, axes, window_box(policy.rules[i], axes))
        for i, own in enumerate(all_ways)
    ]
    everything = {path: each.everything for path, each in axes.items()}
    decided: list[list[Box]] = []
    for i, own_parts in enumerate(parts):
        before = [part.box for each in parts[:i] for part in each]
        try:
            decided.append(rest((part.box for part in own_parts), before, everything))
        except TooManyPiecesError:
            decided.append([])
            parts[i] = []
            not_examined[i] = f"the rules before it leave more than {PIECES_MOST} pieces of it"
    limits = [
        _limit_boxes(own, axes, window_box(limit, axes)) for own, limit in zip(of_limits, policy.limits, strict=True)
    ]
    return Coverage(policy, document, axes, all_ways, parts, decided, not_examined, limits)


def parse_path(text: str) -> Path:
    """The path that a policy spells so."""
    path = JsonPath.parse(text)
    return (ALIASES.get(path.root, path.root), *path.steps)


def rule_curve(coverage: Coverage, rule: int) -> CurveDocument | None:
    """The curve of a rule that has one."""
    interval = coverage.document.rules[rule].interval
    return interval if isinstance(interval, CurveDocument) else None


def curve_path(coverage: Coverage, rule: int) -> Path | None:
    """The number that a rule's curve is over."""
    curve = rule_curve(coverage, rule)
    return None if curve is None else parse_path(curve.of)


def _curves(document: PolicyDocument) -> dict[Path, list[Number]]:
    numbers: dict[Path, list[Number]] = {}
    for rule in document.rules:
        if isinstance(rule.interval, CurveDocument):
            numbers.setdefault(parse_path(rule.interval.of), []).extend(x for x, _ in rule.interval.curve)
    return numbers


def _axes(
    leaves: Mapping[Path, Iterable[Leaf]], numbers: Mapping[Path, Iterable[Number]]
) -> tuple[dict[Path, Axis], dict[Path, str]]:
    """The axis of each path, or why there is none."""
    paths = {*leaves, *numbers}
    holders = {path[:end] for path in paths for end in range(1, len(path))}
    axes: dict[Path, Axis] = {}
    without: dict[Path, str] = {}
    for path in sorted(paths):
        if path in _NOT_FREE:
            without[path] = _NOT_FREE[path]
        elif path in holders:
            without[path] = f"it looks at {spelled(path)}, and the policy also looks inside it"
        else:
            tests = [*leaves.get(path, ())]
            try:
                found = axis(path, tests, numbers.get(path, ()))
            except TooManyTextsError as error:
                without[path] = f"the tests of texts at {spelled(path)} {error}"
                continue
            if len(tests) * len(found.values) > COMPARISONS_MOST:
                without[path] = f"the policy has too many tests of {spelled(path)} ({len(tests):,}) to compare them all"
            else:
                axes[path] = found
    return axes, without


def _has_alternatives(members: Mapping[str, Json]) -> bool:
    return OR in members or any(isinstance(value, dict) and _has_alternatives(value) for value in members.values())


def _parts(own: Iterable[Way], axes: Mapping[Path, Axis], times: Box) -> list[Part]:
    return [Part({**box, **times}, way) for way in own if (box := _box(way, axes)) is not None]


def _limit_boxes(own: Iterable[Way], axes: Mapping[Path, Axis], times: Box) -> list[Box]:
    known = (way for way in own if all(leaf.path in axes for leaf in way))
    return [{**box, **times} for way in known if (box := _box(way, axes)) is not None]


def _box(way: Way, axes: Mapping[Path, Axis]) -> Box | None:
    box: dict[Path, int] = {}
    for leaf in way:
        box[leaf.path] = box.get(leaf.path, -1) & axes[leaf.path].matching(leaf.items)
    return box if all(box.values()) else None

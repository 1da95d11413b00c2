"""The event's time as a field like any other: a class for each set of windows that hold at once."""

from typing import Final

from devkit.tuner.check.boxes import Box
from devkit.tuner.check.constraints import Path
from devkit.tuner.check.values import Axis, to_mask
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.rules import Rule

TIME: Final[Path] = ("time",)
EXAMPLE_TIME: Final = "2026-03-01T09:00:00Z"

_WEEK_US: Final = 7 * 24 * 3600 * 1_000_000


def window_axis(policy: Policy) -> dict[Path, Axis]:
    """In a week, times at which windows begin or end, one for each set of them; nothing where no rule has a window."""
    windows = [rule.when for rule in policy.rules if rule.when is not None]
    if not windows:
        return {}
    start = rfc3339.to_microseconds(EXAMPLE_TIME)
    moments = {start}
    for window in windows:
        edge = window.next_edge(start)
        while edge is not None and edge < start + _WEEK_US:
            moments.add(edge)
            edge = window.next_edge(edge)
    classes: dict[tuple[bool, ...], str] = {}
    for moment in sorted(moments):
        holding = tuple(window.holds_at(moment) for window in windows)
        classes.setdefault(holding, rfc3339.from_microseconds(moment) or EXAMPLE_TIME)
    return {TIME: Axis(TIME, tuple(classes.values()), 0, ())}


def window_box(rule: Rule, axes: dict[Path, Axis]) -> Box:
    """When a rule matches; any time where it does not say."""
    if rule.when is None:
        return {}
    times = [rfc3339.to_microseconds(str(value)) for value in axes[TIME].values]
    return {TIME: to_mask(cell for cell, at in enumerate(times) if rule.when.holds_at(at))}

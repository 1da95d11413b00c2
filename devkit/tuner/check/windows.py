"""The event's time as a field like any other: a class for each set of windows that hold at once.

Of a rule's window it is the event's time that counts, and of a limit's the clock: examples come at once.
"""

from collections.abc import Mapping
from typing import Final

from devkit.tuner.check.boxes import Box
from devkit.tuner.check.constraints import Path
from devkit.tuner.check.values import Axis, to_mask
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.limits import Limit
from snapshot_tuner.policy.rules import Rule

TIME: Final[Path] = ("time",)
EXAMPLE_TIME: Final = "2026-03-01T09:00:00Z"

_WEEK_US: Final = 7 * 24 * 3600 * 1_000_000


def window_axis(policy: Policy) -> dict[Path, Axis]:
    """In a week, times at which windows begin or end, one for each set of them; nothing where there is no window."""
    of_rules, of_limits = (rule.when for rule in policy.rules), (limit.when for limit in policy.limits)
    windows = [window for window in (*of_rules, *of_limits) if window is not None]
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


def window_box(of: Rule | Limit, axes: Mapping[Path, Axis]) -> Box:
    """When a rule matches, or a limit holds; any time where it does not say."""
    if of.when is None:
        return {}
    return {TIME: to_mask(cell for cell, at in enumerate(example_times(axes)) if of.when.holds_at(at))}


def example_times(axes: Mapping[Path, Axis]) -> list[int]:
    """A moment of each class (microseconds since the epoch); one of any time where there is no window."""
    values = axes[TIME].values if TIME in axes else (EXAMPLE_TIME,)
    return [rfc3339.to_microseconds(str(value)) for value in values]

"""From what a rule asks for to the interval that a task gets: factors, then bounds, each step in words. Pure.

In this order: the rule's interval, the factors of all limits that match, the rule's bounds, the limits' bounds, the
policy's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import NamedTuple

from snapshot_tuner.model import Number, Signal, TaskRef
from snapshot_tuner.policy.patterns.compiler import Pattern
from snapshot_tuner.policy.patterns.leaves import OnFound


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits for an interval, in seconds."""

    min: int
    max: int

    def clamp(self, seconds: int) -> int:
        """Where they contradict each other, as those of several limits can, the shorter interval wins."""
        return min(max(seconds, self.min), self.max)


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds for the intervals of all rules, where event and task match; `label` is its name or its place."""

    label: str
    pattern: Pattern
    task: OnFound
    factor: Number | None
    bounds: Bounds | None

    def without_longer(self) -> "Limit":
        """Without a factor that makes intervals longer."""
        return self if self.factor is None or self.factor <= 1 else replace(self, factor=None)

    def matches(self, signal: Signal, task: TaskRef) -> bool:
        """Whether it holds for what this event asks of this task."""
        return self.pattern.matches(signal) and self.task(task._asdict())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule asks for, in seconds, before factors and bounds have a say."""

    seconds: int
    reason: str


class Part(StrEnum):
    """What can change an interval on its way from a rule to a task, in this order."""

    FACTOR = auto()
    RULE_BOUNDS = auto()
    LIMITS = auto()
    BOUNDS = auto()


class Step(NamedTuple):
    """What one of them said, in words, and the seconds after it."""

    part: Part
    says: str
    seconds: int
    changed: bool


class Fitted(NamedTuple):
    """What becomes of an interval, in seconds: what the task gets, what comes when that ends, the steps on the way."""

    interval: int
    then: int | None
    steps: tuple[Step, ...]

    @property
    def reason(self) -> str:
        """The steps that changed it, to be put behind what the rule asked for."""
        return "".join(f", {step.says}" for step in self.steps if step.changed)


def fit(asked: int, then: int | None, own: Bounds | None, limits: Sequence[Limit], policy: Bounds) -> Fitted:
    """`own` are the rule's bounds; `limits` are those that match. No factor is for what comes when it ends."""
    steps = [step for step in [_multiplied(asked, limits)] if step is not None]
    if own is not None:
        steps.append(_clamped(_last(steps, asked), own, Part.RULE_BOUNDS, "the rule's bounds"))
    caps = [limit for limit in limits if limit.bounds is not None]
    if caps:
        steps.append(_limited(_last(steps, asked), caps))
    steps.append(_clamped(_last(steps, asked), policy, Part.BOUNDS, "bounds"))
    if then is not None:
        for bounds in (own, narrowest(caps), policy):
            then = then if bounds is None else bounds.clamp(then)
    return Fitted(steps[-1].seconds, then, tuple(steps))


def narrowest(limits: Iterable[Limit]) -> Bounds | None:
    """The bounds of several limits in one; None where none of them has any."""
    bounds = [limit.bounds for limit in limits if limit.bounds is not None]
    return Bounds(max(each.min for each in bounds), min(each.max for each in bounds)) if bounds else None


def _last(steps: Sequence[Step], asked: int) -> int:
    return steps[-1].seconds if steps else asked


def _multiplied(asked: int, limits: Sequence[Limit]) -> Step | None:
    with_factor = [(limit, limit.factor) for limit in limits if limit.factor is not None]
    if not with_factor:
        return None
    numerator, denominator = asked, 1
    for _, factor in with_factor:
        above, below = factor.as_integer_ratio()
        numerator, denominator = numerator * above, denominator * below
    seconds = (2 * numerator + denominator) // (2 * denominator)  # half up
    factors = " ".join(f"x {factor} by limit {limit.label}" for limit, factor in with_factor)
    return Step(Part.FACTOR, f"{factors} = {seconds} s", seconds, changed=True)


def _clamped(seconds: int, bounds: Bounds, part: Part, name: str) -> Step:
    inside = bounds.clamp(seconds)
    if inside == seconds:
        of = f" of {name}" if part is Part.RULE_BOUNDS else ""
        return Step(part, f"within {bounds.min} to {bounds.max} s{of}", seconds, changed=False)
    end = "min" if inside > seconds else "max"
    return Step(part, f"clamped to {inside} s by {name}.{end}", inside, changed=True)


def _limited(seconds: int, caps: Sequence[Limit]) -> Step:
    bounds = narrowest(caps) or Bounds(seconds, seconds)
    inside = bounds.clamp(seconds)
    if inside == seconds:
        return Step(Part.LIMITS, f"within {bounds.min} to {bounds.max} s of {_named(caps)}", seconds, changed=False)
    end = "min" if inside > seconds else "max"
    by = [limit for limit in caps if limit.bounds is not None and getattr(limit.bounds, end) == inside]
    return Step(Part.LIMITS, f"clamped to {inside} s by bounds.{end} of {_named(by)}", inside, changed=True)


def _named(limits: Sequence[Limit]) -> str:
    return " and ".join(f"limit {limit.label}" for limit in limits)

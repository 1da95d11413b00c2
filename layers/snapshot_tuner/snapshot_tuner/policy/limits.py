"""From what a rule asks for to the interval that a task gets: factors, then bounds, each step in words. Pure.

In this order: the rule's interval, the factors of all limits that match, the rule's bounds, the limits' bounds, the
policy's.

A rule's window is judged by the event's time, and a limit's by the clock, which comes in as an argument: the moment at
which an event is processed. So a late event gets what holds now. What will hold later is given in advance, as the
intervals at the next edges of the windows; the ledger applies them as its own clock reaches them. Asked again a moment
later, as a retry does, the same policy says the same of every moment that both know of, so it makes no difference which
of the two is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Final, NamedTuple, TypeAlias

from snapshot_tuner.model import Number, Signal, TaskRef
from snapshot_tuner.policy.patterns.compiler import Pattern
from snapshot_tuner.policy.patterns.leaves import OnFound
from snapshot_tuner.policy.windows import Changes, Window

EDGES_MOST: Final = 4
EDGES_AHEAD_US: Final = 2 * 24 * 3600 * 1_000_000
"""How many of the changes that windows bring are given in advance, and how far ahead."""


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
    when: Window | None
    factor: Number | None
    bounds: Bounds | None

    def without_longer(self) -> "Limit":
        """Without a factor that makes intervals longer."""
        return self if self.factor is None or self.factor <= 1 else replace(self, factor=None)

    def matches(self, signal: Signal, task: TaskRef) -> bool:
        """Whether it is for what this event asks of this task, at some time."""
        return self.pattern.matches(signal) and self.task(task._asdict())

    def named(self, us: int) -> str:
        """In words, with what a clock shows at a moment where it has a window."""
        return f"limit {self.label}" if self.when is None else f"limit {self.label} ({self.when.describe(us)})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule asks for, in seconds, before factors and bounds."""

    seconds: int
    reason: str


class Part(StrEnum):
    """What can change an interval on its way from a rule to a task, in this order."""

    FACTOR = auto()
    RULE_BOUNDS = auto()
    LIMITS = auto()
    BOUNDS = auto()


class Step(NamedTuple):
    """One of them in words, and the seconds after it."""

    part: Part
    says: str
    seconds: int
    changed: bool


_Changes: TypeAlias = Mapping[Window, Changes]
"""Of the windows of limits."""


class Fitted(NamedTuple):
    """What becomes of an interval, in seconds: what the task gets, what comes when that ends, the steps on the way.

    `edges` are (moment, interval): what the one that lasts becomes later, as in `Adjustment`.
    """

    interval: int
    then: int | None
    steps: tuple[Step, ...]
    edges: tuple[tuple[int, int], ...] = ()

    @property
    def reason(self) -> str:
        """The steps that changed it, to be appended to what the rule asked for."""
        return "".join(f", {step.says}" for step in self.steps if step.changed)


@dataclass(frozen=True, slots=True)
class Fit:
    """What an interval has to fit in: the rule's bounds, the limits that can hold, and the policy's bounds."""

    own: Bounds | None
    limits: Sequence[Limit]
    policy: Bounds

    def at(self, us: int, asked: int, then: int | None, *, lasts: bool) -> Fitted:
        """`lasts`: the interval has an end, and what comes `then` has none. No factor is for that."""
        changes = {limit.when: limit.when.changes(us) for limit in self.limits if limit.when is not None}
        holding = self._holding(changes, us)
        steps = [step for step in [_multiplied(asked, holding, us)] if step is not None]
        if self.own is not None:
            steps.append(_clamped(_last(steps, asked), self.own, Part.RULE_BOUNDS, "the rule's bounds"))
        caps = [limit for limit in holding if limit.bounds is not None]
        if caps:
            steps.append(_limited(_last(steps, asked), caps, us))
        steps.append(_clamped(_last(steps, asked), self.policy, Part.BOUNDS, "bounds"))
        interval, fitted_then = steps[-1].seconds, None if then is None else self._clamped(then, holding)
        edges: tuple[tuple[int, int], ...] = ()
        if changes and not lasts:
            edges = self._edges(changes, us, asked, interval, with_factors=True)
        elif changes and then is not None and fitted_then is not None:
            edges = self._edges(changes, us, then, fitted_then, with_factors=False)
        return Fitted(interval, fitted_then, tuple(steps), edges)

    def _edges(
        self, changes: _Changes, us: int, asked: int, interval: int, *, with_factors: bool
    ) -> tuple[tuple[int, int], ...]:
        found: list[tuple[int, int]] = []
        moments = {at for each in changes.values() for at in each.at if us < at <= us + EDGES_AHEAD_US}
        for at in sorted(moments):
            holding = self._holding(changes, at)
            seconds = self._clamped(_scaled(asked, holding) if with_factors else asked, holding)
            if seconds != interval and len(found) < EDGES_MOST:
                interval = seconds
                found.append((at, seconds))
        return tuple(found)

    def _holding(self, changes: _Changes, us: int) -> list[Limit]:
        return [limit for limit in self.limits if limit.when is None or changes[limit.when].holds_at(us)]

    def _clamped(self, seconds: int, holding: Sequence[Limit]) -> int:
        for bounds in (self.own, narrowest(holding), self.policy):
            seconds = seconds if bounds is None else bounds.clamp(seconds)
        return seconds


def narrowest(limits: Iterable[Limit]) -> Bounds | None:
    """The bounds of several limits in one; None where none of them has any."""
    bounds = [limit.bounds for limit in limits if limit.bounds is not None]
    return Bounds(max(each.min for each in bounds), min(each.max for each in bounds)) if bounds else None


def _last(steps: Sequence[Step], asked: int) -> int:
    return steps[-1].seconds if steps else asked


def _scaled(asked: int, limits: Iterable[Limit]) -> int:
    """Times all factors, half up."""
    numerator, denominator = asked, 1
    for limit in limits:
        if limit.factor is not None:
            above, below = limit.factor.as_integer_ratio()
            numerator, denominator = numerator * above, denominator * below
    return (2 * numerator + denominator) // (2 * denominator)


def _multiplied(asked: int, limits: Sequence[Limit], us: int) -> Step | None:
    with_factor = [limit for limit in limits if limit.factor is not None]
    if not with_factor:
        return None
    seconds = _scaled(asked, with_factor)
    factors = " ".join(f"x {limit.factor} by {limit.named(us)}" for limit in with_factor)
    return Step(Part.FACTOR, f"{factors} = {seconds} s", seconds, changed=True)


def _clamped(seconds: int, bounds: Bounds, part: Part, name: str) -> Step:
    inside = bounds.clamp(seconds)
    if inside == seconds:
        of = f" of {name}" if part is Part.RULE_BOUNDS else ""
        return Step(part, f"within {bounds.min} to {bounds.max} s{of}", seconds, changed=False)
    end = "min" if inside > seconds else "max"
    return Step(part, f"clamped to {inside} s by {name}.{end}", inside, changed=True)


def _limited(seconds: int, caps: Sequence[Limit], us: int) -> Step:
    bounds = narrowest(caps) or Bounds(seconds, seconds)
    inside = bounds.clamp(seconds)
    if inside == seconds:
        return Step(Part.LIMITS, f"within {bounds.min} to {bounds.max} s of {_named(caps, us)}", seconds, changed=False)
    end = "min" if inside > seconds else "max"
    by = [limit for limit in caps if limit.bounds is not None and getattr(limit.bounds, end) == inside]
    return Step(Part.LIMITS, f"clamped to {inside} s by bounds.{end} of {_named(by, us)}", inside, changed=True)


def _named(limits: Sequence[Limit], us: int) -> str:
    return " and ".join(limit.named(us) for limit in limits)

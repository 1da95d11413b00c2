"""What is legal in a policy but suspicious, and the events that show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from snapshot_tuner.model import Decision, Json, Place, Signal


class FindingKind(StrEnum):
    """The kinds of findings; the names are for `--ignore` and for scripts."""

    NEVER_MATCHES = "never-matches"
    GAP = "gap"
    OVERLAP = "overlap"
    FLAPPING = "flapping"
    CURVE_NOT_MONOTONIC = "curve-not-monotonic"
    ALWAYS_CLAMPED = "always-clamped"
    NEVER_ENDS = "never-ends"
    UNUSUAL_ATTRIBUTE = "unusual-attribute"
    LIMITS_CONTRADICT = "limits-contradict"
    LIMIT_WITHOUT_EFFECT = "limit-without-effect"
    FINDS_NOTHING = "finds-nothing"


@dataclass(frozen=True, slots=True)
class Example:
    """An event, a CloudEvent in JSON, and what the policy really decides about it.

    `signal` is what the functions would make of the text of the event.
    """

    event: Mapping[str, Json]
    signal: Signal
    decision: Decision

    @property
    def interval(self) -> int | None:
        """Seconds; None where none are asked for."""
        return (self.decision.adjustments[0].interval or None) if self.decision.adjustments else None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something that the author may not have meant; `place` is where, `rules` are those concerned."""

    kind: FindingKind
    place: Place
    rules: tuple[str, ...]
    message: str
    examples: tuple[Example, ...]

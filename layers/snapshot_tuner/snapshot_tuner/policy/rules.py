"""The rules of a policy and its limits, made from their checked form."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.compiled import BoundsForm, LimitForm, PolicyForm, RuleForm
from snapshot_tuner.policy.curves import Curve
from snapshot_tuner.policy.limits import Bounds, Limit
from snapshot_tuner.policy.paths import SignalPath
from snapshot_tuner.policy.patterns.compiler import Pattern, compile_checked, compile_checked_body
from snapshot_tuner.policy.targets import Target, Template
from snapshot_tuner.policy.windows import Window, from_form


@dataclass(frozen=True, slots=True)
class Hold:
    """Matched, and deliberately no change."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same interval."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An interval that follows a number of the event."""

    of: SignalPath
    curve: Curve


Action: TypeAlias = Hold | Fixed | Measured


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do about the signals that match; `match` is the pattern as the file has it.

    Durations are in whole seconds, as in `Adjustment`; `ends` are names of rules. `targets` say which tasks, by the
    reading that made the signal, or "" for any other.
    """

    name: str
    match: Mapping[str, Json]
    pattern: Pattern
    action: Action
    targets: Mapping[str, Target]
    when: Window | None = None
    bounds: Bounds | None = None
    lasts: int | None = None
    then: int | None = None
    default: int | None = None
    ends: tuple[str, ...] = ()
    lengthen_after: int = 0
    urgent: bool = False


def target_of(targets: Mapping[str, Target], signal: Signal) -> Target:
    if len(targets) > 1 and signal.read_from is not None:
        return targets.get(signal.read_from.reading, targets[""])
    return targets[""]


def targets_from(form: PolicyForm, own: Mapping[str, str]) -> Mapping[str, Target]:
    """What a rule says takes precedence over what the reading says, and that over the policy, part by part."""
    by_reading = {"": {}, **form["reading_targets"]}
    return MappingProxyType(
        {
            reading: Target(
                **{name: Template.parse(name, text) for name, text in {**form["target"], **of_reading, **own}.items()}
            )
            for reading, of_reading in by_reading.items()
        }
    )


def _bounds(form: BoundsForm | None) -> Bounds | None:
    return None if form is None else Bounds(**form)


def limit_from(form: LimitForm) -> Limit:
    return Limit(
        form["label"],
        compile_checked(form["match"]),
        compile_checked_body(form["task"]),
        from_form(form["when"]),
        form["factor"],
        _bounds(form["bounds"]),
    )


def rule_from(form: RuleForm, policy: PolicyForm, targets: Mapping[str, Target]) -> Rule:
    action: Action
    match form["interval"]:
        case None:
            action = Hold()
        case int(seconds):
            action = Fixed(seconds)
        case measured:
            action = Measured(SignalPath.parse(measured["of"]), Curve.through(measured["curve"]))
    return Rule(
        form["name"],
        MappingProxyType(form["match"]),
        compile_checked(form["match"]),
        action,
        targets_from(policy, form["target"]) if form["target"] else targets,
        when=from_form(form["when"]),
        bounds=_bounds(form["bounds"]),
        lasts=form["lasts"],
        then=form["then"],
        default=form["default"],
        ends=tuple(form["ends"]),
        lengthen_after=form["lengthen_after"] or policy["lengthen_after"] or 0,
        urgent=form["urgent"],
    )

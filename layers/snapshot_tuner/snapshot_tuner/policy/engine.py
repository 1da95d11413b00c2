"""The operator's policy: from a signal to a decision that explains itself.

A policy that is loaded cannot fail: `decide` is a pure function, quick, and raises for no signal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from snapshot_tuner.errors import EventRejected, PolicyError
from snapshot_tuner.events.readings.reading import Readings
from snapshot_tuner.formats.json_path import ABSENT
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Adjustment, Decision, Json, Number, Order, Signal, TaskRef, Verdict, is_number
from snapshot_tuner.policy.compiled import PolicyForm, RuleForm, digest, kept
from snapshot_tuner.policy.curves import MAX_DECIMAL_PLACES, Curve, has_too_many_places
from snapshot_tuner.policy.paths import SignalPath
from snapshot_tuner.policy.patterns.compiler import Pattern, compile_checked, compile_checked_body
from snapshot_tuner.policy.targets import Target, Template

MAX_SHOWN_CHARACTERS: Final = 40
"""How much of an event's value a reason repeats."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits for every interval, in seconds."""

    min: int
    max: int


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

    Durations are in whole seconds, as in `Adjustment`.
    """

    name: str
    match: Mapping[str, Json]
    pattern: Pattern
    action: Action
    lasts: int | None = None
    then: int | None = None
    lengthen_after: int = 0
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule asks for, in seconds, before the bounds have a say."""

    seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a file; `sha256` is 64 hex digits over its text, so that logs can tell policies apart.

    `longest_duration` is in seconds: no adjustment ends, or waits, longer.
    """

    version: int
    order: Order
    require_time: bool
    readings: Readings
    bounds: Bounds
    rules: tuple[Rule, ...]
    sha256: str
    longest_duration: int
    _skip_unchanged_within: int
    _target: Target
    _rules_by_type: Mapping[str, tuple[Rule, ...]]
    _rules_of_any_type: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Reads the file. Raises PolicyError with every mistake in it, or that it cannot be read."""
        try:
            text = path.read_bytes().decode()
        except OSError as error:
            raise PolicyError(str(path), [f"cannot be read: {error.strerror or type(error).__name__}"]) from error
        except UnicodeDecodeError as error:
            raise PolicyError(str(path), [f"not UTF-8: the byte at offset {error.start}"]) from error
        form = kept(text, path)
        return cls.parse(text, str(path)) if form is None else cls.of(form, digest(text))

    @classmethod
    def parse(cls, text: str, file: str) -> "Policy":
        """`file` is only for the error. Raises PolicyError with every mistake in the text."""
        from snapshot_tuner.policy.loader import examine, form_of  # noqa: PLC0415 - 100 ms that INIT saves with a form

        found = examine(text)
        if found.problems or found.document is None:
            raise PolicyError(file, [str(problem) for problem in found.problems])
        return cls.of(form_of(found.document), digest(text))

    @classmethod
    def of(cls, form: PolicyForm, sha256: str) -> "Policy":
        """From a file's checked form."""
        rules = tuple(_rule(rule, form["lengthen_after"]) for rule in form["rules"])
        return cls(
            version=form["version"],
            order=Order(form["order"]),
            require_time=form["require_time"],
            readings=Readings.of(form["readings"], compile_checked_body),
            bounds=Bounds(**form["bounds"]),
            rules=rules,
            sha256=sha256,
            longest_duration=max(max(rule.lasts or 0, rule.lengthen_after) for rule in rules),
            _skip_unchanged_within=form["skip_unchanged_within"] or 0,
            _target=Target(**{name: Template.parse(name, text) for name, text in form["target"].items()}),
            _rules_by_type=MappingProxyType({name: tuple(found) for name, found in _by_type(rules).items()}),
            _rules_of_any_type=tuple(rule for rule in rules if rule.pattern.types is None),
        )

    @property
    def short_hash(self) -> str:
        """12 hex digits, by which outcome lines say which policy decided."""
        return self.sha256[:12]

    def decide(self, signal: Signal, sent_us: int = 0) -> Decision:
        """What the first rule that matches wants; pure, and raises for no signal. `sent_us`: `Signal.order_key`.

        Rejects a signal whose target or curve input is missing or mistyped for that rule, or that has no
        sequence, or no time of its own, where the policy wants one. A signal that changes nothing is not asked for any
        of these.
        """
        read, found = None, None
        for rule in self._rules_by_type.get(signal.type, self._rules_of_any_type):
            pattern = rule.pattern
            if read is not pattern.read:  # of an attribute that many rules look at, once
                read = pattern.read
                found = read(signal)
            if pattern.test(found):
                try:
                    return self._apply(rule, signal, sent_us)
                except EventRejected as rejection:
                    return Decision(Verdict.REJECT, rule.name, f"{rejection}{_why(signal, rejection.field)}")
        return Decision(Verdict.UNMATCHED, None, f"no rule matches type {_shortened(signal.type)!r}")

    def tasks(self, signal: Signal) -> list[TaskRef]:
        """The tasks that the signal names, whatever the rules say of it. Raises EventRejected, naming the field."""
        return self._target.tasks(signal)

    def asked(self, rule: Rule, signal: Signal) -> Asked | None:
        """What a rule that matched asks for; None for one that holds. Raises EventRejected, naming the input."""
        match rule.action:
            case Hold():
                return None
            case Fixed(seconds):
                return Asked(seconds, f"fixed {seconds} s")
            case Measured(of, curve):
                number = _measure(of, signal)
                seconds = curve.seconds(number)
                return Asked(seconds, f"{_shortened(of.label)} {_shortened(str(Decimal(number)))} -> curve {seconds} s")
            case _:
                assert_never(rule.action)

    def _apply(self, rule: Rule, signal: Signal, sent_us: int) -> Decision:
        asked = self.asked(rule, signal)
        if asked is None:
            return Decision(Verdict.HOLD, rule.name, "hold: matched, deliberately no change")
        interval, clamped = self._clamp(asked.seconds)
        reason = asked.reason + clamped + _ends(rule)
        if self.require_time and not signal.time_is_own:
            raise EventRejected("time", "missing, and the policy has require_time")
        business_id = self._target.business(signal)
        order_key = _order_key(signal, self.order, sent_us)
        return Decision(
            Verdict.ADJUST,
            rule.name,
            reason,
            tuple(
                Adjustment(
                    task,
                    interval,
                    business_id,
                    signal,
                    order_key,
                    rule.name,
                    reason,
                    for_seconds=rule.lasts,
                    then_interval=rule.then,
                    lengthen_after=rule.lengthen_after,
                    skip_unchanged_within=self._skip_unchanged_within,
                    urgent=rule.urgent,
                )
                for task in self.tasks(signal)
            ),
        )

    def _clamp(self, seconds: int) -> tuple[int, str]:
        if seconds < self.bounds.min:
            return self.bounds.min, f", clamped to {self.bounds.min} s by bounds.min"
        if seconds > self.bounds.max:
            return self.bounds.max, f", clamped to {self.bounds.max} s by bounds.max"
        return seconds, ""


def _ends(rule: Rule) -> str:
    if rule.lasts is None:
        return ""
    then = "previous" if rule.then is None else f"{rule.then} s"
    return f", for {rule.lasts} s, then {then}"


def _rule(form: RuleForm, lengthen_after: int | None) -> Rule:
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
        lasts=form["lasts"],
        then=form["then"],
        lengthen_after=form["lengthen_after"] or lengthen_after or 0,
        urgent=form["urgent"],
    )


def _by_type(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    """For each type that a rule names the rules to ask, in their order; those of any type are among them."""
    found: dict[str, list[Rule]] = {}
    of_any: list[Rule] = []
    for rule in rules:
        if rule.pattern.types is None:
            of_any.append(rule)
            for others in found.values():
                others.append(rule)
        for name in rule.pattern.types or ():
            found.setdefault(name, [*of_any]).append(rule)
    return found


def _measure(path: SignalPath, signal: Signal) -> Number:
    value = path.read(signal)
    if value is ABSENT:
        raise EventRejected(path.text, "missing")
    if not is_number(value):
        raise EventRejected(path.text, "must be a finite number")
    if has_too_many_places(value):
        raise EventRejected(path.text, f"more than {MAX_DECIMAL_PLACES} decimal places")
    return value


def _why(signal: Signal, field: str) -> str:
    """Why a field of the data is missing, where the data as a whole says so."""
    if not field.startswith("data") or isinstance(signal.data, dict):
        return ""
    found = "text" if isinstance(signal.data, str) else describe(signal.data)
    return f" (data is {signal.unread or f'{found}, not an object'})"


def _order_key(signal: Signal, order: Order, sent_us: int) -> bytes:
    try:
        key = signal.order_key(order, sent_us)
    except ValueError:
        # No envelope lets these pass: lone surrogates, integers of thousands of digits.
        raise EventRejected("id, source or order", "cannot be written as an order key") from None
    if key is None:
        raise EventRejected("sequence", "missing, and the policy's order is sequence")
    return key


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "..."

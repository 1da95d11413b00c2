"""The operator's policy: from a signal to a decision that explains itself.

A policy that is loaded cannot fail: `decide` is a pure function, quick, and raises for no signal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final, assert_never

from snapshot_tuner.errors import EventRejected, PolicyError
from snapshot_tuner.events.readings.reading import Readings
from snapshot_tuner.formats.json_path import ABSENT
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Adjustment, Decision, Number, Order, Signal, TaskRef, Verdict, is_number
from snapshot_tuner.policy.compiled import PolicyForm, digest, kept
from snapshot_tuner.policy.curves import MAX_DECIMAL_PLACES, has_too_many_places
from snapshot_tuner.policy.limits import Asked, Bounds, Fit, Fitted, Limit
from snapshot_tuner.policy.paths import SignalPath
from snapshot_tuner.policy.patterns.compiler import compile_checked_body
from snapshot_tuner.policy.rules import Fixed, Hold, Measured, Rule, limit_from, rule_from, target_of, targets_from
from snapshot_tuner.policy.targets import Target

MAX_SHOWN_CHARACTERS: Final = 40
"""How much of an event's value a reason repeats."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a file; `sha256` is 64 hex digits over its text, so that logs can tell policies apart.

    `longest_duration` is in seconds: no adjustment ends, or waits, longer. `short_hash` are the first 12 digits, by
    which records and outcome lines say which policy decided.
    """

    version: int
    order: Order
    require_time: bool
    readings: Readings
    bounds: Bounds
    limits: tuple[Limit, ...]
    rules: tuple[Rule, ...]
    sha256: str
    longest_duration: int
    short_hash: str
    _skip_unchanged_within: int
    _targets: Mapping[str, Target]
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
        targets = targets_from(form, {})
        rules = tuple(rule_from(rule, form, targets) for rule in form["rules"])
        return cls(
            version=form["version"],
            order=Order(form["order"]),
            require_time=form["require_time"],
            readings=Readings.of(form["readings"], compile_checked_body),
            bounds=Bounds(**form["bounds"]),
            limits=tuple(limit_from(limit) for limit in form["limits"]),
            rules=rules,
            sha256=sha256,
            longest_duration=max(max(rule.lasts or 0, rule.lengthen_after) for rule in rules),
            short_hash=sha256[:12],
            _skip_unchanged_within=form["skip_unchanged_within"] or 0,
            _targets=targets,
            _rules_by_type=MappingProxyType({name: tuple(found) for name, found in _by_type(rules).items()}),
            _rules_of_any_type=tuple(rule for rule in rules if rule.pattern.types is None),
        )

    def decide(self, signal: Signal, sent_us: int = 0, now_us: int | None = None) -> Decision:
        """What the first rule that matches wants; pure, and raises for no signal. `sent_us`: `Signal.order_key`.

        `now_us` is the moment at which it is asked (microseconds since the epoch), by which the windows of limits are
        judged; without it that of the event, as if it came at once.

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
            if pattern.test(found) and (rule.when is None or rule.when.holds_at(signal.time_us)):
                try:
                    return self._apply(rule, signal, sent_us, signal.time_us if now_us is None else now_us)
                except EventRejected as rejection:
                    return Decision(Verdict.REJECT, rule.name, f"{rejection}{_why(signal, rejection.field)}")
        return Decision(Verdict.UNMATCHED, None, f"no rule matches type {_shortened(signal.type)!r}")

    def tasks(self, signal: Signal) -> list[TaskRef]:
        """The tasks that the signal names, whatever the rules say of it. Raises EventRejected, naming the field."""
        return target_of(self._targets, signal).tasks(signal)

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

    def _apply(self, rule: Rule, signal: Signal, sent_us: int, now_us: int) -> Decision:
        asked = self.asked(rule, signal)
        if asked is None and not rule.ends:
            return Decision(Verdict.HOLD, rule.name, "hold: matched, deliberately no change")
        if self.require_time and not signal.time_is_own:
            raise EventRejected("time", "missing, and the policy has require_time")
        target = target_of(rule.targets, signal)
        business_id = target.business(signal)
        order_key = _order_key(signal, self.order, sent_us)
        said = None
        if asked and rule.bounds is None and not self.limits and self.bounds.min <= asked.seconds <= self.bounds.max:
            reason = asked.reason + _afterwards(rule, rule.then, rule.default)
            said = (asked.seconds, rule.then, rule.default, reason, ())  # as it mostly is
        adjustments = []
        for task in target.tasks(signal):
            interval, then, default, reason, edges = said or self._limited(rule, asked, signal, task, now_us)
            adjustments.append(
                Adjustment(
                    task,
                    interval,
                    business_id,
                    signal,
                    order_key,
                    rule.name,
                    reason,
                    rule.lasts,
                    then,
                    rule.lengthen_after,
                    self._skip_unchanged_within,
                    rule.urgent,
                    default,
                    rule.ends,
                    edges,
                    self.short_hash,
                )
            )
        return Decision(Verdict.ADJUST, rule.name, adjustments[0].reason, tuple(adjustments))

    def _limited(
        self, rule: Rule, asked: Asked | None, signal: Signal, task: TaskRef, now_us: int
    ) -> tuple[int, int | None, int | None, str, tuple[tuple[int, int], ...]]:
        if asked is None:
            return 0, None, None, f"ends {', '.join(rule.ends)}", ()
        fitted = self.fitted(rule, asked, signal, task, now_us)
        then, default = (fitted.then, None) if rule.default is None else (None, fitted.then)
        reason = asked.reason + fitted.reason + _afterwards(rule, then, default)
        return fitted.interval, then, default, reason, fitted.edges

    def fitted(self, rule: Rule, asked: Asked, signal: Signal, task: TaskRef, now_us: int) -> Fitted:
        """What becomes at a moment of what a rule asks for, for one task."""
        fit = Fit(rule.bounds, self.limits_of(rule, signal, task), self.bounds)
        then = rule.then if rule.default is None else rule.default
        return fit.at(now_us, asked.seconds, then, lasts=rule.lasts is not None)

    def limits_of(self, rule: Rule, signal: Signal, task: TaskRef) -> tuple[Limit, ...]:
        """Those that can hold for what a rule asks of a task; what only makes it longer leaves urgent rules alone."""
        return tuple(
            limit.without_longer() if rule.urgent else limit for limit in self.limits if limit.matches(signal, task)
        )


def _afterwards(rule: Rule, then: int | None, default: int | None) -> str:
    """What follows, and what is over with it."""
    ended = f", ends {', '.join(rule.ends)}" if rule.ends else ""
    if rule.lasts is None:
        return ended
    previous = "previous" if default is None else f"previous or else {default} s"
    return f", for {rule.lasts} s, then {previous if then is None else f'{then} s'}{ended}"


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

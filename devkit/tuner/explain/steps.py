"""An interval step by step: what was asked for, and what every part of the rules made of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto

from devkit.tuner.explain.replay import LedgerVisit
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger import intents, precedence, transitions
from snapshot_tuner.ledger.types import Admission, End, Intent, TaskState
from snapshot_tuner.policy.explanation import Explanation
from snapshot_tuner.policy.limits import Part

_TAKEN = (Admission.NEW, Admission.RETRY, Admission.DEFERRED)


class Name(StrEnum):
    """The steps, in their order."""

    ASKED = auto()  # by the rule: a fixed interval, or its curve
    FACTOR = auto()  # of limits
    RULE_BOUNDS = "own bounds"  # of the rule
    LIMITS = auto()  # the bounds of limits
    BOUNDS = auto()  # of the policy
    ENDS = auto()  # a time-bound adjustment, and what comes then
    ENDED = auto()  # what else is over with the event
    ORDER = auto()  # whether a newer event was there before
    OPEN = auto()  # time-bound adjustments, of which the shortest is in effect
    STABILIZING = auto()  # lengthen_after: a longer interval waits
    UNCHANGED = auto()  # skip_unchanged_within: a call that is saved


_NAMES = {
    Part.FACTOR: Name.FACTOR,
    Part.RULE_BOUNDS: Name.RULE_BOUNDS,
    Part.LIMITS: Name.LIMITS,
    Part.BOUNDS: Name.BOUNDS,
}


@dataclass(frozen=True, slots=True)
class IntervalStep:
    """What one step says, in words; the interval after it in seconds, where there still is one.

    `until_us` is the moment that the words name, in microseconds since the epoch.
    """

    name: Name
    says: str
    seconds: int | None = None
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a task gets at a moment (microseconds since the epoch) if no other event comes."""

    at_us: int
    interval: int
    rule: str
    event_id: str


def steps(visit: LedgerVisit, why: Explanation) -> list[IntervalStep]:
    """Up to the one that ends the matter."""
    taken: list[IntervalStep] = []
    if why.asked is not None:
        taken.append(IntervalStep(Name.ASKED, why.asked.reason, why.asked.seconds))
        fitted = why.fitted[visit.adjustment.task]
        taken += [IntervalStep(_NAMES[step.part], step.says, step.seconds) for step in fitted.steps]
    if visit.adjustment.for_seconds is not None:
        taken.append(_ends(visit))
    if visit.adjustment.ends:
        taken.append(_ended(visit))
    if why.asked is not None or visit.admitted.answer not in (*_TAKEN, Admission.HELD):
        taken.append(_order(visit))
    if visit.admitted.answer in _TAKEN and visit.after is not None:
        taken += [_open(visit, visit.after), _stabilizing(visit, visit.after)]
        if _is_its_own(visit, visit.after.desired):
            taken.append(_unchanged(visit, visit.after))
    return taken


def follows(visit: LedgerVisit) -> Iterator[Change]:
    """What the task gets later if no other event comes."""
    state, now = visit.after, visit.now_us
    while state is not None and (moment := precedence.next_change(state, now)) is not None:
        changed = precedence.advance_to(state, moment)
        if changed.desired != state.desired:
            intent = changed.desired
            yield Change(moment, intent.interval, intent.rule, intent.event_id)
        state, now = changed, moment


def moment(us: int) -> str:
    """For people: RFC 3339 in UTC, with as many digits as it takes."""
    text = rfc3339.from_microseconds(us)
    return f"{us} us" if text is None else text.removesuffix("Z").rstrip("0").removesuffix(".") + "Z"


def _ends(visit: LedgerVisit) -> IntervalStep:
    intent = intents.from_adjustment(visit.adjustment)
    if intent.then is not None:
        then = f"then {intent.then} s"
    elif _is_all_there_is(visit) and intent.default is not None:
        then = f"then {intent.default} s: nothing else was ever asked for"
    elif _is_all_there_is(visit):
        then = f"then it stays at {intent.interval} s: nothing else was ever asked for"
    else:
        then = "then it ends, and the task returns to what else was asked for"
    over, until = " (over by now)" if _is_over(visit) else "", intent.until_us or 0
    if (end := _end_of(visit)) is not None:
        over = f" (over since event {_event_id(end)} of {moment(end.at_us)})"
    says = f"for {visit.adjustment.for_seconds} s from the event's time on, until {moment(until)}{over}; {then}"
    return IntervalStep(Name.ENDS, says, _seconds_now(visit), until)


def _ended(visit: LedgerVisit) -> IntervalStep:
    """What the event has ended of what was open."""
    before, now = visit.before, visit.now_us
    was_open = [] if before is None else [each for each in before.open if (each.until_us or 0) > now]
    is_open = set() if visit.after is None else {each.key for each in visit.after.open if (each.until_us or 0) > now}
    over = [
        f"rule {each.rule} wanted {each.interval} s until {moment(each.until_us or 0)} (event {each.event_id})"
        for each in was_open
        if each.key not in is_open and each.rule in visit.adjustment.ends
    ]
    if not over:
        return IntervalStep(Name.ENDED, f"nothing older of {' and '.join(visit.adjustment.ends)} is open")
    return IntervalStep(Name.ENDED, f"{', '.join(over)}: over with this event")


def _order(visit: LedgerVisit) -> IntervalStep:
    """Intents without an end compete with each other, time-bound ones with those of their own rule."""
    intent = intents.from_adjustment(visit.adjustment)
    before = visit.before
    other = None if before is None else precedence.competitor(before, intent)
    match visit.admitted.answer:
        case Admission.NEW | Admission.RETRY | Admission.DEFERRED:
            if other is not None and other.key == intent.key:
                says = "the same event arrived a moment ago"
            elif other is not None:
                says = (
                    f"newer than event {other.event_id} of {moment(other.asked_us)}, which asked for {other.interval} s"
                )
            elif before is None:
                says = "nothing was known of the task"
            elif intent.until_us is None:
                says = "nothing without an end was known of the task"
            else:
                says = f"rule {intent.rule} had nothing open for the task"
            return IntervalStep(Name.ORDER, says, _seconds_now(visit))
        case Admission.SUPERSEDED if not visit.admitted.reason and other is not None:
            return IntervalStep(Name.ORDER, f"older than {_named(other)}: nothing changes")
        case Admission.SUPERSEDED if (end := _end_of(visit)) is not None:
            return IntervalStep(Name.ORDER, f"older than event {_event_id(end)}, which has ended it: nothing changes")
        case Admission.DUPLICATE:
            return IntervalStep(Name.ORDER, "this event was applied before: nothing changes")
        case answer:
            return IntervalStep(Name.ORDER, f"{answer}: {visit.admitted.reason}")


def _open(visit: LedgerVisit, after: TaskState) -> IntervalStep:
    """What the shortest of the open ones, or the base, would set without stabilization."""
    others = [
        intent for intent in after.open if (intent.until_us or 0) > visit.now_us and not _is_its_own(visit, intent)
    ]
    wanted = _unstabilized(visit, after)
    if not others:
        return IntervalStep(Name.OPEN, "nothing else is open", wanted.interval)
    taken = ", ".join(
        f"rule {intent.rule} wants {intent.interval} s until {moment(intent.until_us or 0)} (event {intent.event_id})"
        for intent in sorted(others, key=lambda intent: intent.interval)
    )
    if _is_its_own(visit, wanted):
        return IntervalStep(Name.OPEN, f"{taken}; this one is the shortest", wanted.interval)
    return IntervalStep(Name.OPEN, f"{taken}; the shortest is in effect", wanted.interval, wanted.until_us)


def _stabilizing(visit: LedgerVisit, after: TaskState) -> IntervalStep:
    wanted = _unstabilized(visit, after)
    stabilizing = after.stabilizing
    if stabilizing is not None and after.desired == stabilizing.intent:
        says = (
            f"{wanted.interval} s is longer than the {stabilizing.intent.interval} s "
            f"that event {stabilizing.intent.event_id} asked for: it waits until {moment(stabilizing.until_us)}"
        )
        return IntervalStep(Name.STABILIZING, says, stabilizing.intent.interval, stabilizing.until_us)
    wait = visit.adjustment.lengthen_after
    says = f"lengthen_after {wait} s: nothing to wait for" if wait else "no lengthen_after"
    return IntervalStep(Name.STABILIZING, says, after.desired.interval)


def _unchanged(visit: LedgerVisit, after: TaskState) -> IntervalStep:
    interval, within = after.desired.interval, visit.adjustment.skip_unchanged_within
    if not within:
        return IntervalStep(Name.UNCHANGED, "no skip_unchanged_within: a call is made", interval)
    if transitions.is_unchanged(after, visit.now_us):
        says = f"confirmed at {moment(after.applied_at or 0)}, less than {within} s ago: no call is needed"
        return IntervalStep(Name.UNCHANGED, says, interval)
    return IntervalStep(Name.UNCHANGED, f"not confirmed within {within} s: a call is made", interval)


def _unstabilized(visit: LedgerVisit, after: TaskState) -> Intent:
    return precedence.effective(after._replace(stabilizing=None), visit.now_us)


def _is_over(visit: LedgerVisit) -> bool:
    until_us = intents.from_adjustment(visit.adjustment).until_us
    if until_us is not None and (end := _end_of(visit)) is not None:
        until_us = min(until_us, end.at_us)
    return until_us is not None and until_us <= visit.now_us


def _seconds_now(visit: LedgerVisit) -> int | None:
    """What the event asks for at the moment: of a time-bound adjustment that is over, what comes then."""
    intent = intents.from_adjustment(visit.adjustment)
    return (intent.then or intent.default) if _is_over(visit) else intent.interval


def _end_of(visit: LedgerVisit) -> End | None:
    """What had ended the adjustment before it came."""
    ends, own = () if visit.before is None else visit.before.ends, visit.adjustment
    return next((end for end in ends if end.rule == own.rule and end.order_key > own.order_key.decode()), None)


def _is_all_there_is(visit: LedgerVisit) -> bool:
    """Whether the task has only this adjustment, and others that end before it with nothing after them."""
    after, until = visit.after, intents.from_adjustment(visit.adjustment).until_us or 0
    return (
        after is not None
        and after.base is None
        and all(intent.then is None and (intent.until_us or 0) <= until for intent in after.open)
    )


def _event_id(end: End) -> str:
    return end.order_key.split("\0")[1]


def _named(intent: Intent) -> str:
    return f"event {intent.event_id} of {moment(intent.asked_us)}"


def _is_its_own(visit: LedgerVisit, intent: Intent) -> bool:
    signal = visit.adjustment.signal
    return (intent.event_id, intent.event_source) == (signal.id, signal.source)

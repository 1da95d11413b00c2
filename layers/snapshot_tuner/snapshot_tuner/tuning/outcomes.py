"""From the answers of the ledger and the API about one adjustment to its outcome: pure."""

from typing import TypeAlias, assert_never

from snapshot_tuner.errors import ApiError, CallRefused, CredentialsRefused, TaskNotFound, Throttled
from snapshot_tuner.ledger.types import Admission, Admitted, AlreadyApplied, Bounds, Intent
from snapshot_tuner.model import Adjustment, Cause, Decision, Outcome, OutcomeKind, Signal, TaskRef, Verdict
from snapshot_tuner.tuning.task_results import Called, NotCalled, TaskResult

_SETTLED_KINDS = {
    Admission.DUPLICATE: (OutcomeKind.DUPLICATE, "this event was applied before"),
    Admission.SUPERSEDED: (OutcomeKind.SUPERSEDED, "a newer event has been admitted for the task"),
}

_What: TypeAlias = tuple[OutcomeKind, str, Cause | None]
_MAY_STILL_ARRIVE = "an earlier call may still arrive"


def from_decision(signal: Signal, decision: Decision) -> Outcome:
    """For a decision that adjusts nothing."""
    match decision.verdict:
        case Verdict.HOLD:
            kind, cause = OutcomeKind.HELD, None
        case Verdict.UNMATCHED:
            kind, cause = OutcomeKind.UNMATCHED, None
        case Verdict.REJECT:
            kind, cause = OutcomeKind.REJECTED, Cause.INVALID
        case Verdict.ADJUST:
            raise ValueError("a decision to adjust has one outcome for each task")
        case _:
            assert_never(decision.verdict)
    return Outcome(kind, decision.reason, signal.id, signal.source, decision.rule, cause=cause)


def from_adjustment(adjustment: Adjustment, kind: OutcomeKind, note: str = "", cause: Cause | None = None) -> Outcome:
    """An outcome that says what was asked, why, and what came of it."""
    reason = f"{adjustment.reason}; {note}" if note else adjustment.reason
    signal, interval = adjustment.signal, adjustment.interval or None
    return Outcome(kind, reason, signal.id, signal.source, adjustment.rule, adjustment.task, interval, cause)


def from_admission(adjustment: Adjustment, admitted: Admitted, leader: Adjustment | None) -> Outcome:
    """For an answer of `admit` that needs no call, or for an event of a batch that another one leads."""
    match admitted.answer:
        case Admission.CONFLICT:
            return from_adjustment(adjustment, OutcomeKind.REJECTED, admitted.reason, Cause.CONFLICT)
        case Admission.REJECTED if admitted.is_too_old and adjustment.signal.is_alert:
            # It has been firing for this long, and its sender repeats it: no news, and nobody's fault.
            return from_adjustment(adjustment, OutcomeKind.HELD, admitted.reason)
        case Admission.REJECTED:
            return from_adjustment(adjustment, OutcomeKind.REJECTED, admitted.reason, Cause.INVALID)
        case Admission.CLOCK_OFF:
            return from_adjustment(adjustment, OutcomeKind.RETRY, admitted.reason, Cause.UNAVAILABLE)
        case Admission.DUPLICATE | Admission.SUPERSEDED:
            kind, note = _SETTLED_KINDS[admitted.answer]
            return from_adjustment(adjustment, kind, admitted.reason or note)
        case Admission.DEFERRED:
            return from_adjustment(adjustment, OutcomeKind.DEFERRED, admitted.reason)
        case Admission.HELD:
            return from_adjustment(adjustment, OutcomeKind.HELD, admitted.reason)
        case Admission.NEW | Admission.RETRY if leader and leader.for_seconds and leader.rule != adjustment.rule:
            note = f"rule {leader.rule} keeps the task at {leader.interval} s"
            return from_adjustment(adjustment, OutcomeKind.DEFERRED, note)
        case Admission.NEW | Admission.RETRY | Admission.ASSERT:
            return from_adjustment(adjustment, *_SETTLED_KINDS[Admission.SUPERSEDED])
        case _:
            assert_never(admitted.answer)


def from_result(adjustment: Adjustment, admitted: Admitted, result: TaskResult) -> Outcome:
    """For the event on whose behalf the task was, or was not, called."""
    match result:
        case NotCalled(cause=cause, reason=reason):
            return from_adjustment(adjustment, OutcomeKind.RETRY, reason, cause)
        case AlreadyApplied(intent=intent, unchanged=unchanged, bounds=bounds):
            if unchanged and _is_from(intent, adjustment):
                return _applied(adjustment, intent, bounds, "unchanged: no call was needed")
            if admitted.settled_as is not None:
                return from_adjustment(adjustment, *_SETTLED_KINDS[admitted.settled_as])
            if not _speaks_for(adjustment, intent):
                return from_adjustment(adjustment, *_other(intent, adjustment))
            if admitted.answer is Admission.RETRY:
                return from_adjustment(adjustment, *_SETTLED_KINDS[Admission.DUPLICATE])
            if not adjustment.interval:
                stands = from_adjustment(adjustment, OutcomeKind.APPLIED, f"it is already at {intent.interval} s")
                return stands._replace(interval=intent.interval)
            return _applied(adjustment, intent, bounds, "by another worker's call")
        case Called():
            return _from_call(adjustment, admitted, result)
        case _:
            assert_never(result)


def from_call(task: TaskRef, result: TaskResult) -> Outcome:
    """For a task that was to become what it should be, on nobody's behalf: applied, rejected or, not yet, retry."""
    match result:
        case NotCalled(cause=cause, reason=reason):
            return Outcome(OutcomeKind.RETRY, reason, task=task, cause=cause)
        case AlreadyApplied(intent=intent):
            return Outcome(OutcomeKind.APPLIED, "no call was needed", task=task, interval=intent.interval)
        case Called(intent=intent):
            kind, reason, why = _from_called(result)
            return Outcome(kind, reason, task=task, interval=intent.interval, cause=why)
        case _:
            assert_never(result)


def _from_called(called: Called) -> _What:
    unknown = _unknown(called)
    if unknown is not None:
        return unknown
    if called.error is not None:
        return _from_error(called.error)
    if called.settlement is not None and called.settlement.in_doubt:
        return OutcomeKind.RETRY, _MAY_STILL_ARRIVE, Cause.UNKNOWN
    return OutcomeKind.APPLIED, f"set to {called.intent.interval} s", None


def _unknown(called: Called) -> _What | None:
    """If the outcome of a call is unknown, or unknown to the ledger."""
    if called.error is not None:
        if not called.error.outcome_unknown:
            return None
        # The event whose call it was comes back, even if the call carried another event's interval.
        note = f"it is unknown whether the call was carried out: {called.error}"
        return OutcomeKind.RETRY, note, Cause.UNKNOWN
    if called.settlement is None:
        return OutcomeKind.RETRY, "the call was made, but the ledger could not record it", Cause.UNAVAILABLE
    if not called.settlement.kept:
        return OutcomeKind.RETRY, "the call ended after its lease; another one may have been made", Cause.UNKNOWN
    return None


def _from_call(adjustment: Adjustment, admitted: Admitted, called: Called) -> Outcome:
    unknown = _unknown(called)
    if unknown is not None:
        return from_adjustment(adjustment, *unknown)
    if admitted.settled_as is not None:
        return _from_assertion(adjustment, admitted.settled_as, called)
    if not _speaks_for(adjustment, called.intent):
        return from_adjustment(adjustment, *_other(called.intent, adjustment))
    if called.error is not None:
        return from_adjustment(adjustment, *_from_error(called.error, only_ends=not adjustment.interval))
    return _applied(adjustment, called.intent, called.bounds)


def _applied(adjustment: Adjustment, intent: Intent, bounds: Bounds | None, note: str = "") -> Outcome:
    """The interval is the one that was called, within an operator's bounds.

    For an event that came after its time was over, it is what follows; for one that only ends what others asked for,
    what is in effect then.
    """
    said = f"set to {intent.interval} s"
    if bounds is not None:
        notes = [f"{said}, within the bounds of {bounds.caller} ({bounds.reason})"]
    elif intent.interval != adjustment.interval:
        notes = [said if not adjustment.interval else f"its time is over: {said}"]
    else:
        notes = []
    outcome = from_adjustment(adjustment, OutcomeKind.APPLIED, ", ".join([*notes, *([note] if note else [])]))
    return outcome._replace(interval=intent.interval)


def _from_assertion(adjustment: Adjustment, settled_as: Admission, called: Called) -> Outcome:
    if called.error is not None and not isinstance(called.error, CallRefused):
        return from_adjustment(adjustment, *_from_error(called.error, only_ends=not adjustment.interval))
    if called.error is None and called.settlement is not None and called.settlement.in_doubt:
        # The call in doubt can still arrive: this event comes back to assert again after it.
        return from_adjustment(adjustment, OutcomeKind.RETRY, f"asserted again, but {_MAY_STILL_ARRIVE}", Cause.UNKNOWN)
    return from_adjustment(adjustment, *_SETTLED_KINDS[settled_as])


def _from_error(error: ApiError, *, only_ends: bool = False) -> _What:
    match error:
        case TaskNotFound() if only_ends:
            return OutcomeKind.HELD, str(error), None  # what it ends has ended with the task
        case TaskNotFound():
            kind, cause = OutcomeKind.REJECTED, Cause.TASK_NOT_FOUND
        case CallRefused():
            kind, cause = OutcomeKind.REJECTED, Cause.REFUSED
        case Throttled():
            kind, cause = OutcomeKind.RETRY, Cause.THROTTLED
        case CredentialsRefused():
            kind, cause = OutcomeKind.RETRY, Cause.CREDENTIALS
        case _:
            kind, cause = OutcomeKind.RETRY, Cause.UNAVAILABLE
    return kind, str(error), cause


def _other(intent: Intent, adjustment: Adjustment) -> tuple[OutcomeKind, str]:
    """For an event that was taken, and found another one's intent in effect when its call was due."""
    if intent.order_key.encode() > adjustment.order_key:
        return _SETTLED_KINDS[Admission.SUPERSEDED]
    return OutcomeKind.DEFERRED, f"rule {intent.rule} keeps the task at {intent.interval} s"


def _speaks_for(adjustment: Adjustment, intent: Intent) -> bool:
    """Whether it is answered with what came of this intent: its own, or, where it has none, whichever is in effect."""
    return not adjustment.interval or _is_from(intent, adjustment)


def _is_from(intent: Intent, adjustment: Adjustment) -> bool:
    return (intent.event_id, intent.event_source) == (adjustment.signal.id, adjustment.signal.source)

"""From what the ledger and the API said about one adjustment to its outcome: pure."""

from typing import assert_never

from snapshot_tuner.errors import ApiError, CallRefused, CredentialsRefused, TaskNotFound, Throttled
from snapshot_tuner.ledger.types import Admission, Admitted, AlreadyApplied, Intent
from snapshot_tuner.model import Adjustment, Cause, Decision, Outcome, OutcomeKind, Signal, Verdict
from snapshot_tuner.tuning.task_results import Called, NotCalled, TaskResult

_SETTLED_KINDS = {
    Admission.DUPLICATE: (OutcomeKind.DUPLICATE, "this event was applied before"),
    Admission.SUPERSEDED: (OutcomeKind.SUPERSEDED, "a newer event has been admitted for the task"),
}


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
    """An outcome that says both what was asked, and why, and what came of it."""
    reason = f"{adjustment.reason}; {note}" if note else adjustment.reason
    signal, interval = adjustment.signal, adjustment.interval or None
    return Outcome(kind, reason, signal.id, signal.source, adjustment.rule, adjustment.task, interval, cause)


def from_admission(adjustment: Adjustment, admitted: Admitted, leader: Adjustment | None) -> Outcome:
    """For an answer of `admit` after which no call is needed, or for an event of a batch in which another one leads."""
    match admitted.answer:
        case Admission.CONFLICT:
            return from_adjustment(adjustment, OutcomeKind.REJECTED, admitted.reason, Cause.CONFLICT)
        case Admission.REJECTED if admitted.is_too_old and adjustment.signal.is_alert:
            # It has been firing for so long, and its sender repeats it: no news, and no fault of anybody's.
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
        case AlreadyApplied(intent=intent, unchanged=unchanged):
            if unchanged and _is_from(intent, adjustment):
                return _applied(adjustment, intent, "unchanged: no call was needed")
            if admitted.settled_as is not None:
                return from_adjustment(adjustment, *_SETTLED_KINDS[admitted.settled_as])
            if not _speaks_for(adjustment, intent):
                return from_adjustment(adjustment, *_other(intent, adjustment))
            if admitted.answer is Admission.RETRY:
                return from_adjustment(adjustment, *_SETTLED_KINDS[Admission.DUPLICATE])
            if not adjustment.interval:
                stands = from_adjustment(adjustment, OutcomeKind.APPLIED, f"it stands at {intent.interval} s already")
                return stands._replace(interval=intent.interval)
            return _applied(adjustment, intent, "by another worker's call")
        case Called():
            return _from_call(adjustment, admitted, result)
        case _:
            assert_never(result)


def _from_call(adjustment: Adjustment, admitted: Admitted, called: Called) -> Outcome:
    if called.error is not None and called.error.outcome_unknown:
        # Whoever made the call comes back, even where it carried another event's interval.
        note = f"nobody knows whether the call was carried out: {called.error}"
        return from_adjustment(adjustment, OutcomeKind.RETRY, note, Cause.UNKNOWN)
    if called.error is None and called.settlement is None:
        note = "the call was made, but the ledger could not be told"
        return from_adjustment(adjustment, OutcomeKind.RETRY, note, Cause.UNAVAILABLE)
    if called.error is None and called.settlement is not None and not called.settlement.kept:
        note = "the call ended after its lease; another one may have been made"
        return from_adjustment(adjustment, OutcomeKind.RETRY, note, Cause.UNKNOWN)
    if admitted.settled_as is not None:
        return _from_assertion(adjustment, admitted.settled_as, called)
    if not _speaks_for(adjustment, called.intent):
        return from_adjustment(adjustment, *_other(called.intent, adjustment))
    if called.error is not None:
        return _from_error(adjustment, called.error)
    return _applied(adjustment, called.intent)


def _applied(adjustment: Adjustment, intent: Intent, note: str = "") -> Outcome:
    """The interval is what was called: of an event that came when its time was over, what comes then.

    Of one that only ends what others asked for, what is in effect then.
    """
    if intent.interval == adjustment.interval:
        return from_adjustment(adjustment, OutcomeKind.APPLIED, note)
    said = f"set to {intent.interval} s" if not adjustment.interval else f"its time is over: set to {intent.interval} s"
    outcome = from_adjustment(adjustment, OutcomeKind.APPLIED, f"{said}, {note}" if note else said)
    return outcome._replace(interval=intent.interval)


def _from_assertion(adjustment: Adjustment, settled_as: Admission, called: Called) -> Outcome:
    if called.error is not None and not isinstance(called.error, CallRefused):
        return _from_error(adjustment, called.error)
    if called.error is None and called.settlement is not None and called.settlement.in_doubt:
        # The call that nobody knows about can still arrive: this event comes back to assert again after it.
        note = "asserted again, but an earlier call may still arrive"
        return from_adjustment(adjustment, OutcomeKind.RETRY, note, Cause.UNKNOWN)
    return from_adjustment(adjustment, *_SETTLED_KINDS[settled_as])


def _from_error(adjustment: Adjustment, error: ApiError) -> Outcome:
    match error:
        case TaskNotFound() if not adjustment.interval:
            kind, cause = OutcomeKind.HELD, None  # what it ends has ended with the task
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
    return from_adjustment(adjustment, kind, str(error), cause)


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

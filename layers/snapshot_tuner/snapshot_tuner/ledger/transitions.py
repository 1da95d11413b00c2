"""How one task's record changes: pure functions from a state and a question to an answer and a state.

`now` and every time in a state are microseconds since the Unix epoch on the store's clock.
"""

from collections.abc import Sequence
from typing import NamedTuple

from snapshot_tuner.ledger import intents, precedence
from snapshot_tuner.ledger.timing import LATE_CALL_SECONDS, LEASE_SECONDS, SOURCE_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import (
    NOTE,
    Admission,
    Bounds,
    CallResult,
    Intent,
    Lease,
    Settlement,
    TaskState,
)
from snapshot_tuner.model import INTERVAL_DEFAULT_SECONDS

_LEASE_US = round(LEASE_SECONDS * 1e6)
_LATE_CALL_US = round(LATE_CALL_SECONDS * 1e6)
_SOURCE_US = round(SOURCE_SECONDS * 1e6)
_TRY_AGAIN_US = round(TRY_AGAIN_SECONDS * 1e6)


class KeyState(NamedTuple):
    """What the ledger knows of one event of one task: the order key of its first admission is kept.

    A store may keep no more than the beginning of the fingerprint.
    """

    order_key: str
    fingerprint: str
    applied: bool = False


def admit(
    state: TaskState | None,
    known: KeyState | None,
    intent: Intent,
    fingerprint: str,
    now: int,
    *,
    ends: Sequence[str] = (),
) -> tuple[Admission, TaskState | None]:
    """NEW, RETRY, DEFERRED, HELD, DUPLICATE, SUPERSEDED or CONFLICT; and the state, with what was taken in it.

    NEW and RETRY are for an intent that is in effect now, and for when one has ended. With an interval of 0 the intent
    only says whose ends these are.
    """
    if known is not None:
        if not fingerprint.startswith(known.fingerprint):
            return Admission.CONFLICT, state
        intent = intent._replace(order_key=known.order_key)
    if state is None and known is not None and known.applied:
        # The store lost the task, not the event: to apply it again could undo a newer one's call.
        return Admission.DUPLICATE, None
    if state is None:
        if not intent.interval or _is_over_for_good(intent, now):
            after = precedence.end(precedence.nothing(intent, now), ends, intent, now) if ends else None
            return (Admission.SUPERSEDED if intent.interval else Admission.HELD), after
        first = (
            TaskState(intent, now, base=intent) if intent.until_us is None else TaskState(intent, now, open=(intent,))
        )
        if ends:
            first = precedence.end(first, ends, intent, now)
        state = precedence.advance_to(first, now)._replace(call_due=now + _SOURCE_US)
        return (Admission.RETRY if known else Admission.NEW), state
    state = advance_to(state, now)
    if (known is not None and known.applied) or (
        state.applied is not None and state.applied.order_key == intent.order_key
    ):
        return Admission.DUPLICATE, state
    if ends:
        return _end(state, intent, ends, now, seen=known is not None)
    return _take(state, intent, now, seen=known is not None)


def _end(
    state: TaskState, intent: Intent, rules: Sequence[str], now: int, *, seen: bool
) -> tuple[Admission, TaskState]:
    """Ends take effect at once, whatever becomes of the intent's own interval."""
    ended = precedence.end(state, rules, intent, now)
    answer, after = (
        _take(ended, intent, now, seen=seen) if intent.interval else (_ended(state, ended, intent, now), ended)
    )
    if answer not in (Admission.NEW, Admission.RETRY) and after.desired != state.desired:
        answer = Admission.RETRY if seen else Admission.NEW
    return answer, after


def _ended(before: TaskState, after: TaskState, intent: Intent, now: int) -> Admission:
    """Where the intent asks for no interval, and what should be is what should have been before."""
    if any(each.order_key == intent.order_key for each in before.ends):
        settled = after.asks_nothing or (after.doubt_until is None and after.applied == after.wanted)
        return Admission.DUPLICATE if settled else Admission.RETRY
    if after.ends == before.ends:
        return Admission.SUPERSEDED
    was_open, is_open = (sum(not _is_over(each, now) for each in of.open) for of in (before, after))
    return Admission.DEFERRED if is_open < was_open else Admission.HELD


def _take(state: TaskState, intent: Intent, now: int, *, seen: bool) -> tuple[Admission, TaskState]:
    recorded = precedence.recorded(state, intent.order_key)
    call_due = state.call_due if state.doubt_until is not None else now + _SOURCE_US
    if recorded is not None:
        seen = True
        intent = _first_asked(intent, recorded.asked_us)
    intent = precedence.cut(state, intent) if state.ends else intent
    if state.asks_nothing and _is_over_for_good(intent, now):
        return Admission.SUPERSEDED, state
    if recorded is not None:
        state = precedence.withdraw(state, intent, now)
    kept = precedence.competitor(state, intent)
    # Text compares by code point, which is the order of its UTF-8 bytes.
    if kept is not None and kept.order_key > intent.order_key:
        return Admission.SUPERSEDED, state
    taken = precedence.take(state, intent, now, call_due)
    if seen:
        taken = _noted(taken, intent)
    if taken.desired.order_key == intent.order_key:
        return (Admission.RETRY if seen else Admission.NEW), taken
    if _is_over(intent, now) and not _leaves_anything(taken, intent):
        return Admission.SUPERSEDED, state
    return Admission.DEFERRED, taken


def begin(state: TaskState, token: str, now: int) -> tuple[Lease | None, bool, TaskState]:
    """(lease, busy, state): the lease, or None with `busy` saying whether a call is in flight or none is needed.

    Where no call is needed, the state's `applied` is what is `wanted`, be it by a call for another event.
    """
    state = advance_to(state, now)
    if state.lease is not None and state.lease.token == token:
        # Repeated after a lost reply: the same lease, and the same intent, for that one is what is sent.
        return state.lease, False, state
    if state.lease is not None or state.settled_token == token:
        return None, True, state
    wanted = state.wanted
    if state.doubt_until is None and state.applied == wanted:
        return None, False, state
    if is_unchanged(state, now):
        return None, False, state._replace(applied=wanted)
    lease = Lease(token=token, begun=now, until=now + _LEASE_US, intent=wanted)
    return lease, False, state._replace(lease=lease)


def settle(state: TaskState, token: str, result: CallResult, now: int) -> tuple[Settlement, Intent | None, TaskState]:
    """(settlement, the intent that was applied, state)."""
    state = advance_to(state, now)
    lease = state.lease
    if state.settled_token == token:  # repeated after a lost reply
        return Settlement(kept=True, in_doubt=state.doubt_until is not None), None, state
    if lease is None or lease.token != token:
        # Another worker may have called since: which of the two calls arrived last is unknown. An
        # applied call has arrived by now; an unknown one may be on its way.
        match result:
            case CallResult.APPLIED:
                state = _doubt(state, now)
            case CallResult.UNKNOWN:
                state = _doubt(state, now + _LATE_CALL_US)
            case CallResult.FAILED | CallResult.THROTTLED:
                pass
        return Settlement(kept=False, in_doubt=state.doubt_until is not None), None, state
    applied = None
    match result:
        case CallResult.APPLIED:
            applied = lease.intent
            state = _confirmed(state, lease, token, now)
        case CallResult.UNKNOWN:
            state = _doubt(state._replace(lease=None, settled_token=token), now + _LATE_CALL_US)
        case CallResult.FAILED | CallResult.THROTTLED:
            due = max(state.call_due, now + _TRY_AGAIN_US)
            state = state._replace(lease=None, settled_token=token, call_due=due)
    return Settlement(kept=True, in_doubt=state.doubt_until is not None), applied, state


def advance_to(state: TaskState, now: int) -> TaskState:
    """End what has ended, and turn a lease that ran out unsettled into doubt.

    Its holder may have called, and the call may be late.

    A lease or a doubt that lasts longer than any can is from before the store's clock was set back: it
    starts anew, so that nobody waits for the difference.
    """
    state = precedence.advance_to(state, now)
    if state.doubt_until is not None and state.doubt_until > now + _LATE_CALL_US:
        state = _doubt(state._replace(doubt_until=None), now + _LATE_CALL_US)
    lease = state.lease
    if lease is None:
        return state
    if lease.until <= now:
        return _doubt(state._replace(lease=None), lease.until + _LATE_CALL_US)
    if lease.begun > now:
        return state._replace(lease=lease._replace(begun=now, until=now + _LEASE_US))
    return state


def bounded(state: TaskState, bounds: Bounds | None, now: int) -> TaskState:
    """With other bounds, or none; the call that it may need is left for a while to the one who set them."""
    state = advance_to(state, now)._replace(bounds=bounds)
    return state if state.doubt_until is not None else state._replace(call_due=now + _TRY_AGAIN_US)


def mark_in_doubt(state: TaskState, now: int) -> TaskState:
    """The provider was seen to hold something else: a call is due, and its success is the proof."""
    return _doubt(state, now)


def due(state: TaskState, now: int) -> int | None:
    """From when on the task needs a call that no event may bring; None if it needs none, as far as is known."""
    if state.lease is not None:
        return state.lease.until + _LATE_CALL_US  # if nobody settles it
    if state.asks_nothing:
        return None
    change, bounds = precedence.next_change(state, now), state.bounds
    if bounds is not None and state.wanted != state.desired:
        change = bounds.until_us if change is None else min(change, bounds.until_us)
    if state.doubt_until is None and state.applied == state.wanted:
        return change
    return state.call_due if change is None else min(change, state.call_due)


def is_unchanged(state: TaskState, now: int) -> bool:
    """Whether another event's call has set the same interval so recently that it need not be repeated."""
    applied, desired = state.applied, state.wanted
    if not desired.skip_us or state.doubt_until is not None or applied is None or state.applied_at is None:
        return False
    same = (applied.interval, applied.business_id) == (desired.interval, desired.business_id)
    return same and applied != desired and now - state.applied_at <= desired.skip_us


def _is_over(intent: Intent, now: int) -> bool:
    return intent.until_us is not None and intent.until_us <= now


def _is_over_for_good(intent: Intent, now: int) -> bool:
    return _is_over(intent, now) and intent.then is None and intent.default is None


def _leaves_anything(state: TaskState, over: Intent) -> bool:
    """Whether the task may yet get what comes after an intent that is over."""
    return over.default is not None if state.base is None else state.base.order_key == over.order_key


def _noted(state: TaskState, intent: Intent) -> TaskState:
    """Whatever else the intent's event has in the state has its note, too."""

    def noted(other: Intent) -> Intent:
        return intents.with_note(other, intent[NOTE:]) if other.order_key == intent.order_key else other

    base, applied, lease, stabilizing = state.base, state.applied, state.lease, state.stabilizing
    return state._replace(
        desired=noted(state.desired),
        base=base and noted(base),
        applied=applied and noted(applied),
        lease=lease and lease._replace(intent=noted(lease.intent)),
        stabilizing=stabilizing and stabilizing._replace(intent=noted(stabilizing.intent)),
    )


def _first_asked(intent: Intent, asked_us: int) -> Intent:
    """A retry keeps the time of its first admission, so that a substituted time does not change."""
    if intent.until_us is None:
        return intent._replace(asked_us=asked_us)
    return intent._replace(asked_us=asked_us, until_us=intent.until_us - intent.asked_us + asked_us)


def _confirmed(state: TaskState, lease: Lease, token: str, now: int) -> TaskState:
    doubt_until, due = state.doubt_until, state.call_due
    if doubt_until is not None:
        if lease.begun > doubt_until:
            doubt_until = None
        else:  # again, from when that call can no longer arrive
            due = max(now, doubt_until)
    return state._replace(
        lease=None, settled_token=token, applied=lease.intent, applied_at=now, doubt_until=doubt_until, call_due=due
    )


def _doubt(state: TaskState, until: int) -> TaskState:
    until = max(until, state.doubt_until or 0)
    return state._replace(doubt_until=until, call_due=until)


def shortens(state: TaskState) -> bool:
    """Whether a call would make the task's interval shorter; of one that never had a call the provider's own counts."""
    return state.wanted.interval < (state.applied.interval if state.applied else INTERVAL_DEFAULT_SECONDS)

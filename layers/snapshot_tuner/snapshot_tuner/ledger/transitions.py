"""How one task's record changes: pure functions from a state and a question to an answer and a state.

`now` and every time in a state are microseconds since the Unix epoch on the store's clock.
"""

from dataclasses import dataclass, replace

from snapshot_tuner.ledger import (
    LATE_CALL_SECONDS,
    LEASE_SECONDS,
    Admission,
    CallResult,
    Lease,
    Settlement,
    TaskState,
    Wish,
)

_LEASE_US = round(LEASE_SECONDS * 1e6)
_LATE_CALL_US = round(LATE_CALL_SECONDS * 1e6)


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the ledger knows of one event of one task: the order key of its first admission is kept."""

    order_key: str
    fingerprint: str
    applied: bool = False


def admit(
    state: TaskState | None, known: KeyState | None, wish: Wish, fingerprint: str, now: int
) -> tuple[Admission, TaskState | None]:
    """NEW, RETRY, DUPLICATE, SUPERSEDED or CONFLICT, and the state with the wish in it where it is the newest."""
    if known is not None:
        if known.fingerprint != fingerprint:
            return Admission.CONFLICT, state
        wish = replace(wish, order_key=known.order_key)
    if state is None and known is not None and known.applied:
        # The store lost the task, not the event: to apply it again could undo a newer one's call.
        return Admission.DUPLICATE, None
    if state is None:
        return (Admission.RETRY if known else Admission.NEW), TaskState(desired=wish, desired_at=now)
    state = pass_time(state, now)
    if (known is not None and known.applied) or (
        state.applied is not None and state.applied.order_key == wish.order_key
    ):
        return Admission.DUPLICATE, state
    # Text compares by code point, which is the order of its UTF-8 bytes.
    if state.desired.order_key > wish.order_key:
        return Admission.SUPERSEDED, state
    seen = known is not None or state.desired.order_key == wish.order_key
    return (Admission.RETRY if seen else Admission.NEW), replace(state, desired=wish, desired_at=now)


def begin(state: TaskState, token: str, now: int) -> tuple[Lease | None, bool, TaskState]:
    """(lease, busy, state): the lease, or None with `busy` saying whether a call is in flight or none is needed."""
    state = pass_time(state, now)
    if state.lease is not None and state.lease.token == token:
        # Repeated after a lost reply: the same lease, and the same wish, for that one is what is sent.
        return state.lease, False, state
    if state.lease is not None or state.settled_token == token:
        return None, True, state
    if state.doubt_until is None and state.applied == state.desired:
        return None, False, state
    lease = Lease(token=token, begun=now, until=now + _LEASE_US, wish=state.desired)
    return lease, False, replace(state, lease=lease)


def settle(state: TaskState, token: str, result: CallResult, now: int) -> tuple[Settlement, Wish | None, TaskState]:
    """(settlement, the wish that was applied, state)."""
    state = pass_time(state, now)
    lease = state.lease
    if state.settled_token == token:  # repeated after a lost reply
        return Settlement(kept=True, in_doubt=state.doubt_until is not None), None, state
    if lease is None or lease.token != token:
        # Somebody else may have called since: which of the two calls arrived last, nobody knows. An
        # applied call has arrived by now; an unknown one may be on its way.
        match result:
            case CallResult.APPLIED:
                state = _doubt(state, now)
            case CallResult.UNKNOWN:
                state = _doubt(state, now + _LATE_CALL_US)
            case CallResult.FAILED | CallResult.THROTTLED:
                pass
        return Settlement(kept=False, in_doubt=state.doubt_until is not None), None, state
    state = replace(state, lease=None, settled_token=token)
    applied = None
    match result:
        case CallResult.APPLIED:
            applied = lease.wish
            cleared = state.doubt_until is None or lease.begun > state.doubt_until
            state = replace(state, applied=applied, applied_at=now, doubt_until=None if cleared else state.doubt_until)
        case CallResult.UNKNOWN:
            state = _doubt(state, now + _LATE_CALL_US)
        case CallResult.FAILED | CallResult.THROTTLED:
            pass
    return Settlement(kept=True, in_doubt=state.doubt_until is not None), applied, state


def pass_time(state: TaskState, now: int) -> TaskState:
    """Turn a lease that ran out unsettled into doubt: its holder may have called, and the call may be late.

    A lease or a doubt that lasts longer than any can is from before the store's clock was set back: it
    starts anew, so that nobody waits for the difference.
    """
    if state.doubt_until is not None and state.doubt_until > now + _LATE_CALL_US:
        state = replace(state, doubt_until=now + _LATE_CALL_US)
    lease = state.lease
    if lease is None:
        return state
    if lease.until <= now:
        return _doubt(replace(state, lease=None), lease.until + _LATE_CALL_US)
    if lease.begun > now:
        return replace(state, lease=replace(lease, begun=now, until=now + _LEASE_US))
    return state


def _doubt(state: TaskState, until: int) -> TaskState:
    return replace(state, doubt_until=max(until, state.doubt_until or 0))

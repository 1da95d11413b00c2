"""What an operator can see of a task, on every backend: the record as it is, and looking changes nothing."""

from snapshot_tuner.ledger import intents
from snapshot_tuner.ledger.timing import LATE_CALL_SECONDS, LEASE_SECONDS
from snapshot_tuner.ledger.types import CallResult, TaskState
from tests.ledger.backends import OTHER_TASK, TASK, Backend, Client, event, granted


def seen(ledger: Client) -> TaskState:
    state = ledger.get(TASK)
    assert state is not None
    return state


def test_a_task_that_nobody_admitted_is_unknown(backend: Backend) -> None:
    """Neither before nor after another task was admitted."""
    ledger = backend.client()
    assert ledger.get(TASK) is None
    ledger.admit([event(task=OTHER_TASK)])
    assert ledger.get(TASK) is None


def test_what_is_desired_what_is_in_flight_and_what_was_applied_are_told(backend: Backend) -> None:
    """One task from its first event to a second one that has not been called for yet."""
    ledger, other = backend.client(), backend.client()
    first, second = event("e1", at=1, interval=7, business_id="b"), event("e2", at=2, interval=9)
    ledger.admit([first])
    admitted = seen(other)
    assert (admitted.desired, admitted.applied, admitted.lease) == (intents.from_adjustment(first), None, None)

    granted(ledger, under="t1")
    lease = seen(other).lease
    assert lease is not None
    assert (lease.token, lease.intent, lease.until - lease.begun) == (
        "t1",
        intents.from_adjustment(first),
        LEASE_SECONDS * 1e6,
    )

    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    ledger.admit([second])
    state = seen(other)
    assert state.applied is not None
    applied = state.applied._replace(reason="reason")  # which not every ledger keeps behind a newer intent
    assert (state.desired, applied) == (intents.from_adjustment(second), intents.from_adjustment(first))
    assert (state.lease, state.doubt_until, state.settled_token) == (None, None, "t1")
    assert admitted.desired_at <= lease.begun
    assert state.applied_at is not None
    assert lease.begun <= state.applied_at <= state.desired_at


def test_a_doubt_is_told_with_its_end(backend: Backend) -> None:
    """An unknown outcome, and a lease that ran out: until no call can arrive any more."""
    ledger = backend.client()
    ledger.admit([event()])
    begun = granted(ledger, under="t1")
    lease = seen(ledger).lease
    assert begun.intent.interval == 5
    assert lease is not None
    backend.advance(LEASE_SECONDS + 1)
    state = seen(ledger)
    assert state.lease is None
    assert state.doubt_until is not None
    assert seen(ledger) == state
    assert state.doubt_until - state.desired_at >= LATE_CALL_SECONDS * 1e6


def test_the_stores_clock_is_this_machines_here(backend: Backend) -> None:
    """Each of these stores runs on this machine; far less than a second is all that they may differ by."""
    ledger = backend.client()
    ledger.get(TASK)
    assert abs(ledger.clock_ahead()) < 0.5

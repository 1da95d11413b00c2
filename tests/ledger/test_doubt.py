"""Doubt about which call arrived last, how it comes and how it ends."""

import pytest

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.timing import LATE_CALL_SECONDS, LEASE_SECONDS
from snapshot_tuner.ledger.types import Admission, Admitted, AlreadyApplied, CallResult
from tests.ledger.backends import TASK, Backend, event, granted
from tests.ledger.settling import KEPT, KEPT_IN_DOUBT, LOST, LOST_IN_DOUBT, call, settle

ASSERT_DUPLICATE = Admitted(Admission.ASSERT, "the task is in doubt", settled_as=Admission.DUPLICATE)
ASSERT_SUPERSEDED = Admitted(Admission.ASSERT, "the task is in doubt", settled_as=Admission.SUPERSEDED)


def test_an_unknown_call_puts_the_task_in_doubt(ledger: Ledger) -> None:
    """It may be carried out yet: what would need no call is asserted again."""
    ledger.admit([event("e1", at=1)])
    call(ledger, "t1", CallResult.APPLIED)
    ledger.admit([event("e2", at=2)])
    assert call(ledger, "t2", CallResult.UNKNOWN) == KEPT_IN_DOUBT
    assert ledger.admit([event("e1", at=1), event("e0", at=0)]) == [ASSERT_DUPLICATE, ASSERT_SUPERSEDED]
    assert ledger.admit([event("e2", at=2)]) == [Admitted(Admission.RETRY)]


def test_a_conflict_during_doubt_is_a_conflict(ledger: Ledger) -> None:
    """It says nothing about what the task should be."""
    ledger.admit([event()])
    call(ledger, "t1", CallResult.UNKNOWN)
    assert [each.answer for each in ledger.admit([event(payload="other")])] == [Admission.CONFLICT]


def test_a_task_in_doubt_needs_a_call_though_its_newest_intent_was_applied(ledger: Ledger) -> None:
    """The applied call may have been overtaken by the unknown one."""
    ledger.admit([event()])
    call(ledger, "t1", CallResult.UNKNOWN)
    assert call(ledger, "t2", CallResult.APPLIED) == KEPT_IN_DOUBT
    granted(ledger)


def test_doubt_ends_by_an_applied_call_begun_after_the_late_one_can_arrive(backend: Backend) -> None:
    """Time alone does not end it, nor a call begun too early, nor one that failed."""
    ledger = backend.client()
    ledger.admit([event()])
    call(ledger, "t1", CallResult.UNKNOWN)
    backend.advance(LATE_CALL_SECONDS - 5)
    granted(ledger, under="early")
    backend.advance(10)
    assert settle(ledger, "early", CallResult.APPLIED) == KEPT_IN_DOUBT
    assert ledger.admit([event()]) == [ASSERT_DUPLICATE]
    assert call(ledger, "failed", CallResult.FAILED) == KEPT_IN_DOUBT
    assert call(ledger, "late", CallResult.APPLIED) == KEPT
    assert ledger.admit([event()]) == [Admitted(Admission.DUPLICATE)]
    assert isinstance(ledger.begin([(TASK, "t9")])[0], AlreadyApplied)


def test_a_lease_that_ran_out_frees_the_task_and_leaves_doubt(backend: Backend) -> None:
    """Its holder may have called just before it died."""
    ledger = backend.client()
    ledger.admit([event("e2", at=1)])
    granted(ledger, under="dead")
    assert ledger.admit([event("e1")]) == [Admitted(Admission.SUPERSEDED)]
    backend.advance(LEASE_SECONDS + 1)
    assert ledger.admit([event("e1")]) == [ASSERT_SUPERSEDED]
    assert call(ledger, "t2", CallResult.APPLIED) == KEPT_IN_DOUBT
    backend.advance(LATE_CALL_SECONDS)
    assert call(ledger, "t3", CallResult.APPLIED) == KEPT


def test_a_duplicate_is_asserted_only_when_the_lease_in_flight_has_run_out(backend: Backend) -> None:
    """A call in flight is no doubt about what was applied before it; one that ran out unsettled is."""
    ledger = backend.client()
    ledger.admit([event("e1")])
    call(ledger, "t1", CallResult.APPLIED)
    ledger.admit([event("e2", at=1)])
    granted(ledger, under="t2")
    assert ledger.admit([event("e1")]) == [Admitted(Admission.DUPLICATE)]
    backend.advance(LEASE_SECONDS)
    assert ledger.admit([event("e1")]) == [ASSERT_DUPLICATE]


@pytest.mark.parametrize(
    ("result", "doubt_seconds"),
    [(CallResult.APPLIED, 0.0), (CallResult.UNKNOWN, LATE_CALL_SECONDS)],
)
def test_settling_with_a_lost_lease_leaves_doubt(backend: Backend, result: CallResult, doubt_seconds: float) -> None:
    """Another call may have been made since; which of the two arrived last, nobody knows."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="slow")
    backend.advance(LEASE_SECONDS + LATE_CALL_SECONDS + 5)
    call(ledger, "t2", CallResult.APPLIED)
    assert call_is_not_needed(ledger)
    assert settle(ledger, "slow", result) == LOST_IN_DOUBT
    if doubt_seconds:
        backend.advance(doubt_seconds - 5)
        assert call(ledger, "t3", CallResult.APPLIED) == KEPT_IN_DOUBT
        backend.advance(6)
    assert call(ledger, "t4", CallResult.APPLIED) == KEPT


def call_is_not_needed(ledger: Ledger) -> bool:
    return isinstance(ledger.begin([(TASK, "unused")])[0], AlreadyApplied)


def test_a_failed_call_with_a_lost_lease_adds_no_doubt(backend: Backend) -> None:
    """It was not carried out; the doubt of its expire has been cleared."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="slow")
    backend.advance(LEASE_SECONDS + LATE_CALL_SECONDS + 5)
    call(ledger, "t2", CallResult.APPLIED)
    assert settle(ledger, "slow", CallResult.FAILED) == LOST


def test_doubt_outlives_the_stores_clock_being_set_back_by_its_own_length_only(backend: Backend) -> None:
    """And a call begun before the step does not end it by the old clock's count."""
    ledger = backend.client()
    ledger.admit([event()])
    call(ledger, "t1", CallResult.UNKNOWN)
    granted(ledger, under="t2")
    backend.advance(-86_400)
    assert settle(ledger, "t2", CallResult.APPLIED) == KEPT_IN_DOUBT
    backend.advance(LATE_CALL_SECONDS + 1)
    assert call(ledger, "t3", CallResult.APPLIED) == KEPT

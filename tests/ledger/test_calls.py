"""One call in flight per task, and what comes of it."""

import pytest

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.timing import LATE_CALL_SECONDS, LEASE_SECONDS
from snapshot_tuner.ledger.types import Admission, Admitted, AlreadyApplied, Busy, CallResult, Forgotten, Granted
from tests.ledger.backends import OTHER_TASK, TASK, Backend, event, granted
from tests.ledger.settling import KEPT, KEPT_IN_DOUBT, LOST, LOST_IN_DOUBT, call, settle


def test_a_task_that_nobody_admitted_is_forgotten(ledger: Ledger) -> None:
    """The store may have lost it since the event was admitted."""
    assert ledger.begin([(TASK, "t1")]) == [Forgotten()]
    assert settle(ledger, "t1", CallResult.APPLIED) == LOST


def test_a_second_call_for_a_task_is_busy_until_the_first_is_settled(backend: Backend) -> None:
    """Whoever asks, and however often."""
    one, two = backend.client(), backend.client()
    one.admit([event()])
    granted(one, under="t1")
    assert two.begin([(TASK, "t2")]) == [Busy()]
    assert one.begin([(TASK, "t3")]) == [Busy()]
    assert settle(one, "t1", CallResult.FAILED) == KEPT
    granted(two, under="t4")


def test_the_lease_holder_gets_the_newest_intent(backend: Backend) -> None:
    """Even where that is another event's, which then finds itself applied."""
    one, two = backend.client(), backend.client()
    one.admit([event("e1", at=1, interval=1)])
    two.admit([event("e2", at=2, interval=2)])
    assert granted(one, under="t1").intent.interval == 2
    assert settle(one, "t1", CallResult.APPLIED) == KEPT
    [begun] = two.begin([(TASK, "t2")])
    assert isinstance(begun, AlreadyApplied)
    assert (begun.intent.event_id, begun.intent.interval) == ("e2", 2)


def test_a_lease_lasts_from_before_it_was_asked_for(backend: Backend) -> None:
    """On the local monotonic clock, so that it ends here no later than in the store."""
    ledger = backend.client()
    ledger.admit([event()])
    before = backend.clock.monotonic()
    lease_until = granted(ledger).lease_until
    assert before + LEASE_SECONDS <= lease_until <= backend.clock.monotonic() + LEASE_SECONDS


def test_many_tasks_are_begun_and_settled_in_one_step(ledger: Ledger) -> None:
    """One answer for each, in their order."""
    ledger.admit([event("e1", interval=1), event("e2", task=OTHER_TASK, interval=2)])
    begun = ledger.begin([(OTHER_TASK, "t2"), (TASK, "t1"), (TASK, "t3")])
    assert [each.intent.interval if isinstance(each, Granted) else each for each in begun] == [2, 1, Busy()]
    ends = [(TASK, "t1", CallResult.UNKNOWN), (OTHER_TASK, "t2", CallResult.APPLIED), (TASK, "t3", CallResult.FAILED)]
    assert ledger.settle(ends) == [KEPT_IN_DOUBT, KEPT, LOST_IN_DOUBT]


def test_a_intent_that_came_during_the_call_is_still_to_be_applied(ledger: Ledger) -> None:
    """Settling marks the event whose interval was sent, no other."""
    ledger.admit([event("e1", at=1)])
    granted(ledger, under="t1")
    ledger.admit([event("e2", at=2)])
    settle(ledger, "t1", CallResult.APPLIED)
    assert [each.answer for each in ledger.admit([event("e1", at=1), event("e2", at=2)])] == [
        Admission.DUPLICATE,
        Admission.RETRY,
    ]
    assert granted(ledger).intent.event_id == "e2"


@pytest.mark.parametrize("change", [{"interval": 9}, {"business_id": "b2"}])
def test_an_event_retried_with_another_intent_during_its_call_needs_a_call(
    ledger: Ledger, change: dict[str, object]
) -> None:
    """A new policy may ask for another interval, or another business id, for the same event."""
    ledger.admit([event("e1", interval=5)])
    granted(ledger, under="t1")
    ledger.admit([event("e1", **{"interval": 5, **change})])  # type: ignore[arg-type] # named arguments of event
    settle(ledger, "t1", CallResult.APPLIED)
    intent = granted(ledger).intent
    assert (intent.interval, intent.business_id) == (change.get("interval", 5), change.get("business_id"))


@pytest.mark.parametrize("result", [CallResult.FAILED, CallResult.THROTTLED])
def test_a_call_that_failed_frees_the_task_and_marks_nothing(ledger: Ledger, result: CallResult) -> None:
    """The event's redelivery tries again."""
    ledger.admit([event()])
    assert call(ledger, "t1", result) == KEPT
    assert ledger.admit([event()]) == [Admitted(Admission.RETRY)]
    granted(ledger)


def test_an_event_settled_with_a_lost_lease_is_not_marked_applied(backend: Backend) -> None:
    """It comes back, and is called again."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="slow")
    backend.advance(LEASE_SECONDS + 1)
    settle(ledger, "slow", CallResult.APPLIED)
    assert ledger.admit([event()]) == [Admitted(Admission.RETRY)]


def test_begin_repeated_gives_the_same_lease_and_the_same_intent(backend: Backend) -> None:
    """Its first reply was lost. An intent admitted in between is not the one that is sent and settled."""
    ledger = backend.client()
    ledger.admit([event("e1", at=1)])
    first = granted(ledger, under="t1")
    backend.client().admit([event("e2", at=2)])
    assert granted(ledger, under="t1").intent == first.intent
    settle(ledger, "t1", CallResult.APPLIED)
    assert [each.answer for each in ledger.admit([event("e1", at=1), event("e2", at=2)])] == [
        Admission.DUPLICATE,
        Admission.RETRY,
    ]


def test_begin_repeated_does_not_make_the_lease_longer(backend: Backend) -> None:
    """Its holder counts from the first time."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    backend.advance(LEASE_SECONDS - 5)
    granted(ledger, under="t1")
    backend.advance(6)
    granted(ledger, under="t2")


def test_begin_that_arrives_after_its_call_was_settled_takes_no_lease(ledger: Ledger) -> None:
    """The network may deliver a repeated request late; nobody would settle its lease."""
    ledger.admit([event()])
    call(ledger, "t1", CallResult.FAILED)
    assert ledger.begin([(TASK, "t1")]) == [Busy()]
    granted(ledger, under="t2")


@pytest.mark.parametrize("result", list(CallResult))
def test_settle_repeated_gives_the_same_answer_and_changes_nothing(backend: Backend, result: CallResult) -> None:
    """Its first reply was lost; a doubt does not get longer by it."""
    ledger = backend.client()
    ledger.admit([event()])
    first = call(ledger, "t1", result)
    backend.advance(10)
    assert settle(ledger, "t1", result) == first
    backend.advance(LATE_CALL_SECONDS - 9)
    if result is not CallResult.APPLIED:
        assert call(ledger, "t2", CallResult.APPLIED) == KEPT
    assert ledger.admit([event()]) == [Admitted(Admission.DUPLICATE)]


def test_admit_repeated_makes_new_events_retries_and_keeps_their_order(ledger: Ledger) -> None:
    """Its first reply was lost: both answers mean that a call is needed, and the newest leads again."""
    batch = [event("e1", at=1), event("e2", at=2)]
    assert [each.answer for each in ledger.admit(batch)] == [Admission.NEW, Admission.NEW]
    assert [each.answer for each in ledger.admit(batch)] == [Admission.SUPERSEDED, Admission.RETRY]
    assert granted(ledger).intent.event_id == "e2"


@pytest.mark.parametrize("days", [0.0003, 1])
def test_a_lease_outlives_the_stores_clock_being_set_back_by_its_own_length_only(backend: Backend, days: float) -> None:
    """Nobody waits for the difference, and nobody calls beside the lease while it may be in use."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    backend.advance(-days * 86_400)
    assert ledger.begin([(TASK, "t2")]) == [Busy()]
    backend.advance(LEASE_SECONDS - 5)
    assert ledger.begin([(TASK, "t2")]) == [Busy()]
    backend.advance(6)
    granted(ledger, under="t2")

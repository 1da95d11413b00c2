"""What is remembered, for how long, and whose it is."""

import pytest

from snapshot_tuner.errors import LedgerMismatch
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, CallResult, Forgotten
from snapshot_tuner.model import Adjustment, Order
from tests.ledger.backends import OTHER_TASK, TASK, Backend, event, granted, limits, token

SHORT = limits(idempotency_ttl=1000, task_ttl=5000, max_clock_skew=10)


def answer(ledger: Ledger, adjustment: Adjustment) -> Admission:
    [admitted] = ledger.admit([adjustment])
    return admitted.answer


def apply(ledger: Ledger) -> None:
    under = token()
    granted(ledger, under=under)
    ledger.settle([(TASK, under, CallResult.APPLIED)])


def test_an_event_is_remembered_from_its_last_delivery_on(backend: Backend) -> None:
    """A sender that still retries is still known."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1", at=-5)])
    apply(ledger)
    ledger.admit([event("e2")])
    for _ in range(3):
        backend.advance(600)
        assert answer(ledger, event("e1", at=-5)) is Admission.DUPLICATE


def test_an_expired_event_is_still_known_by_the_task_that_it_was_applied_to(backend: Backend) -> None:
    """The key is forgotten, the order key of the applied intent is not."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1")])
    apply(ledger)
    backend.advance(1001)
    assert answer(ledger, event("e1")) is Admission.DUPLICATE
    ledger.admit([event("e2", at=1)])
    assert answer(ledger, event("e1")) is Admission.DUPLICATE


def test_an_expired_event_that_was_not_applied_is_a_retry_of_the_tasks_newest_intent(backend: Backend) -> None:
    """Equal order keys are the same event."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1")])
    backend.advance(1001)
    assert answer(ledger, event("e1", interval=9)) is Admission.RETRY
    assert granted(ledger).intent.interval == 9


def test_an_expired_event_is_superseded_by_what_the_task_remembers(backend: Backend) -> None:
    """A very late duplicate cannot undo a newer event."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1"), event("e2", at=1)])
    apply(ledger)
    backend.advance(1001)
    assert answer(ledger, event("e1")) is Admission.SUPERSEDED


def test_a_task_is_forgotten_after_its_time(backend: Backend) -> None:
    """Memory is bounded; nothing of it is left to begin."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1")])
    backend.advance(5000 + 10 + 1)
    assert ledger.begin([(TASK, token())]) == [Forgotten()]


def test_calls_do_not_make_a_task_live_longer(backend: Backend) -> None:
    """Its events do; begin and settle keep the end that was set."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1")])
    backend.advance(3000)
    apply(ledger)
    assert isinstance(ledger.begin([(TASK, token())])[0], AlreadyApplied)
    backend.advance(2000 + 10 + 1)
    assert ledger.begin([(TASK, token())]) == [Forgotten()]


def test_any_event_makes_a_task_live_longer(backend: Backend) -> None:
    """Also one that changes nothing."""
    ledger = backend.client(SHORT)
    ledger.admit([event("e1", at=1)])
    backend.advance(3000)
    assert answer(ledger, event("e0")) is Admission.SUPERSEDED
    backend.advance(3000)
    granted(ledger)


def test_a_task_outlives_an_event_that_is_ahead(backend: Backend) -> None:
    """Its end counts from the event's time: until then older events are not rejected by their age."""
    ledger = backend.client(limits(task_ttl=5000, idempotency_ttl=1000, max_clock_skew=300))
    ledger.admit([event("e1", at=290)])
    backend.advance(5000 + 60)
    granted(ledger)


def test_tasks_events_and_budgets_of_two_namespaces_never_meet(backend: Backend) -> None:
    """One per Volcengine account."""
    one, two = backend.client(namespace=token()), backend.client(namespace=token())
    one.admit([event("e2", at=1)])
    assert answer(two, event("e1")) is Admission.NEW
    assert answer(two, event("e2", at=1, payload="other")) is Admission.NEW
    granted(one)
    granted(two)


def test_a_namespace_belongs_to_one_order_of_events(backend: Backend) -> None:
    """Order keys of two kinds cannot be compared: the error names the way out, and nothing has changed."""
    namespace = token()
    by_time = backend.client(namespace=namespace)
    by_sequence = backend.client(limits(order=Order.SEQUENCE), namespace)
    by_time.admit([event("e1")])
    with pytest.raises(LedgerMismatch) as caught:
        by_sequence.admit([event("e2", sequence=1)])
    assert str(caught.value) == (
        f"policy: order is sequence, but the ledger's namespace '{namespace}' holds tasks by time; "
        "set LEDGER_NAMESPACE to a new name"
    )
    assert granted(by_time).intent.event_id == "e1"


def test_a_namespace_that_remembers_no_task_takes_any_order(backend: Backend) -> None:
    """After the last task has expired, the policy may change its order."""
    backend.client(SHORT).admit([event("e1")])
    backend.advance(5000 + 10 + 1)
    by_sequence = backend.client(limits(order=Order.SEQUENCE))
    assert answer(by_sequence, event("e2", sequence=1)) is Admission.NEW


def test_rejected_events_do_not_decide_the_order(backend: Backend) -> None:
    """They are not remembered."""
    assert answer(backend.client(), event("e1", at=1000)) is Admission.REJECTED
    by_sequence = backend.client(limits(order=Order.SEQUENCE))
    assert answer(by_sequence, event("e2", sequence=1)) is Admission.NEW


def test_a_ledger_that_was_closed_opens_again(backend: Backend) -> None:
    """Nothing is lost by it."""
    ledger = backend.client()
    ledger.admit([event("e1")])
    ledger.close()
    ledger.close()
    assert answer(ledger, event("e1")) is Admission.RETRY


def test_ids_of_any_kind_are_kept_apart(ledger: Ledger) -> None:
    """Names that only differ in where one part ends are different tasks and events."""
    pairs = [("a", "b"), ("a:b", ""), ("a", "b:"), ("\u2603", "\U0001f600"), ("a b", "c\td")]
    batch = [event(event_id, source=source, at=at) for at, (event_id, source) in enumerate(pairs)]
    assert [each.answer for each in ledger.admit(batch)] == [Admission.NEW] * len(pairs)
    intent = granted(ledger).intent
    assert (intent.event_id, intent.event_source) == pairs[-1]
    assert answer(ledger, event("e1", task=OTHER_TASK)) is Admission.NEW

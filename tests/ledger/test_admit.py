"""What `admit` answers, event by event."""

import pytest

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Admission, Admitted, CallResult
from snapshot_tuner.model import Adjustment, Order
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, Backend, event, granted, limits, token

NEW, RETRY = Admitted(Admission.NEW), Admitted(Admission.RETRY)
DUPLICATE, SUPERSEDED = Admitted(Admission.DUPLICATE), Admitted(Admission.SUPERSEDED)


def apply(ledger: Ledger) -> None:
    """Make the call that the task needs."""
    under = token()
    granted(ledger, under=under)
    [settlement] = ledger.settle([(TASK, under, CallResult.APPLIED)])
    assert settlement.kept


def test_a_first_event_is_new_and_becomes_what_the_task_should_be(ledger: Ledger) -> None:
    """Every field of the event's intent comes back with the right to call."""
    assert ledger.admit([event("e1", interval=7, business_id="b1")]) == [NEW]
    intent = granted(ledger).intent
    assert (intent.event_id, intent.event_source, intent.interval, intent.business_id, intent.rule) == (
        "e1",
        "/source",
        7,
        "b1",
        "rule",
    )
    assert intent.order_key.encode() == event("e1").order_key


def test_a_known_event_that_was_not_applied_is_a_retry(ledger: Ledger) -> None:
    """Whoever admitted it first may have crashed: go on."""
    ledger.admit([event("e1")])
    assert ledger.admit([event("e1")]) == [RETRY]


def test_a_retry_brings_the_current_interval(ledger: Ledger) -> None:
    """The policy may have changed since the first admission."""
    ledger.admit([event("e1", interval=5)])
    ledger.admit([event("e1", interval=9)])
    assert granted(ledger).intent.interval == 9


def test_an_applied_event_is_a_duplicate(ledger: Ledger) -> None:
    """Its interval was sent and confirmed: nothing is to be done."""
    ledger.admit([event("e1")])
    apply(ledger)
    assert ledger.admit([event("e1")]) == [DUPLICATE]


def test_an_applied_event_stays_a_duplicate_after_newer_ones(ledger: Ledger) -> None:
    """What was applied is remembered by the event, not only by the task."""
    ledger.admit([event("e1")])
    apply(ledger)
    ledger.admit([event("e2", at=1)])
    assert ledger.admit([event("e1"), event("e2", at=1)]) == [DUPLICATE, RETRY]


def test_an_older_event_is_superseded_by_a_newer_one(ledger: Ledger) -> None:
    """Even where the newer one has not been applied yet, and also when it comes again."""
    ledger.admit([event("e2", at=1, interval=2)])
    assert ledger.admit([event("e1", at=0, interval=1)]) == [SUPERSEDED]
    assert ledger.admit([event("e1", at=0, interval=1)]) == [SUPERSEDED]
    assert granted(ledger).intent.event_id == "e2"


def test_a_known_event_is_superseded_once_a_newer_one_is_there(ledger: Ledger) -> None:
    """A retry does not push the newer intent aside."""
    assert ledger.admit([event("e1", at=0)]) == [NEW]
    assert ledger.admit([event("e2", at=1)]) == [NEW]
    assert ledger.admit([event("e1", at=0)]) == [SUPERSEDED]


def test_a_batch_is_taken_in_its_order(ledger: Ledger) -> None:
    """Each adjustment meets the state that the one before it left."""
    batch = [event("e1"), event("e1"), event("e3", at=3), event("e2", at=2), event("e1", task=OTHER_TASK)]
    assert ledger.admit(batch) == [NEW, RETRY, NEW, SUPERSEDED, NEW]


def test_an_empty_batch_has_no_answers(ledger: Ledger) -> None:
    """Nothing in, nothing out."""
    assert ledger.admit([]) == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (event("e1", at=0), event("e0", at=0.000001)),
        (event("e1"), event("e2")),
        (event("e10"), event("e2")),
        (event("E2"), event("e1")),
        (event("ez"), event("eä")),
        (event("e\U0001f600"), event("e\U0001f600a")),
        (event("e\uffff"), event("e\U00010000")),
        (event("e1", source="/a"), event("e1", source="/b")),
        (event("e1", source="/b"), event("e1a", source="/a")),
    ],
    ids=["time", "id", "id-as-text", "id-by-case", "umlaut", "prefix", "beyond-bmp", "source", "id-before-source"],
)
def test_order_is_by_time_then_id_then_source_as_bytes(ledger: Ledger, older: Adjustment, newer: Adjustment) -> None:
    """Not by any locale, nor by UTF-16 units; and the same whichever comes first."""
    assert older.order_key < newer.order_key
    assert ledger.admit([newer, older]) == [NEW, SUPERSEDED]
    assert granted(ledger).intent.event_id == newer.signal.id


@pytest.mark.parametrize(("older", "newer"), [(2, 10), (10**38, 10**38 + 1), (2**127, 2**128 - 1)])
def test_order_is_by_sequence_where_the_policy_says_so(backend: Backend, older: int, newer: int) -> None:
    """As an integer of any length, whatever the times say."""
    ledger = backend.client(limits(order=Order.SEQUENCE))
    batch = [event("e1", at=0, sequence=newer), event("e2", at=5, sequence=older)]
    assert ledger.admit(batch) == [NEW, SUPERSEDED]


def test_a_retry_keeps_the_order_key_of_its_first_admission(ledger: Ledger) -> None:
    """A time that stands in for a missing one is another at each delivery; the event does not get newer by it."""
    assert ledger.admit([event("e1", at=0, own_time=False)]) == [NEW]
    assert ledger.admit([event("e2", at=1)]) == [NEW]
    assert ledger.admit([event("e1", at=2, own_time=False)]) == [SUPERSEDED]
    assert granted(ledger).intent.event_id == "e2"


def test_a_retry_with_another_substituted_time_is_applied_as_the_event_it_is(ledger: Ledger) -> None:
    """Its intent carries the first order key, so that it is a duplicate afterwards."""
    ledger.admit([event("e1", at=0, own_time=False)])
    assert ledger.admit([event("e1", at=2, own_time=False)]) == [RETRY]
    assert granted(ledger, under="t1").intent.order_key.encode() == event("e1", at=0).order_key
    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    assert ledger.admit([event("e1", at=3, own_time=False)]) == [DUPLICATE]


@pytest.mark.parametrize("other", [event("e1", payload="other"), event("e1", at=1)], ids=["payload", "own-time"])
def test_a_known_id_with_another_payload_is_a_conflict(ledger: Ledger, other: Adjustment) -> None:
    """A time that the event carries itself is part of its payload; the task stays as it was."""
    ledger.admit([event("e1")])
    assert ledger.admit([other]) == [Admitted(Admission.CONFLICT, "id: already used with another payload")]
    assert granted(ledger).intent.order_key.encode() == event("e1").order_key


def test_the_same_id_of_another_source_or_task_is_another_event(ledger: Ledger) -> None:
    """The idempotency key is (source, id) per task."""
    ledger.admit([event("e1")])
    others = [event("e1", source="/source2", payload="other"), event("e1", task=OTHER_TASK, payload="other")]
    assert ledger.admit(others) == [NEW, NEW]


def test_an_event_too_far_ahead_is_rejected_with_its_lead(ledger: Ledger) -> None:
    """Otherwise one wrong clock would supersede everything for years."""
    [answer] = ledger.admit([event("e1", at=1000)])
    assert answer.answer is Admission.REJECTED
    assert answer.reason in {f"time: {seconds} s in the future" for seconds in range(900, 1001)}


def test_an_event_a_little_ahead_is_taken(ledger: Ledger) -> None:
    """Clocks differ."""
    assert ledger.admit([event("e1", at=290)]) == [NEW]


def test_an_event_older_than_the_task_memory_is_rejected_with_its_age(ledger: Ledger) -> None:
    """A newer one may have been forgotten."""
    [answer] = ledger.admit([event("e1", at=-LIMITS.task_ttl - 10)])
    assert answer.answer is Admission.REJECTED
    assert answer.reason in {
        f"time: {LIMITS.task_ttl + seconds} s ago, older than the task memory" for seconds in range(10, 120)
    }


def test_a_rejected_event_leaves_its_neighbours_and_the_task_alone(ledger: Ledger) -> None:
    """It is not remembered either."""
    answers = ledger.admit([event("e1", at=1000), event("e2"), event("e1", at=0)])
    assert [answer.answer for answer in answers] == [Admission.REJECTED, Admission.NEW, Admission.SUPERSEDED]


def test_a_batch_larger_than_one_portion_is_answered_in_order(ledger: Ledger) -> None:
    """2,001 events of one task, the newest first: one is new, the rest are superseded."""
    batch = [event(f"e{index:04d}", at=-index) for index in range(2001)]
    assert ledger.admit(batch) == [NEW, *[SUPERSEDED] * 2000]


def test_an_answer_says_whether_the_interval_becomes_shorter(backend: Backend) -> None:
    """Than what a call has confirmed; of a task that never had one, than the provider's 2 s."""
    ledger = backend.client()
    answers = ledger.admit([event("e1", interval=1), event("e2", task=OTHER_TASK, interval=2)])
    assert answers == [Admitted(Admission.NEW, shortens=True), Admitted(Admission.NEW)]
    assert ledger.admit([event("e1", interval=1)]) == [Admitted(Admission.RETRY, shortens=True)]
    under = token()
    granted(ledger, OTHER_TASK, under)
    ledger.settle([(OTHER_TASK, under, CallResult.APPLIED)])
    longer, shorter = (event(f"e{at}", at=at, task=OTHER_TASK, interval=interval) for at, interval in ((3, 60), (4, 1)))
    assert ledger.admit([longer, shorter]) == [Admitted(Admission.NEW), Admitted(Admission.NEW, shortens=True)]

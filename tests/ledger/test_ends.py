"""Promise: an event ends what older events have asked for, at once, and whenever these come; on every backend."""

from snapshot_tuner.ledger.timing import TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import OPEN_MOST, Admission, Admitted, AlreadyApplied, CallResult, Forgotten
from snapshot_tuner.model import Adjustment
from tests.ledger.backends import OTHER_TASK, TASK, token
from tests.ledger.frozen import Bench, wanted

NEW, RETRY, DUPLICATE, HELD = Admission.NEW, Admission.RETRY, Admission.DUPLICATE, Admission.HELD
DEFERRED, SUPERSEDED = Admission.DEFERRED, Admission.SUPERSEDED


def alert(at: float, *, interval: int = 1, rule: str = "alert", default: int | None = 30) -> Adjustment:
    """For ten minutes."""
    return wanted(interval, at=at, rule=rule, lasts=600, default=default)


def resolved(at: float, *rules: str, name: str | None = None) -> Adjustment:
    return wanted(0, at=at, rule="resolved", ends=rules or ("alert",), name=name)


def known(bench: Bench, base: int = 5) -> None:
    """A task that has had a base and its call."""
    bench.take(wanted(base, at=-1000))
    bench.call()


def test_what_was_open_is_over_at_once_and_the_base_is_in_effect(bench: Bench) -> None:
    known(bench)
    bench.take(alert(0))
    assert bench.call() == 1
    bench.clock.seconds = 20
    assert bench.take(resolved(20)).answer is NEW
    assert bench.call() == 5
    assert bench.ledger.claim_due(10) == []
    assert bench.effective_at(700) == 5


def test_the_next_one_that_is_open_holds(bench: Bench) -> None:
    """Until it ends itself, or is ended; only the named rules are."""
    known(bench)
    bench.take(alert(0))
    bench.take(alert(1, interval=3, rule="load"))
    bench.clock.seconds = 20
    assert bench.take(resolved(20)).answer is NEW
    assert bench.call() == 3
    assert bench.take(resolved(20, "load", name="all clear")).answer is NEW
    assert bench.call() == 5


def test_one_event_ends_what_several_rules_asked_for(bench: Bench) -> None:
    bench.take(alert(0))
    bench.take(alert(1, interval=3, rule="load", default=None))
    bench.clock.seconds = 20
    assert bench.take(resolved(20, "alert", "load")).answer is NEW
    assert bench.call() == 30


def test_what_comes_then_comes_at_once(bench: Bench) -> None:
    """`then` where the rule has one, as at its own end."""
    known(bench, 60)
    bench.take(wanted(1, at=0, rule="alert", lasts=600, then=9))
    bench.clock.seconds = 20
    assert bench.take(resolved(20)).answer is NEW
    assert bench.call() == 9
    assert bench.state().base == bench.state().desired


def test_an_older_event_that_comes_later_is_over_when_it_comes(bench: Bench) -> None:
    """Also one that is repeated, or tried again; with nothing else, its default is in effect."""
    known(bench)
    bench.clock.seconds = 20
    assert bench.take(resolved(20)) == Admitted(HELD, "there is nothing to end")
    late = alert(10)
    assert bench.take(late) == Admitted(SUPERSEDED)
    assert bench.take(late) == Admitted(SUPERSEDED)
    assert bench.effective_at(21) == 5
    bench.take(resolved(20)._replace(task=OTHER_TASK))
    assert bench.take(alert(10)._replace(task=OTHER_TASK)).answer is NEW
    assert bench.call(task=OTHER_TASK) == 30


def test_a_retry_does_not_open_again_what_has_ended(bench: Bench) -> None:
    known(bench)
    first = alert(0)
    assert bench.take(first).answer is NEW
    bench.call(CallResult.FAILED)
    bench.clock.seconds = 20
    bench.take(resolved(20))
    assert bench.take(first).answer is SUPERSEDED
    assert bench.effective_at(21) == 5


def test_a_late_end_does_not_end_what_came_after_it(bench: Bench) -> None:
    known(bench)
    bench.clock.seconds = 20
    bench.take(alert(10))
    assert bench.call() == 1
    assert bench.take(resolved(5)).answer is HELD
    assert bench.effective_at(20) == 1
    assert bench.take(resolved(15)).answer is NEW
    assert bench.take(resolved(12, name="late")) == Admitted(SUPERSEDED)
    assert bench.call() == 5
    assert bench.take(alert(16)).answer is NEW
    assert bench.call() == 1


def test_what_ends_while_something_else_is_in_effect_is_deferred(bench: Bench) -> None:
    """Recorded, and no call is needed; a redelivery is a duplicate."""
    bench.take(alert(0))
    bench.take(alert(0, interval=3, rule="load"))
    bench.call()
    bench.clock.seconds = 20
    assert bench.take(resolved(20, "load")).answer is DEFERRED
    assert bench.take(resolved(20, "load")).answer is DUPLICATE
    assert isinstance(bench.ledger.begin([(TASK, token())])[0], AlreadyApplied)
    assert bench.effective_at(600) == 30


def test_its_call_is_tried_again_until_it_is_made(bench: Bench) -> None:
    """By its source, and by the reconciler, which finds it due at once."""
    known(bench)
    bench.take(alert(0))
    bench.call()
    bench.clock.seconds = 20
    end = resolved(20)
    assert bench.take(end).answer is NEW
    assert bench.call(CallResult.FAILED) == 5
    assert bench.take(end).answer is RETRY
    bench.clock.seconds += TRY_AGAIN_SECONDS
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 5
    assert bench.take(end).answer is DUPLICATE


def test_nobody_s_task_gets_a_record_that_asks_for_nothing(bench: Bench) -> None:
    """No call, no reading back; the first event that asks for something is the first."""
    end = resolved(0)
    assert bench.take(end) == Admitted(HELD, "there is nothing to end")
    state = bench.state()
    assert state.asks_nothing
    assert (state.applied, state.base) == (None, None)
    assert bench.ledger.begin([(TASK, token())]) == [Forgotten()]
    assert bench.take(end).answer is DUPLICATE
    bench.clock.seconds = 10**6
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds = 1
    assert bench.take(wanted(1, at=-10, rule="alert", lasts=600)) == Admitted(SUPERSEDED)
    assert bench.state().asks_nothing
    assert bench.take(wanted(7, at=-20)).answer is NEW
    assert bench.call() == 7
    assert bench.state().open == ()
    assert bench.take(alert(-5)).answer is SUPERSEDED


def test_with_an_interval_of_its_own_the_end_is_immediate_and_the_interval_waits(bench: Bench) -> None:
    """For its stabilization window, which counts from when anybody asked for less."""
    bench.take(wanted(10, at=-1000))
    bench.take(alert(0))
    bench.call()
    bench.clock.seconds = 20
    calm = wanted(30, at=20, rule="calm", ends=("alert",), lengthen_after=60)
    assert bench.take(calm).answer is NEW
    assert bench.call() == 10
    assert [bench.effective_at(at) for at in (59, 60)] == [10, 30]


def test_with_an_interval_of_its_own_that_is_in_effect_without_a_window(bench: Bench) -> None:
    bench.take(alert(0))
    bench.call()
    bench.clock.seconds = 20
    assert bench.take(wanted(40, at=20, rule="calm", ends=("alert",))).answer is NEW
    assert bench.call() == 40
    assert bench.take(alert(10)).answer is SUPERSEDED


def test_with_an_interval_of_its_own_that_is_superseded_it_ends_all_the_same(bench: Bench) -> None:
    """By a newer one that the adjustment had kept waiting."""
    bench.take(alert(0))
    bench.call()
    bench.clock.seconds = 20
    assert bench.take(wanted(7, at=20)).answer is DEFERRED
    assert bench.take(wanted(40, at=15, rule="calm", ends=("alert",))).answer is NEW
    assert bench.call() == 7


def test_an_event_of_the_future_ends_at_once(bench: Bench) -> None:
    """Clocks differ; what is older than it stays ended."""
    known(bench)
    bench.take(alert(100))
    assert bench.call() == 1
    assert bench.take(resolved(200)).answer is NEW
    assert bench.call() == 5
    assert bench.effective_at(300) == 5


def test_of_one_task_no_more_ends_are_remembered_than_a_policy_can_have(bench: Bench) -> None:
    """The oldest gives way."""
    for number in range(OPEN_MOST + 1):
        bench.take(resolved(-100 + number, f"r{number}"))
    assert [end.rule for end in bench.state().ends] == [f"r{number}" for number in range(1, OPEN_MOST + 1)]

"""What a task should be now, on every backend: adjustments that end, longer intervals that wait, calls saved."""

from dataclasses import replace
from datetime import UTC, datetime

from snapshot_tuner.ledger.timing import LEASE_SECONDS, SOURCE_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import OPEN_MOST, Admission, Admitted, AlreadyApplied, CallResult, Granted
from tests.ledger import backends
from tests.ledger.backends import OTHER_TASK, TASK, ValkeyBackend, event, granted, limits, token
from tests.ledger.frozen import Bench, wanted


def test_a_time_bound_adjustment_ends_and_the_base_is_in_effect_again(bench: Bench) -> None:
    """At its end, counted from the event's time, not from its delivery."""
    bench.take(wanted(5, at=-10))
    bench.call()
    assert bench.take(wanted(1, at=-2, rule="alert", lasts=60)).answer is Admission.NEW
    assert bench.call() == 1
    assert bench.effective_at(57.9) == 1
    assert bench.effective_at(58) == 5
    assert bench.call() == 5


def test_of_several_open_ones_the_shortest_is_in_effect_then_the_next_then_the_base(bench: Bench) -> None:
    bench.take(wanted(60, at=-10))
    assert bench.take(wanted(3, at=0, rule="b", lasts=200)).answer is Admission.NEW
    assert bench.take(wanted(1, at=1 - 2, rule="a", lasts=100)).answer is Admission.NEW
    assert bench.take(wanted(10, at=0, rule="c", lasts=300)).answer is Admission.DEFERRED
    assert [bench.effective_at(at) for at in (0, 98, 99, 199, 200, 299, 300)] == [1, 1, 3, 3, 10, 10, 60]


def test_then_becomes_the_base_unless_that_is_newer(bench: Bench) -> None:
    """A base event after the alert is the newer one, whenever it is delivered."""
    bench.take(wanted(60, at=-10))
    bench.take(wanted(1, at=-5, rule="alert", lasts=20, then=5))
    assert bench.effective_at(15) == 5
    assert bench.take(wanted(30, at=-7)).answer is Admission.SUPERSEDED
    assert bench.take(wanted(30, at=-4)).answer is Admission.NEW
    assert bench.effective_at(1000) == 30


def test_a_later_event_of_the_same_rule_renews(bench: Bench) -> None:
    """And an earlier one that comes late does not; nor does it when all is over."""
    bench.take(wanted(60, at=-10))
    bench.take(wanted(1, at=-5, rule="alert", lasts=20))
    bench.clock.seconds = 10
    assert bench.take(wanted(1, at=8, rule="alert", lasts=20)).answer is Admission.NEW
    assert bench.take(wanted(1, at=7, rule="alert", lasts=20)).answer is Admission.SUPERSEDED
    assert bench.effective_at(27) == 1
    assert bench.effective_at(28) == 60
    assert bench.take(wanted(1, at=7.5, rule="alert", lasts=20)).answer is Admission.SUPERSEDED


def test_an_event_whose_time_is_over_is_superseded_but_its_then_counts(bench: Bench) -> None:
    bench.take(wanted(60, at=-100))
    over = bench.take(wanted(1, at=-30, rule="alert", lasts=20))
    assert over == Admitted(Admission.SUPERSEDED, "its time is over")
    assert bench.effective_at(0) == 60
    assert bench.take(wanted(1, at=-30, rule="other", lasts=20, then=7)).answer is Admission.NEW
    assert bench.effective_at(0) == 7


def test_nothing_is_known_of_a_task_whose_only_event_is_over(bench: Bench) -> None:
    assert bench.take(wanted(1, at=-30, rule="alert", lasts=20)).answer is Admission.SUPERSEDED
    assert bench.ledger.get(TASK) is None
    assert bench.take(wanted(1, at=-29, rule="alert", lasts=20, then=7)).answer is Admission.NEW
    assert bench.call() == 7


def test_without_a_base_a_task_stays_as_it_is(bench: Bench) -> None:
    """Nobody knows what it was before; no call is due for it either."""
    bench.take(wanted(1, at=0, rule="alert", lasts=20))
    bench.call()
    assert bench.effective_at(30) == 1
    assert bench.ledger.begin([(TASK, token())]) == [AlreadyApplied(bench.state().desired)]


def test_an_event_that_waits_is_answered_with_what_is_in_effect_and_until_when(bench: Bench) -> None:
    """It is durable, so that its redelivery is a duplicate."""
    bench.take(wanted(1, at=0, rule="alert", lasts=600))
    answer = bench.take(wanted(5, at=1, name="calm"))
    assert answer.answer is Admission.DEFERRED
    assert answer.reason.startswith("rule alert keeps the task at 1 s until 20")
    assert bench.take(wanted(5, at=1, name="calm")) == Admitted(Admission.DUPLICATE)


def test_who_asks_for_the_same_interval_makes_a_longer_one_wait_no_longer(bench: Bench) -> None:
    """The stabilization window counts from the last event that asked for less."""
    bench.take(wanted(5, at=0, rule="a", lasts=1000))
    bench.take(wanted(20, at=30, rule="b", lasts=1000))
    bench.clock.seconds = 40
    assert bench.take(wanted(20, at=40, rule="a", lasts=1000, lengthen_after=60)).answer is Admission.DEFERRED
    assert [bench.effective_at(at) for at in (59.9, 60)] == [5, 20]


def test_of_one_task_no_more_rules_are_remembered_than_a_policy_can_have(bench: Bench) -> None:
    """The one that ends first gives way."""
    for number in range(OPEN_MOST + 1):
        bench.take(wanted(10 + number, at=0, rule=f"r{number}", lasts=100 + number))
    assert [intent.rule for intent in bench.state().open] == [f"r{number}" for number in range(1, OPEN_MOST + 1)]


def test_a_retry_keeps_the_time_at_which_it_was_first_asked(bench: Bench) -> None:
    """A substituted time does not prolong it."""
    bench.take(wanted(60, at=-10))
    bench.take(wanted(1, at=0, rule="alert", lasts=20, name="e"))
    bench.clock.seconds = 10
    bench.take(wanted(1, at=0, rule="alert", lasts=20, name="e"))
    assert bench.effective_at(20) == 60


def test_shortening_is_immediate_and_lengthening_waits(bench: Bench) -> None:
    """Until nobody has asked for less for so long; what was asked for last takes effect."""
    bench.take(wanted(1, at=0))
    bench.call()
    bench.clock.seconds = 20
    assert bench.take(wanted(3, at=20, lengthen_after=60)).answer is Admission.DEFERRED
    bench.clock.seconds = 30
    assert bench.take(wanted(10, at=30, lengthen_after=60)).answer is Admission.DEFERRED
    assert bench.effective_at(79.9) == 1
    assert bench.effective_at(80) == 10
    assert bench.take(wanted(2, at=80, lengthen_after=60)).answer is Admission.NEW
    assert bench.effective_at(80) == 2


def test_lengthening_does_not_wait_where_nobody_asked_for_less_of_late(bench: Bench) -> None:
    bench.take(wanted(1, at=-100))
    assert bench.take(wanted(5, at=0, lengthen_after=60)).answer is Admission.NEW


def test_asking_for_less_again_starts_the_waiting_anew(bench: Bench) -> None:
    bench.take(wanted(1, at=0))
    bench.take(wanted(5, at=0.5, lengthen_after=60))
    bench.clock.seconds = 50
    assert bench.take(wanted(1, at=50)).answer is Admission.NEW
    bench.take(wanted(5, at=50.5, lengthen_after=60))
    assert bench.effective_at(109) == 1
    assert bench.effective_at(110) == 5


def test_an_unchanged_interval_saves_the_call_for_a_while_only(bench: Bench) -> None:
    """Where the task is in doubt, or was called too long ago, the call is made."""
    bench.take(wanted(5, at=0))
    bench.call()
    bench.clock.seconds = 100
    bench.take(wanted(5, at=100, skip=100))
    [begun] = bench.ledger.begin([(TASK, token())])
    assert begun == AlreadyApplied(bench.state().desired, unchanged=True)
    assert bench.state().applied == bench.state().desired
    bench.take(wanted(6, at=100.5, skip=100))
    assert bench.call() == 6
    bench.clock.seconds = 300
    bench.take(wanted(6, at=300, skip=100))
    assert bench.call(CallResult.UNKNOWN) == 6
    bench.take(wanted(6, at=301, skip=100))
    assert bench.call() == 6


# What is due without an event.


def test_a_task_at_rest_is_not_due(bench: Bench) -> None:
    """Nor is one whose event is still with its source."""
    bench.take(wanted(5, at=0))
    bench.take(wanted(5, at=0, task=OTHER_TASK))
    bench.call()
    bench.clock.seconds = SOURCE_SECONDS - 1
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds = SOURCE_SECONDS
    assert bench.ledger.claim_due(10) == [OTHER_TASK]


def test_a_task_is_due_when_an_adjustment_ends_and_is_claimed_once(bench: Bench) -> None:
    """A reconciler that dies leaves it to the next one; a call that is made takes it away."""
    bench.take(wanted(5, at=-1))
    bench.call()
    bench.take(wanted(1, at=0, rule="alert", lasts=60))
    bench.call()
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds = 60
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds += TRY_AGAIN_SECONDS
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 5
    bench.clock.seconds += 10_000
    assert bench.ledger.claim_due(10) == []


def test_a_claim_stands_whatever_events_come_meanwhile(bench: Bench) -> None:
    """Those that change nothing; one that is taken is its source's business, and the claim goes."""
    bench.take(wanted(5, at=-1))
    bench.call()
    bench.take(wanted(1, at=0, rule="alert", lasts=60))
    bench.call()
    bench.clock.seconds = 60
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds = 61
    assert bench.take(wanted(9, at=-2)).answer is Admission.SUPERSEDED
    assert bench.take(wanted(5, at=-1)).answer is Admission.DUPLICATE
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds = 62
    assert bench.take(wanted(9, at=62)).answer is Admission.NEW
    bench.clock.seconds = 60 + TRY_AGAIN_SECONDS
    assert bench.ledger.claim_due(10) == []
    assert bench.call() == 9


def test_a_doubt_is_due_when_no_call_can_arrive_any_more(bench: Bench) -> None:
    """And so is a lease that nobody settled."""
    bench.take(wanted(5, at=-1))
    bench.call(CallResult.UNKNOWN)
    bench.clock.seconds = 14.9
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds = 15
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds = 15.1
    assert isinstance(bench.ledger.begin([(TASK, token())])[0], Granted)
    bench.clock.seconds += 2 * LEASE_SECONDS - 0.1
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds += 0.1
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds += 0.1
    bench.call()
    assert bench.state().doubt_until is None


def test_after_a_failed_call_nobody_hurries(bench: Bench) -> None:
    bench.take(wanted(5, at=-1))
    bench.take(wanted(1, at=0, rule="alert", lasts=60))
    bench.call()
    bench.clock.seconds = 60
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds = 61
    bench.call(CallResult.FAILED)
    bench.clock.seconds = 61 + TRY_AGAIN_SECONDS - 0.1
    assert bench.ledger.claim_due(10) == []
    bench.clock.seconds += 0.1
    assert bench.ledger.claim_due(10) == [TASK]


def test_tasks_are_checked_in_turn(bench: Bench) -> None:
    for at, task in enumerate((TASK, OTHER_TASK)):
        bench.clock.seconds = at
        bench.take(wanted(5, at=0, task=task))
    turns = []
    for at in range(3):
        bench.clock.seconds = 2 + at
        turns += bench.ledger.claim_checks(1)
    assert turns == [TASK, OTHER_TASK, TASK]


def test_a_task_that_was_seen_to_differ_is_due_and_called_again(bench: Bench) -> None:
    """Unless it has changed since it was seen."""
    bench.take(wanted(5, at=0))
    bench.call()
    seen = bench.state()
    bench.clock.seconds = 1
    assert bench.ledger.mark_in_doubt(TASK, seen)
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds = 2
    assert bench.call() == 5
    assert not bench.ledger.mark_in_doubt(TASK, seen)
    assert bench.ledger.claim_due(10) == []


def test_a_task_that_ended_is_forgotten_unless_it_has_changed(bench: Bench) -> None:
    bench.take(wanted(5, at=0))
    seen = bench.state()
    bench.take(wanted(6, at=1))
    assert not bench.ledger.forget(TASK, seen)
    assert bench.ledger.forget(TASK, bench.state())
    assert bench.ledger.get(TASK) is None
    assert bench.ledger.claim_checks(10) == []


def test_a_task_that_expired_leaves_the_indexes_too(redis_backend: ValkeyBackend) -> None:
    """Redis expires keys, not members of a sorted set; memory stays bounded all the same."""
    ledger = redis_backend.client(limits(idempotency_ttl=1000, task_ttl=5000, max_clock_skew=10))
    ledger.admit([event("e1")])
    redis_backend.advance(5000 + 10 + 1)
    assert ledger.claim_due(10) == []
    assert ledger.claim_checks(10) == []
    prefix = f"{{{redis_backend.namespace}}}:"
    kept = {str(key).removesuffix("'").split(":")[1] for key in redis_backend.server.keys(f"{prefix}*")}
    assert kept == {"clock", "store", "mark"}


def test_what_stabilizes_gives_way_to_a_newer_intent_of_the_same_interval(bench: Bench) -> None:
    """It keeps the interval from getting longer, nothing else: at equal intervals the newest event is in effect."""
    bench.take(wanted(10, at=0, name="first"))
    bench.clock.seconds = 1
    bench.take(wanted(20, at=1, rule="calm", lasts=30, lengthen_after=60))
    bench.clock.seconds = 20
    bench.take(wanted(10, at=20, name="second"))
    assert bench.state().desired.event_id == "first"
    bench.clock.seconds = 32
    assert (bench.state().desired.event_id, bench.state().desired.interval) == ("second", 10)


def test_what_is_deferred_says_until_when_something_else_is_in_effect(bench: Bench) -> None:
    """The end of the stabilization window, or of the time-bound adjustment that is in effect; not the other's."""
    bench.take(wanted(5, at=0))
    lengthening = bench.take(wanted(60, at=0, lengthen_after=300, name="longer"))
    bench.clock.seconds = 1
    bench.take(wanted(1, at=1, rule="alert", lasts=30))
    under_alert = bench.take(wanted(50, at=1, lengthen_after=300, name="later"))
    ends = [datetime.fromtimestamp((backends._ORIGIN_US + us) // 1_000_000, UTC) for us in (300_000_000, 31_000_000)]
    assert [lengthening.reason, under_alert.reason] == [
        f"rule base keeps the task at 5 s until {ends[0]:%Y-%m-%dT%H:%M:%SZ}",
        f"rule alert keeps the task at 1 s until {ends[1]:%Y-%m-%dT%H:%M:%SZ}",
    ]


# A retry under another policy than its first attempt's.


def test_a_retry_that_has_an_end_by_now_is_not_kept_without_one(bench: Bench) -> None:
    """The task returns to what was confirmed last: the base that the event had displaced is not kept."""
    bench.take(wanted(5, at=-10))
    bench.call()
    bench.take(wanted(1, at=0, rule="alert", name="e"))
    bench.call(CallResult.FAILED)
    assert bench.take_again(1, for_seconds=60).answer is Admission.RETRY
    assert bench.call() == 1
    assert [bench.effective_at(at) for at in (59.9, 60)] == [1, 5]


def test_a_retry_that_has_no_end_any_more_is_not_kept_with_one(bench: Bench) -> None:
    bench.take(wanted(60, at=-10))
    bench.take(wanted(1, at=0, rule="alert", lasts=600, name="e"))
    assert bench.take_again(30, rule="calm", for_seconds=None).answer is Admission.RETRY
    assert bench.state().open == ()
    assert bench.effective_at(1) == 30


def test_a_retry_that_another_rule_decides_is_kept_by_that_one_alone(bench: Bench) -> None:
    bench.take(wanted(60, at=-10))
    bench.take(wanted(1, at=0, rule="old", lasts=600, name="e"))
    assert bench.take_again(10, rule="new", for_seconds=20).answer is Admission.RETRY
    assert [intent.rule for intent in bench.state().open] == ["new"]
    assert [bench.effective_at(at) for at in (19.9, 20)] == [10, 60]


def test_a_retry_that_is_superseded_by_now_leaves_nothing_behind(bench: Bench) -> None:
    """Under the new policy it competes with a newer event, and loses; what the old policy made of it goes too."""
    bench.take(wanted(60, at=5))
    bench.take(wanted(1, at=0, rule="alert", lasts=600, name="e"))
    assert bench.take_again(30, rule="calm", for_seconds=None).answer is Admission.SUPERSEDED
    assert bench.state().open == ()
    assert bench.effective_at(6) == 60
    assert bench.call() == 60


def test_a_retry_does_not_wait_for_what_it_asked_for_itself(bench: Bench) -> None:
    """Its own shorter interval, by the policy before, is nothing that a longer one has to wait for."""
    bench.take(wanted(60, at=-100))
    bench.call()
    bench.take(wanted(1, at=0, name="e"))
    assert bench.take_again(60, lengthen_after=600).answer is Admission.RETRY
    assert bench.effective_at(1) == 60


def test_a_retry_keeps_its_first_time_under_another_rule_too(bench: Bench) -> None:
    """Else its end would move with each delivery whose time is a substituted one."""
    first = wanted(1, at=0, rule="alert", name="e")
    bench.take(first._replace(signal=replace(first.signal, time_is_own=False)))
    bench.clock.seconds = 10
    later = wanted(1, at=10, rule="new", lasts=60, name="e")
    bench.take(later._replace(signal=replace(later.signal, time_is_own=False)))
    assert bench.state().open[0].until_us == bench.clock.wall_us() + 50_000_000


def test_a_retry_of_which_nothing_else_is_known_is_all_there_is(bench: Bench) -> None:
    """And one that is over by now stays as it is, for nobody knows what the task was before."""
    bench.take(wanted(1, at=0, rule="old", name="e"))
    assert bench.take_again(7, rule="new", for_seconds=20, then_interval=9).answer is Admission.RETRY
    assert [bench.effective_at(at) for at in (19.9, 20)] == [7, 9]
    bench.clock.seconds = 30
    assert bench.take_again(8, rule="newer", for_seconds=5, then_interval=None).answer is Admission.RETRY
    assert bench.call() == 8


def test_policies_that_take_turns_leave_what_the_last_one_said(bench: Bench) -> None:
    """As two containers do for the minute in which one has the new policy and the other has not."""
    bench.take(wanted(5, at=-10))
    bench.call()
    bench.take(wanted(1, at=0, rule="old", lasts=600, name="e"))
    for _ in range(2):
        bench.take_again(2, rule="new", for_seconds=None)
        bench.take_again(1, rule="old", for_seconds=600)
    assert [intent.rule for intent in bench.state().open] == ["old"]
    assert bench.call() == 1
    assert [bench.effective_at(at) for at in (599.9, 600)] == [1, 5]


# What a task gets where nothing else was ever asked for.


def test_a_default_is_in_effect_where_nothing_else_was_ever_asked_for(bench: Bench) -> None:
    """Once it is over; a call is due then, and its confirmation ends that."""
    bench.take(wanted(1, at=0, rule="alert", lasts=20, default=30))
    assert bench.call() == 1
    assert [bench.effective_at(at) for at in (19.9, 20)] == [1, 30]
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 30
    assert bench.state().applied == bench.state().desired
    bench.clock.seconds += 10_000
    assert bench.ledger.claim_due(10) == []


def test_whatever_else_was_asked_for_goes_before_a_default(bench: Bench) -> None:
    """Sooner or later, before it or after it."""
    bench.take(wanted(1, at=0, rule="alert", lasts=20, default=30))
    assert bench.effective_at(25) == 30
    assert bench.take(wanted(7, at=-5)).answer is Admission.NEW
    assert bench.effective_at(26) == 7


def test_of_several_defaults_that_of_the_last_one_that_ended_counts(bench: Bench) -> None:
    """One without a default takes nothing from it."""
    bench.take(wanted(1, at=0, rule="a", lasts=20, default=30))
    bench.take(wanted(2, at=0, rule="b", lasts=10, default=40))
    bench.take(wanted(3, at=0, rule="c", lasts=50))
    assert [bench.effective_at(at) for at in (9, 19, 20, 50)] == [1, 1, 3, 30]


def test_an_event_whose_time_is_over_leaves_its_default(bench: Bench) -> None:
    """To a task that nobody knew, or under what is in effect there."""
    assert bench.take(wanted(1, at=-30, rule="alert", lasts=20, default=30)).answer is Admission.NEW
    assert bench.call() == 30
    bench.take(wanted(1, at=0, rule="b", lasts=20, task=OTHER_TASK))
    over = bench.take(wanted(1, at=-30, rule="alert", lasts=20, default=30, task=OTHER_TASK))
    assert over.answer is Admission.DEFERRED
    bench.clock.seconds = 20
    assert bench.state(OTHER_TASK).desired.interval == 30


def test_a_retry_has_the_default_of_the_policy_that_is_in_force(bench: Bench) -> None:
    """What was called for it before has it, too: of one event there is one note."""
    bench.take(wanted(1, at=0, rule="alert", lasts=20, default=30))
    begun = granted(bench.ledger)
    assert bench.take_again(1, default_interval=40).answer is Admission.RETRY
    lease = bench.state().lease
    assert lease is not None
    assert (lease.intent.default, bench.state().desired.default) == (40, 40)
    assert begun.intent.default is None  # a call has no use for it
    assert bench.effective_at(20) == 40
    assert bench.take_again(1, default_interval=None).answer is Admission.RETRY
    assert bench.effective_at(20) == 1


def test_a_note_goes_with_its_intent(bench: Bench) -> None:
    """A record holds no notes of what is no longer there."""
    bench.take(wanted(1, at=0, rule="alert", lasts=20, default=30))
    bench.take(wanted(1, at=1, rule="alert", lasts=20))
    bench.call()
    assert [intent.default for intent in bench.state().open] == [None]
    assert bench.effective_at(21) == 1

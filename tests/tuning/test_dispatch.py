"""The dispatch of one batch, and what it does when the ledger or a call goes away; the wire and clock are fakes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed, LedgerUnavailable
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import THROTTLE_PAUSE_SECONDS
from snapshot_tuner.ledger.types import AlreadyApplied, Begun, CallResult, Intent, Limits, Settlement, Slot
from snapshot_tuner.model import Adjustment, Cause, Order, Signal, TaskRef
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.responses import classify
from snapshot_tuner.tuning import waits
from snapshot_tuner.tuning.dispatch import dispatch
from snapshot_tuner.tuning.task_results import Called, NotCalled, TaskResult

LIMITS = Limits(Order.TIME, slots_per_second=145, idempotency_ttl=600, task_ttl=600, max_clock_skew=300)
EPOCH = 1_800_000_000


class Clock:
    """Stands still until somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall_us(self) -> int:
        return round((EPOCH + self.now) * 1e6)

    def monotonic(self) -> float:
        return self.now


class Wire:
    """`Calls` that answer what each test says, 20 ms after their slot starts; None is no answer at all."""

    parallelism = 4

    def __init__(self, clock: Clock, *answers: ApiError | CallAbandoned | str | None) -> None:
        self._clock = clock
        self._answers = list(answers)
        self._flying: list[tuple[float, Finished]] = []
        self.made: list[Call] = []

    def start(self, call: Call) -> None:
        self.made.append(call)
        answer = self._answers.pop(0) if self._answers else "ok"
        if answer is None:
            return
        error = answer if isinstance(answer, Exception) else None
        self._flying.append((call.slot.start + 0.02, Finished(call, error)))

    def finished(self, until: float) -> list[Finished]:
        ends = [end for end, _ in self._flying]
        self._clock.now = max(self._clock.now, min([until, *ends]))
        done = [finished for end, finished in self._flying if end <= self._clock.now]
        self._flying = [(end, finished) for end, finished in self._flying if end > self._clock.now]
        return done


class FailingLedger(SqliteLedger):
    """Out of reach from a certain operation on."""

    fails_at: str | None = None

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        if self.fails_at == "begin":
            raise LedgerUnavailable("the store is silent")
        return super().begin(starts)

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        if self.fails_at == "settle":
            raise LedgerUnavailable("the store is silent")
        return super().settle(ends)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[FailingLedger]:
    ledger = FailingLedger(tmp_path / "ledger.db", "test", LIMITS, clock)
    yield ledger
    ledger.close()


def tasks(ledger: SqliteLedger, number: int) -> list[TaskRef]:
    """So many tasks, each with an event that asks for 10 s."""
    named = [TaskRef("app", f"room-{index}", "task") for index in range(number)]
    for task in named:
        signal = Signal(f"e-{task.room_id}", "test", "wanted", EPOCH * 1_000_000, None)
        key = signal.order_key(Order.TIME) or b""
        ledger.admit([Adjustment(task, 10, None, signal, key, "rule", "fixed 10 s")])
    return named


def run(named: list[TaskRef], ledger: SqliteLedger, wire: Wire, clock: Clock, deadline: float = 20) -> list[TaskResult]:
    results = waits.run(dispatch(named, parallelism=wire.parallelism, clock=clock, deadline=deadline), ledger, wire)
    return [results[task] for task in named]


def test_every_call_waits_for_its_slot(ledger: FailingLedger, clock: Clock) -> None:
    """Ten tasks, four at a time: ten slots, evenly spaced, each call within its lease and its time."""
    wire = Wire(clock)
    results = run(tasks(ledger, 10), ledger, wire, clock)
    assert all(isinstance(result, Called) and result.error is None for result in results)
    starts = [call.slot.start for call in wire.made]
    assert all(later - earlier >= 1 / LIMITS.slots_per_second for earlier, later in pairwise(starts))
    assert {call.timeout for call in wire.made} == {7.0}


def test_a_call_gets_the_time_that_is_left(ledger: FailingLedger, clock: Clock) -> None:
    """3 s to the deadline: the call may take what its slot leaves of them."""
    wire = Wire(clock)
    run(tasks(ledger, 1), ledger, wire, clock, deadline=3)
    (call,) = wire.made
    assert call.timeout == pytest.approx(3 - call.slot.valid_until)


def test_a_ledger_that_goes_away_before_the_calls_costs_one_failure(ledger: FailingLedger, clock: Clock) -> None:
    """No call without a lease; every task of the batch is told the reason."""
    named = tasks(ledger, 3)
    ledger.fails_at = "begin"
    wire = Wire(clock)
    assert run(named, ledger, wire, clock) == [NotCalled(Cause.UNAVAILABLE, LedgerUnavailable.for_senders)] * 3
    assert wire.made == []


def test_a_ledger_that_goes_away_during_the_calls_leaves_them_unsettled(ledger: FailingLedger, clock: Clock) -> None:
    """The calls in flight end; what came of them cannot be recorded, so it has no settlement. No further call."""
    named = tasks(ledger, 6)
    ledger.fails_at = "settle"
    wire = Wire(clock)
    results = run(named, ledger, wire, clock)
    called = [result for result in results if isinstance(result, Called)]
    assert [(result.error, result.settlement) for result in called] == [(None, None)] * len(wire.made)
    rest = [result for result in results if not isinstance(result, Called)]
    assert rest == [NotCalled(Cause.UNAVAILABLE, LedgerUnavailable.for_senders)] * (6 - len(wire.made))


def test_a_call_that_never_ends_is_given_up_at_the_deadline(ledger: FailingLedger, clock: Clock) -> None:
    """Its lease stays until it runs out, and puts the task in doubt."""
    named = tasks(ledger, 1)
    assert run(named, ledger, Wire(clock, None), clock) == [NotCalled(Cause.UNKNOWN, "the call did not end in time")]
    assert clock.now == pytest.approx(20, abs=0.01)


def test_a_late_end_of_an_earlier_batch_is_settled_and_disturbs_nobody(ledger: FailingLedger, clock: Clock) -> None:
    """A thread that hung for longer than its batch reports to the next one."""
    first, second = tasks(ledger, 2)
    wire = Wire(clock, None)
    run([first], ledger, wire, clock, deadline=2)
    (hung,) = wire.made
    wire._flying.append((clock.now, Finished(hung, CallFailed("Timeout", "no answer", outcome_unknown=True))))
    (result,) = run([second], ledger, wire, clock, deadline=20)
    assert isinstance(result, Called)
    state = ledger.get(first)
    assert state is not None
    assert state.doubt_until is not None


@pytest.mark.parametrize(
    "body", [b'{"ResponseMetadata": {"Error": {"Code": "FlowLimitExceeded"}}}', b"<html>Too many requests</html>", b""]
)
def test_a_429_slows_the_fleet_down_whoever_answers_it(ledger: FailingLedger, clock: Clock, body: bytes) -> None:
    """The provider, or a gateway in front of it: nobody gets a slot for a while."""
    with pytest.raises(ApiError) as refused:
        classify(429, body)
    [task] = tasks(ledger, 1)
    run([task], ledger, Wire(clock, refused.value), clock)
    assert ledger.reserve(1, within=THROTTLE_PAUSE_SECONDS / 2) == []


def test_a_missed_slot_costs_another_slot_and_nothing_else(ledger: FailingLedger, clock: Clock) -> None:
    """Abandoned before sending: begun again, with a later slot."""
    wire = Wire(clock, CallAbandoned("its slot was missed"))
    (result,) = run(tasks(ledger, 1), ledger, wire, clock)
    assert isinstance(result, Called)
    assert result.error is None
    first, second = wire.made
    assert second.slot.start > first.slot.start


def test_a_machine_that_misses_slots_asks_for_later_ones(ledger: FailingLedger, clock: Clock) -> None:
    """However slow it is to begin a call, after some attempts its slot has not begun before it is ready."""
    wire = Wire(clock, *[CallAbandoned("its slot was missed")] * 5)
    (result,) = run(tasks(ledger, 1), ledger, wire, clock)
    assert isinstance(result, Called)
    starts = [call.slot.start for call in wire.made]
    waited = [later - (earlier + 0.02) for earlier, later in pairwise(starts)]
    assert waited == pytest.approx([0.02, 0.04, 0.08, 0.16, 0.3], abs=0.01)


def test_slots_that_are_missed_together_count_once(ledger: FailingLedger, clock: Clock) -> None:
    """One pause of the machine, three calls that it cost their slots: each comes again 20 ms after it came back."""
    wire = Wire(clock, *[CallAbandoned("its slot was missed")] * 3)
    results = run(tasks(ledger, 3), ledger, wire, clock)
    assert all(isinstance(result, Called) and result.error is None for result in results)
    first, second = wire.made[:3], wire.made[3:]
    waited = [again.slot.start - (call.slot.start + 0.02) for call, again in zip(first, second, strict=True)]
    assert waited == pytest.approx([0.02, 0.02, 0.02], abs=0.005)


@pytest.mark.parametrize(("slots_per_second", "asked_for"), [(900, [32, 68, 10]), (1000, [32, 32, 32, 4])])
def test_where_more_slots_are_usable_together_than_can_be_sent_they_are_asked_for_in_portions(
    tmp_path: Path, clock: Clock, slots_per_second: float, asked_for: list[int]
) -> None:
    """How dense they are is seen from the first ones. Otherwise as many as there are calls: others have to wait."""
    reserved: list[int] = []

    class RecordingLedger(FailingLedger):
        def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
            reserved.append(count)
            return super().reserve(count, within, after=after)

    class WideWire(Wire):
        parallelism = 128

    limits = replace(LIMITS, slots_per_second=slots_per_second)
    ledger = RecordingLedger(tmp_path / "recording.db", "test", limits, clock)
    results = run(tasks(ledger, 100), ledger, WideWire(clock), clock)
    ledger.close()
    assert all(isinstance(result, Called) and result.error is None for result in results)
    assert reserved == asked_for


def test_what_there_is_to_do_besides_is_done_while_calls_are_awaited(ledger: FailingLedger, clock: Clock) -> None:
    """Step by step, none before the calls that are due are begun, and no further than the calls take."""
    steps: list[int] = []

    def meanwhile() -> Iterator[None]:
        for _ in range(1000):
            steps.append(len(wire.made))
            yield

    class WorkingWire(Wire):
        def finished(self, until: float) -> list[Finished]:
            self._clock.now += 0.001  # steps take time
            return super().finished(until)

    wire = WorkingWire(clock)
    named = tasks(ledger, 8)
    steps_of_all = dispatch(named, parallelism=wire.parallelism, clock=clock, deadline=20, meanwhile=meanwhile())
    results = waits.run(steps_of_all, ledger, wire)
    assert all(isinstance(result, Called) and result.error is None for result in results.values())
    assert steps[0] == wire.parallelism
    assert steps[-1] == len(named)
    assert len(steps) < 1000


def test_a_task_that_misses_every_slot_goes_back(ledger: FailingLedger, clock: Clock) -> None:
    """Eight slots are enough: this machine is too slow, or stands still too often."""
    wire = Wire(clock, *[CallAbandoned("its slot was missed")] * 20)
    (result,) = run(tasks(ledger, 1), ledger, wire, clock)
    assert result == NotCalled(Cause.UNAVAILABLE, "given up 8 times before sending: its slot was missed")


def test_a_task_that_is_busy_elsewhere_is_waited_for(ledger: FailingLedger, clock: Clock) -> None:
    """Until the other call is settled: then no call of our own is needed."""
    (task,) = tasks(ledger, 1)
    ledger.begin([(task, "theirs")])
    theirs_end = clock.now + 0.4

    class WatchingWire(Wire):
        def finished(self, until: float) -> list[Finished]:
            if self._clock.now < theirs_end <= until:
                self._clock.now = theirs_end
                ledger.settle([(task, "theirs", CallResult.APPLIED)])
            return super().finished(until)

    wire = WatchingWire(clock)
    (result,) = run([task], ledger, wire, clock)
    assert isinstance(result, AlreadyApplied)
    assert wire.made == []


@pytest.mark.parametrize(("is_urgent", "most"), [(True, 0.05), (False, 0.64)])
def test_an_urgent_task_that_is_busy_elsewhere_waits_little_longer_than_that(
    ledger: FailingLedger, clock: Clock, *, is_urgent: bool, most: float
) -> None:
    """After 1.3 s it is free; others have been waiting for longer and longer by then."""
    (task,) = tasks(ledger, 1)
    ledger.begin([(task, "theirs")])
    theirs_end = clock.now + 1.3

    class WatchingWire(Wire):
        def finished(self, until: float) -> list[Finished]:
            if self._clock.now < theirs_end <= until:
                ledger.settle([(task, "theirs", CallResult.FAILED)])
            return super().finished(until)

    wire = WatchingWire(clock)
    urgent = [task] if is_urgent else []
    results = waits.run(dispatch([task], parallelism=4, clock=clock, deadline=20, urgent=urgent), ledger, wire)
    assert isinstance(results[task], Called)
    (call,) = wire.made
    assert 0 < call.slot.start - theirs_end <= most
    assert is_urgent or call.slot.start - theirs_end > 0.1


def test_an_urgent_task_that_was_busy_goes_before_those_that_wait_for_a_slot(
    ledger: FailingLedger, clock: Clock
) -> None:
    """A hundred others are ready when it is free."""
    named = tasks(ledger, 101)
    ledger.begin([(named[0], "theirs")])

    class WatchingWire(Wire):
        def finished(self, until: float) -> list[Finished]:
            if len(self.made) == 20:
                ledger.settle([(named[0], "theirs", CallResult.FAILED)])
            return super().finished(until)

    wire = WatchingWire(clock)
    waits.run(dispatch(named, parallelism=4, clock=clock, deadline=20, urgent=named[:1]), ledger, wire)
    assert len(wire.made) == 101
    assert 20 <= [call.task for call in wire.made].index(named[0]) <= 40


def test_a_task_that_stays_busy_costs_its_event_only_the_deadline(ledger: FailingLedger, clock: Clock) -> None:
    """The other worker's lease outlasts the batch: back to the source, as the last resort."""
    (task,) = tasks(ledger, 1)
    ledger.begin([(task, "theirs")])
    (result,) = run([task], ledger, Wire(clock), clock, deadline=5)
    assert result == NotCalled(Cause.BUSY, "a call for the task is in flight elsewhere")


def test_a_lease_that_has_run_out_frees_the_task(ledger: FailingLedger, clock: Clock) -> None:
    """Its holder died: after the lease another worker calls, and the task is in doubt."""
    (task,) = tasks(ledger, 1)
    ledger.begin([(task, "theirs")])
    (result,) = run([task], ledger, Wire(clock), clock, deadline=30)
    assert isinstance(result, Called)
    assert result.settlement == Settlement(kept=True, in_doubt=True)


def test_a_call_is_abandoned_outside_its_slot_and_near_the_end_of_its_lease() -> None:
    """The check directly before the first byte, on the local monotonic clock."""
    intent = Intent("1", 10, None, "rule", "e", "test", "key")
    call = Call(TaskRef("a", "r", "t"), "token", intent, Slot(10.0, 10.034), lease_until=17.02, timeout=7.0)
    call.check(10.01)
    with pytest.raises(CallAbandoned, match="its slot was missed"):
        call.check(10.035)
    with pytest.raises(CallAbandoned, match="its lease could end before the call does"):
        call.check(10.03)

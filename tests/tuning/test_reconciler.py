"""One run of the reconciler: what is due is called, what has drifted is repaired, what has ended is forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from snapshot_tuner.errors import ApiError, CallFailed, CallRefused, LedgerUnavailable, TaskNotFound
from snapshot_tuner.ledger.timing import CAREFUL_SECONDS
from snapshot_tuner.ledger.types import CallResult, Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric
from snapshot_tuner.tuning.reconciler import UNREADABLE_MOST, Reconciler, RunFigures
from tests.ledger.backends import OTHER_TASK, TASK
from tests.ledger.frozen import Bench, FrozenClock, sqlite_bench, wanted

RUN_SECONDS = 50.0


@dataclass
class InstantProvider:
    """The wire: calls end at once, readings say what was applied; both as `trouble` has it."""

    clock: FrozenClock
    intervals: dict[TaskRef, int] = field(default_factory=dict)
    status: TaskStatus = TaskStatus.RUNNING
    calls: list[tuple[TaskRef, int]] = field(default_factory=list)
    readings: list[TaskRef] = field(default_factory=list)
    call_error: CallFailed | TaskNotFound | None = None
    read_error: CallFailed | TaskNotFound | None = None
    while_reading: Callable[[], object] = lambda: None
    ended: list[Finished] = field(default_factory=list)

    @property
    def parallelism(self) -> int:
        return 16

    def start(self, call: Call) -> None:
        self.clock.seconds = max(self.clock.seconds, call.slot.start)
        call.check(self.clock.seconds)
        self.calls.append((call.task, call.intent.interval))
        if self.call_error is None:
            self.intervals[call.task] = call.intent.interval
        self.ended.append(Finished(call, self.call_error))

    def finished(self, until: float) -> list[Finished]:
        if not self.ended:
            self.clock.seconds = max(self.clock.seconds, until)
        ended, self.ended = self.ended, []
        return ended

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:
        self.clock.seconds = max(self.clock.seconds, slot.start)
        assert timeout > 0
        self.readings.append(task)
        self.while_reading()
        if self.read_error is not None:
            raise self.read_error
        return TaskReading(self.status, self.intervals.get(task, 2))


@dataclass
class KeptLog:
    """What was said, event by event."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, msg: str, **keys: Any) -> None:  # noqa: ANN401 - any JSON value
        self.lines.append((msg, keys))

    warning = info


@dataclass
class Fixture:
    """A ledger, a provider and a reconciler between them."""

    bench: Bench
    provider: InstantProvider
    log: KeptLog
    reconciler: Reconciler

    def run(self, at: float | None = None) -> RunFigures:
        if at is not None:
            self.bench.clock.seconds = at
        return self.reconciler.run(self.bench.clock.seconds + RUN_SECONDS)

    def settled(self, interval: int, task: TaskRef = TASK) -> None:
        """A task at rest."""
        self.bench.take(wanted(interval, at=self.bench.clock.seconds, task=task))
        self.bench.call(task=task)
        self.provider.intervals[task] = interval


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Fixture]:
    with sqlite_bench(tmp_path) as bench:
        provider, log = InstantProvider(bench.clock), KeptLog()
        reconciler = Reconciler(ledger=bench.ledger, calls=provider, reads=provider, clock=bench.clock, log=log)
        yield Fixture(bench, provider, log, reconciler)


def test_an_adjustment_that_ended_is_taken_back(it: Fixture) -> None:
    """Without an event, and once: the next run finds nothing to do."""
    it.settled(5)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.provider.intervals[TASK] = it.bench.call()
    assert it.run(at=30).due == 0
    figures = it.run(at=61)
    assert (figures.due, figures.asserted) == (1, 1)
    assert it.provider.calls == [(TASK, 5)]
    assert it.run().due == 0


def test_an_unknown_outcome_is_asserted_when_its_call_can_no_longer_arrive(it: Fixture) -> None:
    it.bench.take(wanted(5, at=0))
    it.bench.call(CallResult.UNKNOWN)
    assert it.run(at=10).due == 0
    assert it.run(at=16).asserted == 1
    assert it.bench.state().doubt_until is None


def test_a_restarted_task_is_repaired(it: Fixture) -> None:
    """It is read back; one that stands where it should is left alone."""
    it.settled(5)
    it.settled(6, OTHER_TASK)
    it.provider.intervals[TASK] = 2
    figures = it.run(at=60)
    assert (figures.drifted, figures.repaired, figures.due) == (1, 1, 0)
    assert it.provider.calls == [(TASK, 5)]
    assert sorted(it.provider.readings, key=str) == sorted([TASK, OTHER_TASK], key=str)
    assert ("task_drifted", {"app_id": "app", "room_id": "room", "task_id": "task", "interval": 2, "wanted": 5}) in (
        it.log.lines
    )


def test_what_was_called_just_now_is_not_read_back(it: Fixture) -> None:
    """The provider may not say it yet."""
    it.settled(5)
    it.run(at=10)
    assert it.provider.readings == []


def test_what_is_in_doubt_is_called_and_not_read_back(it: Fixture) -> None:
    """Whatever the provider says may be about a call that is yet to arrive; also where the call for it fails."""
    it.settled(5)
    it.bench.clock.seconds = 60
    assert it.bench.ledger.mark_in_doubt(TASK, it.bench.state())
    it.provider.call_error = CallFailed("InternalError", "broken", status=500)
    assert it.run().due == 1
    assert (it.provider.calls, it.provider.readings) == ([(TASK, 5)], [])


def test_a_task_that_changes_while_it_is_read_is_not_repaired(it: Fixture) -> None:
    """What was read is about something older."""
    it.settled(5)

    def change() -> None:
        it.bench.take(wanted(9, at=60))
        it.provider.intervals[TASK] = it.bench.call()

    it.provider.intervals[TASK] = 3
    it.provider.while_reading = change
    reading = it.provider.read

    def stale(task: TaskRef, slot: Slot, timeout: float) -> TaskReading:
        reading(task, slot, timeout)
        return TaskReading(TaskStatus.RUNNING, 3)

    it.provider.read = stale  # type: ignore[method-assign] # the answer was on its way before the change
    assert it.run(at=60) == RunFigures()
    assert it.provider.calls == []


@pytest.mark.parametrize("status", [TaskStatus.ENDED, TaskStatus.FAILED])
def test_a_task_that_has_ended_is_forgotten(it: Fixture, status: TaskStatus) -> None:
    it.settled(5)
    it.provider.status = status
    assert it.run(at=60).forgotten == 1
    assert it.bench.ledger.get(TASK) is None


def test_a_due_task_that_has_ended_is_forgotten(it: Fixture) -> None:
    """UpdateSnapshot says so, too."""
    it.settled(5)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.bench.call()
    it.provider.call_error = TaskNotFound("InvalidParameter.ErrorActiveTaskNotFound", "no such task", status=404)
    figures = it.run(at=61)
    assert (figures.due, figures.asserted, figures.forgotten) == (1, 0, 1)
    assert it.bench.ledger.get(TASK) is None


@pytest.mark.parametrize("status", [TaskStatus.UNKNOWN, TaskStatus.NOT_STARTED])
def test_nothing_is_repaired_on_a_guess(it: Fixture, status: TaskStatus) -> None:
    it.settled(5)
    it.provider.intervals[TASK] = 2
    it.provider.status = status
    assert it.run(at=60) == RunFigures()


def test_without_readings_nothing_is_repaired_and_soon_nothing_is_asked(it: Fixture) -> None:
    """GetSnapshotTask is unavailable: counted, and left to the next run; what is due is called all the same."""
    for number in range(10):
        it.settled(5, TaskRef("app", "room", f"task-{number}"))
    it.bench.take(wanted(1, at=1, rule="alert", lasts=59))
    it.bench.take(wanted(5, at=0.5))
    it.bench.call()
    it.provider.read_error = CallFailed("InternalError", "broken", status=500)
    figures = it.run(at=60)
    assert (figures.due, figures.asserted, figures.unreadable, figures.drifted) == (1, 1, UNREADABLE_MOST, 0)
    assert len(it.provider.readings) == UNREADABLE_MOST


def test_a_task_that_the_reading_does_not_know_stops_no_other_reading(it: Fixture) -> None:
    """GetSnapshotTask knows tasks of the last 72 hours: neither repaired nor forgotten."""
    tasks = [TaskRef("app", "room", f"task-{number}") for number in range(10)]
    for task in tasks:
        it.settled(5, task)
    it.provider.read_error = TaskNotFound("InvalidParameter.ErrorActiveTaskNotFound", "no such task", status=404)
    assert it.run(at=60) == RunFigures(unreadable=10)
    assert all(it.bench.ledger.get(task) for task in tasks)


def test_a_failed_call_is_left_to_a_later_run(it: Fixture) -> None:
    """Not to the next page of the same run."""
    it.settled(5)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.bench.call()
    it.provider.call_error = CallFailed("InternalError", "broken", status=500)
    figures = it.run(at=61)
    assert (figures.due, figures.asserted) == (1, 0)
    it.provider.call_error = None
    assert it.run(at=61 + 61).asserted == 1


def test_a_run_ends_before_its_deadline(it: Fixture) -> None:
    """With no time for a whole call nothing is claimed, and nothing is read."""
    it.settled(5)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.bench.call()
    it.bench.clock.seconds = 61
    assert it.reconciler.run(it.bench.clock.seconds + 7) == RunFigures()
    assert it.run().due == 1


def test_a_store_that_fails_ends_the_run_with_a_line_in_the_log(it: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> list[TaskRef]:
        raise LedgerUnavailable("the store is down")

    monkeypatch.setattr(it.bench.ledger, "claim_due", fail)
    assert it.run() == RunFigures()
    assert it.log.lines[0] == ("reconciler_stopped", {"reason": "the store is down"})


def test_in_a_dry_run_nothing_is_called(it: Fixture) -> None:
    it.settled(5)
    it.provider.intervals[TASK] = 2
    dry = Reconciler(
        ledger=it.bench.ledger, calls=it.provider, reads=it.provider, clock=it.bench.clock, log=it.log, dry_run=True
    )
    it.bench.clock.seconds = 60
    assert dry.run(200) == RunFigures()
    assert (it.provider.calls, it.provider.readings) == ([], [])


def test_a_run_is_counted_with_its_calls(it: Fixture) -> None:
    """One metric for each figure that is not zero, and every call, which counts against the quota."""
    recorded: list[BatchFigures] = []

    class FiguresKept:
        def record(self, figures: BatchFigures) -> None:
            recorded.append(figures)

    counted = Reconciler(
        ledger=it.bench.ledger,
        calls=it.provider,
        reads=it.provider,
        clock=it.bench.clock,
        log=it.log,
        recorder=FiguresKept(),
    )
    it.settled(5)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.provider.intervals[TASK] = it.bench.call()
    it.bench.clock.seconds = 61
    counted.run(200)
    assert recorded == [BatchFigures({Metric.TASKS_DUE: 1, Metric.TASKS_ASSERTED: 1, Metric.CALLS_SENT: 1})]


def test_every_figure_of_a_run_has_its_metric() -> None:
    """None is counted twice, none is left out, and what did not happen is not counted."""
    names = [field.name for field in fields(RunFigures)]
    figures = RunFigures(*range(1, len(names) + 1))
    assert {
        metric.name.removeprefix("TASKS_").lower(): n for metric, n in figures.metrics().items()
    } == figures.counts()
    assert RunFigures().metrics() == {}


def test_after_a_failover_nothing_that_was_confirmed_before_is_lengthened(
    it: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may have lost the event that asked for less; what is too long is still repaired."""
    it.settled(60)
    it.settled(5, OTHER_TASK)
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(50).wall_us())
    it.provider.intervals = {TASK: 2, OTHER_TASK: 9}
    figures = it.run(at=60)
    assert (figures.drifted, figures.repaired) == (1, 1)
    assert it.provider.calls == [(OTHER_TASK, 5)]
    assert ("task_not_lengthened", {**_NAMES, "interval": 2, "wanted": 60}) in it.log.lines
    it.run(at=50 + CAREFUL_SECONDS + 1)
    assert it.provider.intervals[TASK] == 60


def test_after_a_failover_no_due_call_is_longer_than_what_was_confirmed_before(
    it: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until an event of the task has been applied since."""
    it.settled(60)
    it.bench.take(wanted(1, at=1, rule="alert", lasts=60))
    it.provider.intervals[TASK] = it.bench.call()
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(30).wall_us())
    it.run(at=61)
    assert it.provider.calls == []
    assert ("task_not_lengthened", {**_NAMES, "interval": 1, "wanted": 60}) in it.log.lines
    it.bench.take(wanted(1, at=70, rule="alert", lasts=60))
    it.provider.intervals[TASK] = it.bench.call()
    it.run(at=200)
    assert it.provider.calls == [(TASK, 60)]


def test_after_a_failover_no_due_call_makes_longer_what_a_forgotten_one_made_short(
    it: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the record it would be shorter, or the first call of all. Unless the provider says that it holds more."""
    it.settled(60)
    it.bench.take(wanted(30, at=1))
    it.bench.take(wanted(40, at=1, task=OTHER_TASK))
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(5).wall_us())
    it.provider.intervals = {TASK: 2, OTHER_TASK: 2}
    it.run(at=610)
    assert it.provider.calls == []
    assert ("task_not_lengthened", {**_NAMES, "interval": 2, "wanted": 30}) in it.log.lines
    it.provider.intervals[TASK] = 45
    it.run(at=700)
    assert it.provider.calls == [(TASK, 30)]


def test_after_a_failover_no_due_call_is_made_on_a_guess(it: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody tells what the provider holds: a minute later, perhaps. A task that it does not know is called."""
    it.settled(60)
    it.bench.take(wanted(30, at=1))
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(5).wall_us())

    def fails(*_: object) -> TaskReading:
        raise error

    monkeypatch.setattr(it.provider, "read", fails)
    error: ApiError = CallFailed("Timeout", "no answer", outcome_unknown=True)
    it.run(at=610)
    assert it.provider.calls == []
    error = CallRefused("InvalidParameter", "started more than 72 hours ago", status=400)
    it.run(at=700)
    assert it.provider.calls == [(TASK, 30)]


_NAMES = {"app_id": "app", "room_id": "room", "task_id": "task"}


def bounded(it: Fixture, least: int | None, most: int | None, lasts: int = 600) -> None:
    it.bench.ledger.set_bounds(TASK, least=least, most=most, lasts_seconds=lasts, reason="incident", caller="alice")


def test_after_a_failover_what_a_person_orders_is_no_guess(it: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that make the interval longer are called, and repaired where the provider has less."""
    it.settled(60)
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(50).wall_us())
    it.bench.clock.seconds = 60
    bounded(it, 120, None)
    it.run(at=121)  # the call of whoever has set them has failed
    assert it.provider.calls == [(TASK, 120)]
    it.provider.intervals[TASK] = 60
    it.run(at=200)
    assert it.provider.calls == [(TASK, 120)] * 2


@pytest.mark.parametrize("lasts", [None, 7200], ids=["base", "adjustment"])
@pytest.mark.parametrize("how", ["end", "are cleared"])
def test_after_a_failover_what_a_person_has_shortened_gets_longer_again(
    it: Fixture, monkeypatch: pytest.MonkeyPatch, how: str, lasts: int | None
) -> None:
    """When those bounds end, or are cleared and the call for that has failed: that it ends is a part of the order."""
    it.bench.take(wanted(60, at=0, lasts=lasts))
    it.provider.intervals[TASK] = it.bench.call()
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(50).wall_us())
    it.bench.clock.seconds = 60
    bounded(it, None, 5)
    it.provider.intervals[TASK] = it.bench.call()
    if how == "are cleared":
        it.bench.clock.seconds = 70
        it.bench.ledger.clear_bounds(TASK)
    it.run(at=661)
    assert it.provider.calls == [(TASK, 60)]
    assert it.log.lines[0][0] == "reconciled"


def test_after_a_failover_bounds_of_before_make_nothing_longer_when_they_end(
    it: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has said anything since; one who clears them has, and that is called at once."""
    it.settled(60)
    bounded(it, None, 5)
    it.provider.intervals[TASK] = it.bench.call()
    monkeypatch.setattr(it.bench.ledger, "lost_at", lambda: FrozenClock(50).wall_us())
    it.run(at=601)
    assert it.provider.calls == []
    assert ("task_not_lengthened", {**_NAMES, "interval": 5, "wanted": 60}) in it.log.lines
    it.bench.ledger.clear_bounds(TASK)
    assert it.bench.call() == 60

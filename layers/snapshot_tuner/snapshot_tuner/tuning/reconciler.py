"""Makes every task what it should be now, without an event: what is due is called, a sample is read back.

Any number of these may run at once: a task is claimed by one at a time, and calls have slots and leases.
"""

from dataclasses import dataclass, fields
from typing import Protocol

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import ApiError, CallAbandoned, CallRefused, LedgerUnavailable, TaskNotFound
from snapshot_tuner.ledger.ports import Ledger, ReconcilerStore
from snapshot_tuner.ledger.timing import CAREFUL_SECONDS, LATE_CALL_SECONDS, SLOT_VALID_SECONDS
from snapshot_tuner.ledger.types import Intent, Slot, TaskState
from snapshot_tuner.model import INTERVAL_DEFAULT_SECONDS, Cause, TaskRef
from snapshot_tuner.rtc.calls import CALL_SECONDS, CALL_SECONDS_LEAST, Calls
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder
from snapshot_tuner.tuning.dispatch import dispatch
from snapshot_tuner.tuning.instrumentation import BatchMetrics, InstrumentedCalls
from snapshot_tuner.tuning.task_results import Called, NotCalled
from snapshot_tuner.tuning.waits import run

PAGE = 500
"""Due tasks claimed at once: under 4 s of the account's whole budget."""

SAMPLE_MOST = 200
"""Tasks read back in one run: a minute's fleet of runs stays far under 60 calls/s, one by one takes some 10 s."""

SAMPLE_PAGE = 20

UNREADABLE_MOST = 3
"""After this many failed readings in a row, reading is left to the next run."""

STOP_SECONDS = 0.5
"""What is left of the time for settling the last calls and answering."""


class FullLedger(Ledger, ReconcilerStore, Protocol):
    """All that a ledger can do."""


class Reads(Protocol):
    """GetSnapshotTask."""

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:
        """When the slot starts. Raises ApiError, or CallAbandoned where the slot was missed."""
        ...


@dataclass(slots=True)
class RunFigures:
    """The result of one run, in tasks.

    `due` were claimed, `asserted` of them confirmed by a call. `drifted` were read back with another interval,
    `repaired` of them confirmed by a call. `forgotten` have ended. `unreadable`: no answer, or an odd one.
    """

    due: int = 0
    asserted: int = 0
    drifted: int = 0
    repaired: int = 0
    forgotten: int = 0
    unreadable: int = 0

    def counts(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def metrics(self) -> dict[Metric, int]:
        """Without zeros."""
        counts = {
            Metric.TASKS_DUE: self.due,
            Metric.TASKS_ASSERTED: self.asserted,
            Metric.TASKS_DRIFTED: self.drifted,
            Metric.TASKS_REPAIRED: self.repaired,
            Metric.TASKS_FORGOTTEN: self.forgotten,
            Metric.TASKS_UNREADABLE: self.unreadable,
        }
        return {metric: count for metric, count in counts.items() if count}


class Reconciler:
    """Built once per container; keeps nothing between runs."""

    def __init__(
        self,
        *,
        ledger: FullLedger,
        calls: Calls,
        reads: Reads,
        clock: Clock,
        log: Log,
        recorder: Recorder | None = None,
        dry_run: bool = False,
    ) -> None:
        self._ledger = ledger
        self._calls = calls
        self._reads = reads
        self._clock = clock
        self._log = log
        self._recorder = recorder
        self._dry_run = dry_run

    def run(self, deadline: float) -> RunFigures:
        """All that is due, then a sample; ends before `deadline` (local monotonic clock).

        A store that fails ends the run: what was claimed is due again after a while.
        """
        figures = RunFigures()
        if self._dry_run:  # nothing was admitted: nothing is claimed, called or read
            return figures
        calls = BatchMetrics(self._clock)
        try:
            if self._call_due(deadline - STOP_SECONDS, figures, calls):
                self._check_sample(deadline - STOP_SECONDS, figures, calls)
        except LedgerUnavailable as error:
            calls.ledger_failed()
            self._log.warning("reconciler_stopped", reason=str(error))
        self._log.info("reconciled", **figures.counts())
        if self._recorder is not None:
            self._recorder.record(BatchFigures({**calls.figures().counts, **figures.metrics()}))
        return figures

    def _call_due(self, deadline: float, figures: RunFigures, calls: BatchMetrics) -> bool:
        """Page by page; whether everything that was due has been taken up."""
        while self._clock.monotonic() < deadline - CALL_SECONDS:
            tasks = self._ledger.claim_due(PAGE)
            if not tasks:
                return True
            figures.due += len(tasks)
            tasks = [task for task in tasks if not self._would_lengthen(task, deadline)]
            confirmed, refused_slots = self._dispatch(tasks, deadline, figures, calls)
            figures.asserted += confirmed
            if refused_slots:
                return False
        return False

    def _dispatch(
        self, tasks: list[TaskRef], deadline: float, figures: RunFigures, calls: BatchMetrics
    ) -> tuple[int, bool]:
        """How many calls were confirmed, and whether there was no slot for some."""
        confirmed, refused_slots = 0, False
        watched = InstrumentedCalls(self._calls, calls)
        steps = dispatch(
            tasks,
            parallelism=watched.parallelism,
            clock=self._clock,
            deadline=deadline,
            round_trip=lambda: self._ledger.round_trip,
        )
        for task, result in run(steps, self._ledger, watched).items():
            match result:
                case Called(error=None):
                    confirmed += 1
                case Called(error=TaskNotFound()):
                    self._forget(task, self._ledger.get(task), figures)
                case Called(error=ApiError() as error):
                    self._warn("reconciling_failed", task, reason=str(error))
                case NotCalled(cause=cause):
                    refused_slots = refused_slots or cause is Cause.THROTTLED
                case _:  # it is where it should be by now
                    pass
        return confirmed, refused_slots

    def _check_sample(self, deadline: float, figures: RunFigures, calls: BatchMetrics) -> None:
        checked: set[TaskRef] = set()
        failures = 0
        while len(checked) < SAMPLE_MOST:
            tasks = [task for task in self._ledger.claim_checks(SAMPLE_PAGE) if task not in checked]
            if not tasks:
                return
            drifted: list[TaskRef] = []
            for task in tasks:
                checked.add(task)
                if self._clock.monotonic() > deadline - CALL_SECONDS or failures >= UNREADABLE_MOST:
                    break
                state = self._ledger.get(task)
                if state is None or not self._is_at_rest(state):
                    continue
                try:
                    reading = self._read(task, deadline)
                except (ApiError, CallAbandoned) as error:
                    self._warn("reading_failed", task, reason=str(error))
                    figures.unreadable += 1
                    # A refusal is about this task, such as one started more than 72 hours ago; all else, about all.
                    failures = failures if isinstance(error, CallRefused) else failures + 1
                    continue
                failures = 0
                if reading.has_ended:
                    self._forget(task, state, figures)
                elif self._has_drifted(task, reading, state) and self._ledger.mark_in_doubt(task, state):
                    self._warn("task_drifted", task, interval=reading.interval, wanted=state.wanted.interval)
                    drifted.append(task)
            figures.drifted += len(drifted)
            figures.repaired += self._dispatch(drifted, deadline, figures, calls)[0]
            if self._clock.monotonic() > deadline - CALL_SECONDS or failures >= UNREADABLE_MOST:
                return

    def _has_drifted(self, task: TaskRef, reading: TaskReading, state: TaskState) -> bool:
        if not _differs(reading, state):
            return False
        if self._is_stale(state) and (reading.interval or 0) < state.wanted.interval:
            self._warn("task_not_lengthened", task, interval=reading.interval, wanted=state.wanted.interval)
            return False
        return True

    def _would_lengthen(self, task: TaskRef, deadline: float) -> bool:
        """Whether the call that is due would lengthen an interval whose reason the store may have forgotten.

        Or might, if the provider does not say what it holds: it is due again in a minute.
        """
        if self._ledger.lost_at() is None:
            return False
        state = self._ledger.get(task)
        if state is None or not self._is_stale(state):
            return False
        wanted = state.wanted.interval
        holds = state.applied.interval if state.applied is not None else INTERVAL_DEFAULT_SECONDS
        if wanted <= holds:  # as far as is known: a forgotten call may have made it shorter still
            try:
                reading = self._read(task, deadline)
            except CallRefused:  # it says nothing about this task
                return False
            except (ApiError, CallAbandoned):
                return True
            if reading.has_ended:
                return False
            holds = reading.interval or 0
        if wanted <= holds:
            return False
        self._warn("task_not_lengthened", task, interval=holds, wanted=wanted)
        return True

    def _is_stale(self, state: TaskState) -> bool:
        """Whether the store may have forgotten a newer event of the task: it does not come back by itself.

        For a while a shorter interval than should be is the smaller evil. What an event asks for that has happened
        since, or the call for one has confirmed, is no older than what may be forgotten; a call of ours proves nothing.
        """
        lost_at = self._ledger.lost_at()
        if lost_at is None or self._clock.wall_us() - lost_at > CAREFUL_SECONDS * 1e6:
            return False
        asked_us = min(state.desired.asked_us, state.desired_at)
        if state.applied is not None:
            at = state.applied_at or 0
            # Where an operator's bounds have changed that call, their end is a part of what was ordered.
            asked_us = max(asked_us, at if _was_bounded(state.applied, state) else min(state.applied.asked_us, at))
        if state.bounds is not None and state.wanted != state.desired:  # an operator's order is no guess
            asked_us = max(asked_us, state.bounds.set_us)
        return asked_us <= lost_at

    def _is_at_rest(self, state: TaskState) -> bool:
        """Confirmed, and long enough ago that whatever the provider says is about that call or a later one."""
        if state.lease is not None or state.doubt_until is not None or state.applied != state.wanted:
            return False
        return self._clock.wall_us() - (state.applied_at or 0) > LATE_CALL_SECONDS * 1e6

    def _read(self, task: TaskRef, deadline: float) -> TaskReading:
        """What the provider holds. Raises ApiError or CallAbandoned if that cannot be found out."""
        now = self._clock.monotonic()
        slots = self._ledger.reserve_reads(1, deadline - CALL_SECONDS_LEAST - SLOT_VALID_SECONDS - now)
        if not slots:
            raise CallAbandoned("no slot is free before the deadline")
        return self._reads.read(task, slots[0], min(CALL_SECONDS, deadline - slots[0].valid_until))

    def _forget(self, task: TaskRef, seen: TaskState | None, figures: RunFigures) -> None:
        if seen is not None and self._ledger.forget(task, seen):
            figures.forgotten += 1
            self._warn("task_forgotten", task)

    def _warn(self, event: str, task: TaskRef, **keys: object) -> None:
        self._log.warning(event, app_id=task.app_id, room_id=task.room_id, task_id=task.task_id, **keys)


def _was_bounded(applied: Intent, state: TaskState) -> bool:
    """Whether an operator's bounds have changed what was called (`Bounds.clamp`)."""
    if applied.until_us is None:
        return applied.then is not None
    return any(each.order_key == applied.order_key and each.interval != applied.interval for each in state.open)


def _differs(reading: TaskReading, state: TaskState) -> bool:
    running = reading.status is TaskStatus.RUNNING
    return running and reading.interval is not None and reading.interval != state.wanted.interval

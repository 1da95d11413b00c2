"""The world of a backtest once more, as a reference: slower, with nothing of the functions written anew.

Its workers are the functions' own `Tuner` and `Reconciler` with all they call, `dispatch` among it: real, blocking
code, each in a greenlet of its own.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from greenlet import getcurrent, greenlet

from devkit.silent_log import SilentLog
from devkit.simulation.instance import Timeline
from devkit.tuner.backtest.assumptions import (
    MAX_RECEIVES,
    RECONCILER_EVERY_SECONDS,
    RECONCILER_SECONDS,
    VISIBILITY_SECONDS,
    WORKER_SECONDS,
    WORKERS,
    Assumptions,
)
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from devkit.tuner.backtest.world import Message, Watch
from snapshot_tuner.ledger.types import Slot
from snapshot_tuner.model import Decision, Outcome, OutcomeKind, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner


class ReferenceWorld:
    """Begins at 0 s, which is `origin_us` on the wall clock."""

    def __init__(self, policy: Policy, assumptions: Assumptions, origin_us: int, watch: Watch) -> None:
        self._assumptions = assumptions
        self._watch = watch
        self._timeline = Timeline()
        self._waiting: deque[Message] = deque()
        self._window_ends = 0.0
        self._unfinished = 0
        self._hub = getcurrent()
        clock = _ReferenceClock(self._timeline, origin_us)
        memory, limits = Memory("backtest"), assumptions.limits(policy.order)

        def tuner(calls: "_Calls") -> Tuner:
            ledger = MemoryLedger(memory, limits, clock)
            return Tuner(policy=policy, ledger=ledger, calls=calls, clock=clock, log=SilentLog())

        self._idle: list[greenlet] = []
        for _ in range(WORKERS):
            calls = _Calls(self._timeline, assumptions.call_seconds, watch, by_event=True)
            self._idle.append(greenlet(partial(self._work, tuner(calls))))
        calls = _Calls(self._timeline, assumptions.call_seconds, watch, by_event=False)
        reconciler = Reconciler(
            ledger=_NothingDrifts(memory, limits, clock), calls=calls, reads=calls, clock=clock, log=SilentLog()
        )
        reconciling = greenlet(partial(self._reconcile, reconciler))
        self._timeline.at(RECONCILER_EVERY_SECONDS, reconciling.switch)

    def advance(self, to: float) -> None:
        """Let time pass: all that is due by then happens."""
        self._timeline.run_until(to)

    def put(self, signal: Signal, decision: Decision) -> None:
        """An event arrives now; the tuner decides for itself."""
        self._unfinished += 1
        now = self._timeline.now
        for adjustment in decision.adjustments[:1]:
            sent_us = int(adjustment.order_key.partition(b"\0")[0][20:])  # a queue took it when it arrived
            signal = replace(signal, sent_us=sent_us)
        self._put(Message(signal, decision, now, now))

    def finish(self) -> None:
        """Let time pass until every event is settled or a dead letter."""
        while self._unfinished:
            self._timeline.run_until(self._timeline.now + 1)

    def _put_again(self, message: Message) -> None:
        message.queued = self._timeline.now
        self._put(message)

    def _put(self, message: Message) -> None:
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._open_window()
        elif len(self._waiting) >= self._assumptions.batch_size:
            self._start_workers()

    def _open_window(self) -> None:
        self._window_ends = self._waiting[0].queued + self._assumptions.batch_window
        self._timeline.at(self._window_ends, self._start_workers)

    def _start_workers(self) -> None:
        while self._idle and self._is_batch():
            self._idle.pop().switch()

    def _is_batch(self) -> bool:
        """Whether a batch is full, or its window over; where all workers were busy meanwhile, it is over by then."""
        waiting = self._waiting
        full = len(waiting) >= self._assumptions.batch_size
        return full or (bool(waiting) and self._timeline.now >= self._window_ends)

    def _take_batch(self) -> list[Message]:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._assumptions.batch_size))]
        if self._waiting:
            self._open_window()
        return batch

    def _work(self, tuner: Tuner) -> None:
        """One worker: batch after batch for as long as there is one."""
        me = getcurrent()
        while True:
            while self._is_batch():
                batch, received = self._take_batch(), self._timeline.now
                answers = tuner.process([message.signal for message in batch], received + WORKER_SECONDS)
                for message, outcomes in zip(batch, answers, strict=True):
                    self._answered(message, outcomes, received)
            self._idle.append(me)
            self._hub.switch()

    def _answered(self, message: Message, outcomes: Sequence[Outcome], received: float) -> None:
        message.receives += 1
        self._watch.outcomes(message, outcomes, self._timeline.now)
        kinds = {outcome.kind for outcome in outcomes}
        if OutcomeKind.RETRY in kinds and message.receives < MAX_RECEIVES:
            self._timeline.at(received + VISIBILITY_SECONDS, partial(self._put_again, message))
            return
        self._unfinished -= 1
        if kinds & {OutcomeKind.RETRY, OutcomeKind.REJECTED}:
            self._watch.dead(message)

    def _reconcile(self, reconciler: Reconciler) -> None:
        me = getcurrent()
        while True:
            began = self._timeline.now
            reconciler.run(began + RECONCILER_SECONDS)
            self._timeline.at(began + RECONCILER_EVERY_SECONDS, me.switch)
            self._hub.switch()


class _ReferenceClock:
    """Virtual time on both faces."""

    def __init__(self, timeline: Timeline, origin_us: int) -> None:
        self._timeline = timeline
        self._origin_us = origin_us

    def wall_us(self) -> int:
        return self._origin_us + round(self._timeline.now * 1e6)

    def monotonic(self) -> float:
        return self._timeline.now


class _Calls:
    """The calls of one worker: each is sent when its slot starts and confirmed `call_seconds` later."""

    parallelism = PARALLEL_CALLS

    def __init__(self, timeline: Timeline, call_seconds: float, watch: Watch, *, by_event: bool) -> None:
        self._timeline = timeline
        self._call_seconds = call_seconds
        self._watch = watch
        self._by_event = by_event
        self._hub = getcurrent()
        self._flying: deque[tuple[float, Finished]] = deque()

    def start(self, call: Call) -> None:
        sent = max(self._timeline.now, call.slot.start)
        call.check(sent)
        self._watch.sent(sent, self._timeline.now)
        self._flying.append((sent + self._call_seconds, Finished(call, None)))  # slots ascend

    def finished(self, until: float) -> list[Finished]:
        flying, timeline = self._flying, self._timeline
        wake = min(until, flying[0][0]) if flying else until
        if wake > timeline.now:
            timeline.at(wake, getcurrent().switch)
            self._hub.switch()
        ended = []
        while flying and flying[0][0] <= timeline.now:
            end = flying.popleft()[1]
            self._watch.confirmed(end.call.task, end.call.intent, timeline.now, by_event=self._by_event)
            ended.append(end)
        return ended

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:  # noqa: ARG002 - `reconciler.Reads`
        """Never asked: see `_NothingDrifts`."""
        return TaskReading(TaskStatus.UNKNOWN, None)


class _NothingDrifts(MemoryLedger):
    """The reconciler's: this provider holds what was confirmed, so that there is nothing to read back."""

    def claim_checks(self, limit: int) -> list[TaskRef]:  # noqa: ARG002 - `ReconcilerStore`
        return []

"""The world of a backtest once more, as a reference: slower, with nothing of the functions written anew.

Its workers are the functions' own `Tuner` and `Reconciler` with all they call, `dispatch` among it: real, blocking
code, each in a greenlet of its own.
"""

from collections import deque
from dataclasses import replace
from functools import partial

from greenlet import getcurrent, greenlet

from devkit.silent_log import SilentLog
from devkit.simulation.instance import Timeline
from devkit.tuner.backtest.assumptions import (
    RECONCILER_EVERY_SECONDS,
    RECONCILER_SECONDS,
    WORKER_SECONDS,
    Assumptions,
)
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from devkit.tuner.backtest.world import QueueWorker, Watch, World
from snapshot_tuner.ledger.types import Slot
from snapshot_tuner.model import Decision, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner


class ReferenceWorld(World):
    """The same queue, with real workers and a real reconciler in it."""

    def __init__(self, policy: Policy, assumptions: Assumptions, origin_us: int, watch: Watch) -> None:
        super().__init__(policy, assumptions, origin_us, watch)
        self._hub = getcurrent()
        memory, limits, clock = Memory("backtest"), assumptions.limits(policy.order), self._clock

        def calls(*, by_event: bool) -> _Calls:
            return _Calls(self._timeline, assumptions.call_seconds, watch, by_event=by_event)

        def tuner() -> Tuner:
            ledger = MemoryLedger(memory, limits, clock)
            return Tuner(policy=policy, ledger=ledger, calls=calls(by_event=True), clock=clock, log=SilentLog())

        idle = [*self._queue.idle, *self._urgent_queue.idle]
        self._working = {id(worker): greenlet(partial(self._batches, worker, tuner())) for worker in idle}
        drifts = _NothingDrifts(memory, limits, clock)
        its_calls = calls(by_event=False)
        reconciler = Reconciler(ledger=drifts, calls=its_calls, reads=its_calls, clock=clock, log=SilentLog())
        self._reconciling = greenlet(partial(self._runs, reconciler))

    def put(self, signal: Signal, decision: Decision) -> None:
        """An event arrives now; the tuner decides for itself."""
        for adjustment in decision.adjustments[:1]:
            sent_us = int(adjustment.order_key.partition(b"\0")[0][20:])  # a queue took it when it arrived
            signal = replace(signal, sent_us=sent_us)
        super().put(signal, decision)

    def _work(self, worker: QueueWorker) -> None:
        self._working[id(worker)].switch()

    def _batches(self, worker: QueueWorker, tuner: Tuner) -> None:
        """One worker: batch after batch for as long as there is one."""
        while True:
            while worker.queue.is_batch(self._timeline.now):
                worker.messages, worker.received = self._take_batch(worker.queue), self._timeline.now
                signals = [message.signal for message in worker.messages]
                self._answer(worker, tuner.process(signals, worker.received + WORKER_SECONDS))
            worker.queue.idle.append(worker)
            self._hub.switch()

    def _reconcile(self) -> None:
        self._reconciling.switch()

    def _runs(self, reconciler: Reconciler) -> None:
        while True:
            began = self._timeline.now
            reconciler.run(began + RECONCILER_SECONDS)
            self._timeline.at(began + RECONCILER_EVERY_SECONDS, self._reconcile)
            self._hub.switch()


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

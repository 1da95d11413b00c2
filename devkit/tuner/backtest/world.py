"""One policy in virtual time: a queue, its workers and the reconciler as deployed, and a provider that never fails.

What decides is the functions' own code: policy, batch, and the rules of the ledger, kept in memory. What waits is
not: a million events would spend their time in it. So a worker here is no thread but a row of steps on a timeline.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from devkit.simulation.instance import Timeline
from devkit.tuner.backtest.assumptions import (
    RECONCILER_EVERY_SECONDS,
    RECONCILER_SECONDS,
    URGENT_QUEUE,
    WORKER_SECONDS,
    Assumptions,
    QueueAssumptions,
)
from devkit.tuner.backtest.caller import CallWatch, VirtualCaller
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from snapshot_tuner.model import Decision, Outcome, OutcomeKind, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.calls import CALL_SECONDS
from snapshot_tuner.tuning.batch import Batch
from snapshot_tuner.tuning.reconciler import PAGE, STOP_SECONDS
from snapshot_tuner.tuning.task_results import NO_SLOT
from snapshot_tuner.tuning.tuner import ANSWER_SECONDS


@dataclass(slots=True)
class QueuedEvent:
    """An event in its queue since `queued`; `arrived` is when it came for the first time. Seconds of virtual time.

    `decision` is the policy's: of an event it is always the same, so that it is made once. `urgent` is what came by the
    urgent queue, or has an urgent rule.
    """

    signal: Signal
    decision: Decision
    queue: "EventQueue"
    urgent: bool
    arrived: float
    queued: float
    receives: int = 0


class EventQueue:
    """What waits in one of the queues, and those of its workers that have nothing to do."""

    def __init__(self, of: QueueAssumptions, workers: Callable[["EventQueue"], "QueueWorker"]) -> None:
        self.of = of
        self.waiting: deque[QueuedEvent] = deque()
        self.window_ends = 0.0
        self.idle = [workers(self) for _ in range(of.workers)]

    def is_batch(self, now: float) -> bool:
        """Whether a batch is full, or its window over; where all workers were busy meanwhile, it is over by then."""
        waiting = self.waiting
        if not waiting:
            return False
        return now >= self.window_ends or len(waiting) >= self.of.batch_size

    def take_batch(self) -> list[QueuedEvent]:
        waiting, size = self.waiting, self.of.batch_size
        if len(waiting) <= size:
            batch = list(waiting)
            waiting.clear()
            return batch
        return [waiting.popleft() for _ in range(size)]


class Watch(CallWatch, Protocol):
    """Receives what happens; moments in seconds since the recording began."""

    def outcomes(self, message: QueuedEvent, outcomes: Sequence[Outcome], now: float) -> None:
        """What came of one delivery of an event."""
        ...

    def dead(self, message: QueuedEvent) -> None:
        """An event went to the dead-letter queue."""
        ...


@dataclass(slots=True)
class QueueWorker:
    """The batch that it is at, and when it was received."""

    queue: EventQueue
    caller: VirtualCaller
    batch: Batch
    messages: list[QueuedEvent]
    received: float = 0.0


class World:
    """Begins at 0 s, which is `origin_us` on the wall clock."""

    def __init__(self, policy: Policy, assumptions: Assumptions, origin_us: int, watch: Watch) -> None:
        self._assumptions = assumptions
        self._watch = watch
        self._timeline = Timeline()
        self._unfinished = 0
        self._clock = _Clock(self._timeline, origin_us)
        self._ledger = MemoryLedger(Memory("backtest"), assumptions.limits(policy.order), self._clock)

        def worker(queue: EventQueue) -> QueueWorker:
            return QueueWorker(queue, self._caller(by_event=True), Batch(), [])

        self._queue, self._urgent_queue = (EventQueue(each, worker) for each in (assumptions.queue, URGENT_QUEUE))
        self._urgent_types = frozenset(assumptions.urgent_types)
        self._reconciler = self._caller(by_event=False)
        self._reconciler_began = 0.0
        self._timeline.at(RECONCILER_EVERY_SECONDS, self._reconcile)

    def advance(self, to: float) -> None:
        """Let time pass: all that is due by then happens."""
        self._timeline.run_until(to)

    def put(self, signal: Signal, decision: Decision) -> None:
        """An event arrives now, and the policy says this about it."""
        self._unfinished += 1
        now = self._timeline.now
        is_of_type = signal.type in self._urgent_types
        queue = self._urgent_queue if is_of_type else self._queue
        urgent = is_of_type or any(adjustment.urgent for adjustment in decision.adjustments)
        self._put(QueuedEvent(signal, decision, queue, urgent, now, now))

    def finish(self) -> None:
        """Let time pass until every event is settled or a dead letter."""
        while self._unfinished:
            self._timeline.run_until(self._timeline.now + 1)

    def _caller(self, *, by_event: bool) -> VirtualCaller:
        seconds = self._assumptions.call_seconds
        return VirtualCaller(self._ledger, self._timeline, self._clock, seconds, self._watch, by_event=by_event)

    def _put_again(self, message: QueuedEvent) -> None:
        message.queued = self._timeline.now
        self._put(message)

    def _put(self, message: QueuedEvent) -> None:
        queue = message.queue
        queue.waiting.append(message)
        if len(queue.waiting) == 1:
            self._open_window(queue)
        elif len(queue.waiting) >= queue.of.batch_size:
            self._start_workers(queue)

    def _open_window(self, queue: EventQueue) -> None:
        queue.window_ends = queue.waiting[0].queued + queue.of.batch_window
        self._timeline.at(queue.window_ends, partial(self._start_workers, queue))

    def _start_workers(self, queue: EventQueue) -> None:
        while queue.idle and queue.is_batch(self._timeline.now):
            self._work(queue.idle.pop())

    def _take_batch(self, queue: EventQueue) -> list[QueuedEvent]:
        batch = queue.take_batch()
        if queue.waiting:
            self._open_window(queue)
        return batch

    def _work(self, worker: QueueWorker) -> None:
        """Batch after batch for as long as there is one, or until calls have to be waited for."""
        queue = worker.queue
        while queue.is_batch(self._timeline.now):
            worker.messages, worker.received = self._take_batch(queue), self._timeline.now
            batch = worker.batch = Batch()
            for message in worker.messages:
                batch.add(message.signal, message.decision)
            if batch.adjustments:
                tasks = batch.admit(self._ledger.admit(batch.adjustments))
                deadline = worker.received + WORKER_SECONDS - ANSWER_SECONDS
                if not worker.caller.call(tasks, deadline, partial(self._called, worker), batch.urgent):
                    return
            self._conclude(worker)
        queue.idle.append(worker)

    def _called(self, worker: QueueWorker) -> None:
        self._conclude(worker)
        self._work(worker)

    def _conclude(self, worker: QueueWorker) -> None:
        if worker.batch.adjustments:
            worker.batch.conclude(worker.caller.results)
        self._answer(worker, worker.batch.answers)

    def _answer(self, worker: QueueWorker, answers: Sequence[Sequence[Outcome]]) -> None:
        now = self._timeline.now
        for message, outcomes in zip(worker.messages, answers, strict=True):
            message.receives += 1
            self._watch.outcomes(message, outcomes, now)
            unsettled = [outcome.kind for outcome in outcomes if not outcome.settled]
            if unsettled:
                if OutcomeKind.RETRY in unsettled and message.receives < worker.queue.of.receives:
                    comes_back = worker.received + worker.queue.of.visibility
                    self._timeline.at(comes_back, partial(self._put_again, message))
                    continue
                self._watch.dead(message)
            self._unfinished -= 1

    def _reconcile(self) -> None:
        """As the reconciler does; there is nothing to read back, as this provider holds what was confirmed."""
        self._reconciler_began = self._timeline.now
        self._reconciler.results = {}
        self._call_due()

    def _call_due(self) -> None:
        """Page by page, until nothing is due any more, or there is no time or no slot for it."""
        caller = self._reconciler
        deadline = self._reconciler_began + RECONCILER_SECONDS - STOP_SECONDS
        while self._timeline.now < deadline - CALL_SECONDS and NO_SLOT not in caller.results.values():
            tasks = self._ledger.claim_due(PAGE)
            if not tasks:
                break
            if not caller.call(tasks, deadline, self._call_due):
                return
        self._timeline.at(self._reconciler_began + RECONCILER_EVERY_SECONDS, self._reconcile)


class _Clock:
    """Virtual time on both faces."""

    def __init__(self, timeline: Timeline, origin_us: int) -> None:
        self._timeline = timeline
        self._origin_us = origin_us

    def wall_us(self) -> int:
        return self._origin_us + round(self._timeline.now * 1e6)

    def monotonic(self) -> float:
        return self._timeline.now

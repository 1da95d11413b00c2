"""The faulty ports of one instance: its calls, and its way to the ledger."""

from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import Protocol, TypeVar

from devkit.simulation.faults import Faults
from devkit.simulation.instance import Instance
from devkit.simulation.provider import Provider, SentCall
from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed, LedgerUnavailable, Throttled
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.ports import BoundsStore
from snapshot_tuner.ledger.types import (
    Admitted,
    Begun,
    Bounds,
    CallRate,
    CallResult,
    SetAsideRecords,
    Settlement,
    Slot,
    TaskState,
)
from snapshot_tuner.model import Adjustment, TaskRef
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.reconciler import FullLedger

_Answered = TypeVar("_Answered")


class SimulatedLedger(FullLedger, BoundsStore, Protocol):
    """All that a ledger can do, for a person too."""


class SimulatedCalls:
    """`Calls` of one life of an instance: the real checks, a virtual wire."""

    def __init__(self, instance: Instance, provider: Provider, faults: Faults, random: Random) -> None:
        self._instance = instance
        self._provider = provider
        self._faults = faults
        self._random = random
        self._ended: list[Finished] = []
        self._wake: Callable[[], None] | None = None
        self._life = instance.generation

    @property
    def parallelism(self) -> int:
        return 16

    def start(self, call: Call) -> None:
        instance, chance = self._instance, self._random.random
        if chance() < self._faults.pause:
            instance.pause(self._random.uniform(0.1, 20))
        start = instance.virtual(call.slot.start) + self._random.expovariate(2000)
        if chance() < self._faults.crash_before_call:
            instance.timeline.at(start - 1e-6, self._if_alive(instance.die))
        instance.timeline.at(start, self._if_alive(lambda: self._send(call)))

    def finished(self, until: float) -> list[Finished]:
        if not self._ended:
            self._wake = self._instance.alarm()
            self._instance.timeline.at(self._instance.virtual(until), self._wake)
            self._instance.park()
            self._wake = None
        ended, self._ended = self._ended, []
        return ended

    def _if_alive(self, action: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            instance = self._instance
            if instance.generation is not self._life:
                return
            if instance.paused_until > instance.timeline.now:
                instance.timeline.at(instance.paused_until, guarded)
                return
            action()

        return guarded

    def _send(self, call: Call) -> None:
        instance, faults, chance = self._instance, self._faults, self._random.random
        now = instance.timeline.now
        try:
            call.check(instance.local(now))
        except CallAbandoned as abandoned:
            self._end(call, abandoned, now, None)
            return
        found = self._provider.interval(call.task)
        lease_until = instance.virtual(call.lease_until)
        sent = SentCall(call.task, call.intent.interval, now, lease_until, found, instance.name, call.intent.event_id)
        self._provider.calls.append(sent)
        instance.trace(f"calls {call.task.room_id} with {call.intent.interval} s for {call.intent.event_id}")
        leaves = now
        if chance() < faults.stalled_send:
            leaves += self._random.uniform(0.1, 20)
            instance.pause(leaves - now)
        arrives = leaves + self._random.uniform(0.005, 0.04)
        answered = arrives + self._random.uniform(0.005, 0.04)
        if self._provider.throttles_now():
            self._end(call, Throttled("FlowLimitExceeded", "too fast", status=429), answered, sent)
        elif chance() < faults.server_error:
            self._end(call, CallFailed("InternalError", "broken", status=500), answered, sent)
        elif chance() < faults.client_timeout:
            if chance() < 0.5:  # noqa: PLR2004 - half of them
                self._provider.arrives_at(leaves + self._random.uniform(0.05, 14), sent)
            self._end(call, CallFailed("Timeout", "no answer", outcome_unknown=True), leaves + call.timeout, sent)
        else:
            self._provider.arrives_at(arrives, sent)
            if chance() < faults.crash_after_call:
                instance.timeline.at((arrives + answered) / 2, self._if_alive(instance.die))
            self._end(call, None, answered, sent)

    def _end(self, call: Call, error: ApiError | CallAbandoned | None, moment: float, sent: SentCall | None) -> None:
        def ended() -> None:
            if sent is not None:
                sent.over_at = self._instance.timeline.now
            self._ended.append(Finished(call, error))
            if self._wake is not None:
                self._wake()

        self._instance.timeline.at(moment, self._if_alive(ended))


class SimulatedReads:
    """`Reads` of one instance: the provider's own word, or none."""

    def __init__(self, instance: Instance, provider: Provider, faults: Faults, random: Random) -> None:
        self._instance = instance
        self._provider = provider
        self._faults = faults
        self._random = random

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:
        instance = self._instance
        instance.wait(instance.virtual(slot.start))
        if instance.local(instance.timeline.now) > slot.valid_until:
            raise CallAbandoned("its slot was missed")
        instance.wait(instance.timeline.now + self._random.uniform(0.005, 0.04))
        interval = self._provider.interval(task)
        instance.wait(instance.timeline.now + self._random.uniform(0.005, 0.04))
        if self._random.random() < self._faults.reading_fails:
            if self._random.random() < 0.5:  # noqa: PLR2004 - half of them
                instance.wait(instance.timeline.now + timeout)
                raise CallFailed("Timeout", "no answer", outcome_unknown=True)
            return TaskReading(TaskStatus.UNKNOWN, None)
        return TaskReading(TaskStatus.RUNNING, interval)


class FaultyLedger:
    """A ledger as one instance reaches it: over a network, to a store that can be silent."""

    def __init__(
        self,
        ledger: SimulatedLedger,
        instance: Instance,
        outages: list[tuple[float, float]],
        faults: Faults,
        random: Random,
    ) -> None:
        self._ledger = ledger
        self._instance = instance
        self._outages = outages
        self._faults = faults
        self._random = random

    @property
    def round_trip(self) -> float:
        return self._instance.ledger_round_trip

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        answers = self._step(lambda: self._ledger.admit(adjustments, within=within))
        for adjustment, answer in zip(adjustments, answers, strict=True):
            self._instance.trace(f"{adjustment.signal.id} is {answer.answer} ({adjustment.interval} s)")
        return answers

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        return self._known(self._step(lambda: self._ledger.reserve(count, within, after=after)))

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        return self._step(lambda: self._ledger.begin(starts))

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        settlements = self._step(lambda: self._ledger.settle(ends))
        for (task, _, result), settlement in zip(ends, settlements, strict=True):
            self._instance.trace(f"{task.room_id} settles as {result}, {settlement}")
        if self._random.random() < self._faults.crash_after_settle:
            self._instance.die_inside()
        return settlements

    def get(self, task: TaskRef) -> TaskState | None:
        return self._step(lambda: self._ledger.get(task))

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        return self._step(
            lambda: self._ledger.set_bounds(
                task, least=least, most=most, lasts_seconds=lasts_seconds, reason=reason, caller=caller
            )
        )

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        return self._step(lambda: self._ledger.clear_bounds(task))

    def bounds(self, task: TaskRef) -> Bounds | None:
        return self._step(lambda: self._ledger.bounds(task))

    def tasks(self, query: TaskQuery) -> TaskPage:
        return self._step(lambda: self._ledger.tasks(query))

    def set_aside(self, limit: int) -> SetAsideRecords:
        return self._step(lambda: self._ledger.set_aside(limit))

    def lost_at(self) -> int | None:
        return self._ledger.lost_at()

    def claim_due(self, limit: int) -> list[TaskRef]:
        return self._step(lambda: self._ledger.claim_due(limit))

    def claim_checks(self, limit: int) -> list[TaskRef]:
        return self._step(lambda: self._ledger.claim_checks(limit))

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        self._instance.trace(f"marks {task.room_id} in doubt")
        return self._step(lambda: self._ledger.mark_in_doubt(task, seen))

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        return self._step(lambda: self._ledger.forget(task, seen))

    def call_rate(self) -> CallRate:
        return self._step(self._ledger.call_rate)

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        return self._known(self._step(lambda: self._ledger.reserve_reads(count, within)))

    def _known(self, slots: list[Slot]) -> list[Slot]:
        """As far as the store's clock is known over such a distance: none starts early, or is valid too long."""
        way = self._instance.ledger_round_trip / 2
        return [Slot(slot.start + way, slot.valid_until - way) for slot in slots]

    def _step(self, operation: Callable[[], _Answered]) -> _Answered:
        self._travel(0.0005)
        now = self._instance.timeline.now
        if any(start <= now < end for start, end in self._outages):
            self._travel(1.0)
            raise LedgerUnavailable("the store is silent")
        answer = operation()
        if self._random.random() < self._faults.reply_lost:
            self._travel(1.0)
            raise LedgerUnavailable("the store's reply was lost")
        self._travel(0.0005)
        return answer

    def _travel(self, seconds: float) -> None:
        way = self._random.uniform(0.5, 1.5) * seconds + self._instance.ledger_round_trip / 2
        self._instance.wait(self._instance.timeline.now + way)

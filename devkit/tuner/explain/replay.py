"""What becomes of events, in virtual time: the real tuner over a real ledger, whose states are kept for the report.

Every call succeeds as soon as its slot comes, and what becomes due without an event is called for at that moment.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from devkit.silent_log import SilentLog
from devkit.tuner.explain.opening import Invocation
from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.ledger import precedence
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Admitted, Begun, CallResult, Limits, Settlement, Slot, TaskState
from snapshot_tuner.model import Adjustment, Outcome, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.explanation import Explanation, explain
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.tuning.dispatch import dispatch
from snapshot_tuner.tuning.tuner import Tuner
from snapshot_tuner.tuning.waits import run

_CALLS_AT_ONCE: Final = 64
_INVOCATION_SECONDS: Final = 900.0
"""The longest that a function may run."""


@dataclass(frozen=True, slots=True)
class LedgerVisit:
    """An adjustment at the ledger: the task's state just before and after, and the answer; at `now_us`."""

    adjustment: Adjustment
    before: TaskState | None
    admitted: Admitted
    after: TaskState | None
    now_us: int


@dataclass(frozen=True, slots=True)
class Explained:
    """An event, why the policy decided as it did, and, for each task, the way to its outcome.

    `explanation` is None for an event that could not be read. Where there are `visits`, there is one for each outcome.
    """

    event: Event
    received_us: int
    explanation: Explanation | None
    visits: tuple[LedgerVisit, ...]
    outcomes: tuple[Outcome, ...]


class VirtualDeployment:
    """One virtual deployment; `opened` gives one that nothing has happened in."""

    def __init__(self, policy: Policy, ledger: SqliteLedger, clock: "_SetClock") -> None:
        self._policy = policy
        self._clock = clock
        self._ledger = ledger
        self._watched = _Watched(ledger, clock)
        self._calls = _ConfirmedCalls(clock)
        self._tuner = Tuner(policy=policy, ledger=self._watched, calls=self._calls, clock=clock, log=SilentLog())

    @classmethod
    @contextmanager
    def opened(cls, policy: Policy, folder: Path) -> Iterator["VirtualDeployment"]:
        """Keeps its ledger in the folder."""
        clock = _SetClock()
        defaults = Settings(ledger_url="")
        limits = Limits(
            order=policy.order,
            slots_per_second=RTC_QUOTA_QPS * SLOT_SHARE,
            idempotency_ttl=defaults.idempotency_ttl_seconds,
            task_ttl=defaults.task_ttl_seconds,
            max_clock_skew=defaults.max_clock_skew_seconds,
        )
        ledger = SqliteLedger(folder / "ledger.db", "explain", limits, clock)
        try:
            yield cls(policy, ledger, clock)
        finally:
            ledger.close()

    def play(self, invocation: Invocation) -> list[Explained]:
        """Let time pass until it is received, then process it; one for each of its events."""
        decisions = [self._policy.decide(event) for event in invocation.events if isinstance(event, Signal)]
        self._pass_time({each.task for decision in decisions for each in decision.adjustments}, invocation.received_us)
        now_us = self._clock.wall_us()
        outcomes = self._tuner.process(invocation.events, self._clock.monotonic() + _INVOCATION_SECONDS)
        visits = iter(self._watched.take_visits())
        explained = []
        for event, from_event in zip(invocation.events, outcomes, strict=True):
            why = explain(self._policy, event, now_us) if isinstance(event, Signal) else None
            own = tuple(next(visits) for _ in (why.decision.adjustments if why is not None else ()))
            explained.append(Explained(event, invocation.received_us, why, own, tuple(from_event)))
        return explained

    def _pass_time(self, tasks: Collection[TaskRef], until_us: int) -> None:
        """To that moment; each change that is due before it is called for when it is due."""
        while due := self._next_change(tasks, until_us):
            moment, task = due
            self._clock.advance(moment)
            deadline = self._clock.monotonic() + _INVOCATION_SECONDS
            steps = dispatch([task], parallelism=self._calls.parallelism, clock=self._clock, deadline=deadline)
            run(steps, self._ledger, self._calls)
        self._clock.advance(until_us)

    def _next_change(self, tasks: Collection[TaskRef], until_us: int) -> tuple[int, TaskRef] | None:
        changes = []
        for task in tasks:
            state = self._ledger.get(task)
            change = None if state is None else precedence.next_change(state, self._clock.wall_us())
            if change is not None and change <= until_us:
                changes.append((change, task))
        return min(changes, key=lambda change: change[0], default=None)


class _Watched:
    """The ledger; of each adjustment that it admits, what it knew of the task before and after."""

    def __init__(self, ledger: SqliteLedger, clock: "_SetClock") -> None:
        self._ledger = ledger
        self._clock = clock
        self._visits: list[LedgerVisit] = []

    def take_visits(self) -> list[LedgerVisit]:
        """Those since the last time."""
        taken, self._visits = self._visits, []
        return taken

    @property
    def round_trip(self) -> float:
        return self._ledger.round_trip

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        # One by one: no virtual time passes between them, so that it makes no difference.
        answers = []
        for adjustment in adjustments:
            before = self._ledger.get(adjustment.task)
            (answer,) = self._ledger.admit([adjustment], within=within)
            after = self._ledger.get(adjustment.task)
            self._visits.append(LedgerVisit(adjustment, before, answer, after, self._clock.wall_us()))
            answers.append(answer)
        return answers

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        return self._ledger.reserve(count, within, after=after)

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        return self._ledger.begin(starts)

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        return self._ledger.settle(ends)


class _SetClock:
    """Microseconds since the epoch, which only move when they are moved."""

    def __init__(self) -> None:
        self._now_us = 0

    def advance(self, moment_us: int) -> None:
        self._now_us = max(self._now_us, moment_us)

    def wall_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._now_us / 1e6


class _ConfirmedCalls:
    """Calls that are confirmed at once, when their slot has come."""

    def __init__(self, clock: _SetClock) -> None:
        self._clock = clock
        self._ended: list[Finished] = []

    @property
    def parallelism(self) -> int:
        return _CALLS_AT_ONCE

    def start(self, call: Call) -> None:
        self._clock.advance(round(call.slot.start * 1e6))
        self._ended.append(Finished(call, None))

    def finished(self, until: float) -> list[Finished]:
        if not self._ended:
            self._clock.advance(round(until * 1e6))
        ended, self._ended = self._ended, []
        return ended

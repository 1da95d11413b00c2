"""From tasks that need a call to what came of each: slots, leases, calls in flight, settling.

It yields whatever it waits for (`waits`): the ledger, many steps to a round trip, and the calls that it has started,
which go on meanwhile. Nothing here outlives one batch.
"""

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, islice
from secrets import token_hex
from typing import Any, assert_never

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import ApiError, CallAbandoned, LedgerUnavailable, Throttled, TimestampRefused
from snapshot_tuner.ledger.timing import SLOT_VALID_SECONDS
from snapshot_tuner.ledger.types import (
    AlreadyApplied,
    Begun,
    Bounds,
    Busy,
    CallResult,
    Forgotten,
    Granted,
    Settlement,
)
from snapshot_tuner.model import Cause, TaskRef
from snapshot_tuner.rtc.calls import CALL_SECONDS, CALL_SECONDS_LEAST, Call, Finished
from snapshot_tuner.tuning.slots import SlotsInHand
from snapshot_tuner.tuning.task_results import (
    IN_FLIGHT_ELSEWHERE,
    NO_SLOT,
    NO_TIME_LEFT,
    NOT_ENDED,
    TASK_LOST,
    Called,
    NotCalled,
    TaskResult,
)
from snapshot_tuner.tuning.waits import Begin, CallsEnd, Dispatch, Settle, Wait

CLOCK_TICK_SECONDS = 0.0005
"""Waking up a little after a moment, not just before it."""

BUSY_WAIT_SECONDS, BUSY_WAIT_SECONDS_MOST = 0.01, 0.64
URGENT_WAIT_SECONDS_MOST = 0.04
"""A busy task is asked for again after twice as long each time; an urgent one more often than that pays."""

_STEPS_MEANWHILE = 8
"""For other work between two looks at the calls: log lines, a tenth of a millisecond each."""

_ATTEMPTS_MOST = 8
"""Slots that one task may use up in one batch by missing them; then its event goes back to its source."""


@dataclass(slots=True)
class _Progress:
    """How far one task is in this batch."""

    task: TaskRef
    urgent: bool = False
    attempts: int = 0
    busy_wait: float = BUSY_WAIT_SECONDS
    signed_afresh: bool = False
    bounds: Bounds | None = None


def _report_to_nobody(_: TaskRef, __: TaskResult) -> None:
    """For callers that want no news."""


def dispatch(  # noqa: PLR0913 - most are keywords with defaults
    tasks: Iterable[TaskRef],
    *,
    parallelism: int,
    clock: Clock,
    deadline: float,
    meanwhile: Iterator[object] | None = None,
    token: str | None = None,
    on_result: Callable[[TaskRef, TaskResult], None] = _report_to_nobody,
    round_trip: Callable[[], float] = float,
    urgent: Collection[TaskRef] = (),
) -> Dispatch:
    """Bring each task to its newest interval, or say why not, before `deadline` (local monotonic clock).

    `parallelism` is the most calls at once. `meanwhile` runs while there is nothing to do but wait: each of its steps
    has to be short. `token` is the unique prefix of its calls' tokens. `on_result` gets each task's result as soon as
    there is one. `round_trip` says how far away the ledger is (`Ledger.round_trip`). `urgent` are those of the tasks
    that wait less where they are busy.
    """
    ready = deque(_Progress(task, task in urgent) for task in tasks)
    batch = _Dispatch(ready, parallelism, clock, deadline, token=token or token_hex(12), round_trip=round_trip)
    return batch.steps(meanwhile, on_result)


class _Dispatch:
    """The state of one batch: every task is in just one of ready, busy, flying and results."""

    def __init__(
        self,
        ready: deque[_Progress],
        parallelism: int,
        clock: Clock,
        deadline: float,
        *,
        token: str,
        round_trip: Callable[[], float],
    ) -> None:
        self._parallelism = parallelism
        self._clock = clock
        self._deadline = deadline
        self._last_start = deadline - CALL_SECONDS_LEAST - SLOT_VALID_SECONDS
        self._token = token
        self._tie_breaker = count()
        self._ready = ready
        self._busy: list[tuple[float, int, _Progress]] = []
        self._flying: dict[str, _Progress] = {}
        self._results: dict[TaskRef, TaskResult] = {}
        self._slots = SlotsInHand(parallelism, clock, round_trip)

    def steps(self, meanwhile: Iterator[object] | None, on_result: Callable[[TaskRef, TaskResult], None]) -> Dispatch:
        reported = 0
        ready, busy, flying, slots = self._ready, self._busy, self._flying, self._slots
        try:
            while ready or busy or flying:
                now = self._clock.monotonic()
                while busy and busy[0][0] <= now:
                    self._ready_again(heappop(busy)[2])
                if now > self._last_start:
                    self._give_up_what_no_longer_fits(now)
                slots.drop_those_over(now)
                free = min(len(ready), self._parallelism - len(flying))
                if free and not slots:
                    taken = yield slots.request(free, self._last_start - now)
                    if taken:
                        slots.take(taken)
                    else:
                        self._give_up(ready, NO_SLOT)
                        ready.clear()
                    now = self._clock.monotonic()
                calls: Sequence[Call] = ()
                chosen = [ready.popleft() for _ in range(slots.starting_soon(min(len(ready), free), now))]
                if chosen:
                    calls = yield from self._begin(chosen)
                elif meanwhile and not [*islice(meanwhile, _STEPS_MEANWHILE)]:
                    meanwhile = None
                goes_on = meanwhile or (chosen and ready)
                finished = yield CallsEnd(calls, now if goes_on else self._wake_at(now))
                if finished:
                    yield from self._settle(finished)
                reported = self._report(on_result, reported)
        except LedgerUnavailable as error:
            yield from self._carry_on_without_ledger(error.for_senders)
        self._report(on_result, reported)
        return self._results

    def _report(self, on_result: Callable[[TaskRef, TaskResult], None], reported: int) -> int:
        """Hand out the results after the first `reported`: each task gets one, and keeps it."""
        if reported < len(self._results):
            for task, result in islice(self._results.items(), reported, None):
                on_result(task, result)
        return len(self._results)

    def _give_up_what_no_longer_fits(self, now: float) -> None:
        self._give_up((each for _, _, each in self._busy), IN_FLIGHT_ELSEWHERE)
        self._give_up(self._ready, NO_TIME_LEFT)
        self._busy.clear()
        self._ready.clear()
        if now > self._deadline:
            self._give_up(self._flying.values(), NOT_ENDED)
            self._flying.clear()

    def _give_up(self, given_up: Iterable[_Progress], result: NotCalled) -> None:
        self._results.update((progress.task, result) for progress in given_up)

    def _begin(self, chosen: Sequence[_Progress]) -> Generator[Wait, Any, list[Call]]:
        """The calls that may be made. A busy task leaves its slot to the next one."""
        starts = [(progress.task, f"{self._token}.{next(self._tie_breaker)}") for progress in chosen]
        try:
            answers: Sequence[Begun] = yield Begin(starts)
        except LedgerUnavailable:
            self._ready.extend(chosen)
            raise
        calls: list[Call] = []
        for progress, (task, token), begun in zip(chosen, starts, answers, strict=True):
            if isinstance(begun, Granted):
                slot = self._slots.use()
                timeout = min(CALL_SECONDS, self._deadline - slot.valid_until)
                self._flying[token] = progress
                progress.bounds = begun.bounds
                calls.append(Call(task, token, begun.intent, slot, begun.lease_until, timeout))
            else:
                self._go_without(progress, begun)
        return calls

    def _ready_again(self, progress: _Progress) -> None:
        if progress.urgent:
            self._ready.appendleft(progress)
        else:
            self._ready.append(progress)

    def _go_without(self, progress: _Progress, begun: Busy | AlreadyApplied | Forgotten) -> None:
        match begun:
            case Busy():
                wake_at = self._clock.monotonic() + progress.busy_wait
                most = URGENT_WAIT_SECONDS_MOST if progress.urgent else BUSY_WAIT_SECONDS_MOST
                progress.busy_wait = min(progress.busy_wait * 2, most)
                heappush(self._busy, (wake_at, next(self._tie_breaker), progress))
            case AlreadyApplied():
                self._results[progress.task] = begun
            case Forgotten():
                self._give_up([progress], TASK_LOST)
            case _:
                assert_never(begun)

    def _wake_at(self, now: float) -> float:
        """The next moment at which there is something to do besides a call that ends."""
        ready, busy = self._ready, self._busy
        if not (ready or busy):
            return self._deadline + CLOCK_TICK_SECONDS if self._flying else now
        moment = self._last_start
        if ready and self._slots and len(self._flying) < self._parallelism:
            moment = min(moment, self._slots.next_lead())
        if busy:
            moment = min(moment, busy[0][0])
        return moment + CLOCK_TICK_SECONDS

    def _settle(self, finished: Sequence[Finished]) -> Generator[Wait, Any, None]:
        ends = [(end.call.task, end.call.token, _call_result(end.error)) for end in finished]
        settlements: Sequence[Settlement | None] = [None] * len(ends)
        try:
            settlements = yield Settle(ends)
        finally:
            for end, settlement in zip(finished, settlements, strict=True):
                self._conclude(end, settlement)

    def _conclude(self, end: Finished, settlement: Settlement | None) -> None:
        progress = self._flying.pop(end.call.token, None)
        if progress is None:
            return  # an earlier batch gave this call up; it is settled now
        match end.error:
            case CallAbandoned():
                progress.attempts += 1
                self._slots.missed(end.call.slot)
                if progress.attempts < _ATTEMPTS_MOST:
                    self._ready.appendleft(progress)
                else:
                    reason = f"given up {progress.attempts} times before sending: {end.error}"
                    self._give_up([progress], NotCalled(Cause.UNAVAILABLE, reason))
            case TimestampRefused() if not progress.signed_afresh:
                progress.signed_afresh = True
                self._ready.appendleft(progress)
            case error:
                self._results[progress.task] = Called(end.call.intent, error, settlement, progress.bounds)

    def _carry_on_without_ledger(self, reason: str) -> Generator[Wait, Any, None]:
        """No ledger, no call: only wait for those in flight. What came of them cannot be recorded."""
        while self._flying and self._clock.monotonic() < self._deadline:
            finished: Sequence[Finished] = yield CallsEnd((), self._deadline)
            for end in finished:
                self._conclude(end, None)
        self._give_up(self._flying.values(), NOT_ENDED)
        self._give_up((*self._ready, *(each for _, _, each in self._busy)), NotCalled(Cause.UNAVAILABLE, reason))


def _call_result(error: ApiError | CallAbandoned | None) -> CallResult:
    match error:
        case None:
            return CallResult.APPLIED
        case ApiError(outcome_unknown=True):
            return CallResult.UNKNOWN
        case Throttled():
            return CallResult.THROTTLED
        case _:
            return CallResult.FAILED

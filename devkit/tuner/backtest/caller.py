"""The calls of one worker in virtual time: what `snapshot_tuner.tuning.dispatch` does, without a thread that waits.

In this world no call fails and no slot is missed, so what dispatch does about that is left out. All else happens at
the very moments at which dispatch would do it; the tests run the two side by side.
"""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol, assert_never

from devkit.simulation.instance import Timeline
from devkit.tuner.backtest.ledger import MemoryLedger
from snapshot_tuner.ledger.timing import SLOT_VALID_SECONDS
from snapshot_tuner.ledger.types import AlreadyApplied, Begun, Busy, CallResult, Forgotten, Granted, Intent, Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from snapshot_tuner.rtc.calls import CALL_SECONDS_LEAST
from snapshot_tuner.tuning.dispatch import (
    BUSY_WAIT_SECONDS,
    BUSY_WAIT_SECONDS_MOST,
    CLOCK_TICK_SECONDS,
    DENSE_SLOTS_AT_ONCE,
    LEAD_SECONDS,
    LEAD_SECONDS_LEAST,
    slots_at_once,
)
from snapshot_tuner.tuning.task_results import (
    IN_FLIGHT_ELSEWHERE,
    NO_SLOT,
    NO_TIME_LEFT,
    NOT_ENDED,
    TASK_LOST,
    Called,
    TaskResult,
)


class CallWatch(Protocol):
    """Is told of calls; moments in seconds since the recording began."""

    def sent(self, at: float, now: float) -> None:
        """A call will be sent at `at`."""
        ...

    def confirmed(self, task: TaskRef, intent: Intent, at: float, *, by_event: bool) -> None:
        """A call ended well; `by_event` is False where the reconciler made it."""
        ...


class Caller:
    """One batch at a time: `call`, and `results` when it is done.

    Each call is sent when its slot starts and confirmed `call_seconds` later.
    """

    def __init__(
        self, ledger: MemoryLedger, timeline: Timeline, call_seconds: float, watch: CallWatch, *, by_event: bool
    ) -> None:
        self.results: dict[TaskRef, TaskResult] = {}
        self._ledger = ledger
        self._timeline = timeline
        self._call_seconds = call_seconds
        self._watch = watch
        self._by_event = by_event
        self._deadline = self._last_start = 0.0
        # Each task of a batch is in just one of ready, busy, flying and results. With those that are not called yet
        # goes how long they wait where they are busy.
        self._ready: deque[tuple[TaskRef, float]] = deque()
        self._busy: list[tuple[float, int, TaskRef, float]] = []
        self._flying: set[str] = set()
        self._slots: deque[Slot] = deque()
        self._slots_at_once = DENSE_SLOTS_AT_ONCE
        self._in_the_air: deque[tuple[float, TaskRef, str, Intent]] = deque()
        """By their ends, as slots ascend; also those that an earlier batch gave up."""
        self._numbers = count()
        self._name = f"{id(self):x}"

    def call(self, tasks: Iterable[TaskRef], deadline: float, done: Callable[[], None]) -> bool:
        """Bring each task to its newest interval, or say why not, before `deadline`.

        Whether that is done already; where it is not, `done` is called when it is.
        """
        self.results = {}
        self._done = done
        self._deadline = deadline
        self._last_start = deadline - CALL_SECONDS_LEAST - SLOT_VALID_SECONDS
        self._slots.clear()
        self._slots_at_once = DENSE_SLOTS_AT_ONCE
        self._ready.extend([(task, BUSY_WAIT_SECONDS) for task in tasks])
        return self._go_on()

    def _wake(self) -> None:
        self._land(self._timeline.now)
        if self._go_on():
            self._done()

    def _go_on(self) -> bool:
        """All there is to do now; then it is done, or will wake."""
        ready, busy, flying, slots, in_the_air = self._ready, self._busy, self._flying, self._slots, self._in_the_air
        now = self._timeline.now
        while ready or busy or flying:
            while busy and busy[0][0] <= now:
                ready.append(heappop(busy)[2:])
            if now > self._last_start:
                self._give_up_what_no_longer_fits(now)
            while slots and slots[0].valid_until <= now:
                slots.popleft()
            begun = bool(ready) and self._begin_due(now)
            wake = now if begun else self._wake_at(now)
            if in_the_air and in_the_air[0][0] < wake:
                wake = in_the_air[0][0]
            if wake > now:
                self._timeline.at(wake, self._wake)
                return False
            self._land(now)
        return True

    def _give_up_what_no_longer_fits(self, now: float) -> None:
        self.results.update((task, IN_FLIGHT_ELSEWHERE) for _, _, task, _ in self._busy)
        self.results.update((task, NO_TIME_LEFT) for task, _ in self._ready)
        self._busy.clear()
        self._ready.clear()
        if now > self._deadline:
            self.results.update((task, NOT_ENDED) for _, task, token, _ in self._in_the_air if token in self._flying)
            self._flying.clear()

    def _begin_due(self, now: float) -> bool:
        """Begin the calls whose slots are near. A busy task leaves its slot to the next one."""
        ready, slots = self._ready, self._slots
        free = PARALLEL_CALLS - len(self._flying)
        if free <= 0:
            return False
        if not slots:
            taken = self._ledger.reserve(min(len(ready), free, self._slots_at_once), self._last_start - now)
            if not taken:
                self.results.update((task, NO_SLOT) for task, _ in ready)
                ready.clear()
                return False
            slots.extend(taken)
            self._slots_at_once = slots_at_once(taken, PARALLEL_CALLS)
        latest, due = now + LEAD_SECONDS, 0
        for slot in slots:
            if slot.start > latest:
                break
            due += 1
        chosen = [ready.popleft() for _ in range(min(due, free, len(ready)))]
        starts = [(task, f"{self._name}-{next(self._numbers)}") for task, _ in chosen]
        for (task, wait), (_, token), begun in zip(chosen, starts, self._ledger.begin(starts), strict=True):
            self._follow(task, wait, token, begun, now)
        return bool(chosen)

    def _follow(self, task: TaskRef, wait: float, token: str, begun: Begun, now: float) -> None:
        match begun:
            case Granted():
                sent = max(now, self._slots.popleft().start)
                self._watch.sent(sent, now)
                self._flying.add(token)
                self._in_the_air.append((sent + self._call_seconds, task, token, begun.intent))
            case Busy():
                longer = min(wait * 2, BUSY_WAIT_SECONDS_MOST)
                heappush(self._busy, (now + wait, next(self._numbers), task, longer))
            case AlreadyApplied():
                self.results[task] = begun
            case Forgotten():
                self.results[task] = TASK_LOST
            case _:
                assert_never(begun)

    def _wake_at(self, now: float) -> float:
        """The next moment at which there is something to do besides a call that ends."""
        ready, busy = self._ready, self._busy
        if not (ready or busy):
            return self._deadline + CLOCK_TICK_SECONDS if self._flying else now
        wake = self._last_start
        if ready and self._slots and len(self._flying) < PARALLEL_CALLS:
            wake = min(wake, self._slots[0].start - LEAD_SECONDS_LEAST)
        if busy:
            wake = min(wake, busy[0][0])
        return wake + CLOCK_TICK_SECONDS

    def _land(self, now: float) -> None:
        """What has ended is confirmed and settled."""
        in_the_air, landed = self._in_the_air, []
        while in_the_air and in_the_air[0][0] <= now:
            _, task, token, intent = in_the_air.popleft()
            self._watch.confirmed(task, intent, now, by_event=self._by_event)
            landed.append((task, token, intent))
        if not landed:
            return
        settlements = self._ledger.settle([(task, token, CallResult.APPLIED) for task, token, _ in landed])
        for (task, token, intent), settlement in zip(landed, settlements, strict=True):
            if token in self._flying:  # else an earlier batch gave this call up; it is settled now
                self._flying.remove(token)
                self.results[task] = Called(intent, None, settlement)

"""The calls of one worker in virtual time: the functions' own `dispatch`, driven by a timeline.

In this world no call fails and no slot is missed.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import TYPE_CHECKING, Protocol

from devkit.simulation.instance import Timeline
from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Intent
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.tuning.dispatch import dispatch
from snapshot_tuner.tuning.waits import CallsEnd, Dispatch

if TYPE_CHECKING:
    from snapshot_tuner.tuning.task_results import TaskResult


class CallWatch(Protocol):
    """Receives calls; moments in seconds since the recording began."""

    def sent(self, at: float, now: float) -> None:
        """A call will be sent at `at`."""
        ...

    def confirmed(self, task: TaskRef, intent: Intent, at: float, *, by_event: bool) -> None:
        """A call ended well; `by_event` is False where the reconciler made it."""
        ...


class VirtualCaller:
    """One batch at a time: `call`, and `results` when it is done.

    Each call is sent when its slot starts and confirmed `call_seconds` later.
    """

    def __init__(
        self,
        ledger: Ledger,
        timeline: Timeline,
        clock: Clock,
        call_seconds: float,
        watch: CallWatch,
        *,
        by_event: bool,
    ) -> None:
        self.results: dict[TaskRef, TaskResult] = {}
        self._ledger = ledger
        self._timeline = timeline
        self._clock = clock
        self._call_seconds = call_seconds
        self._watch = watch
        self._by_event = by_event
        self._batches = count()
        self._dispatch: Dispatch
        self._done: Callable[[], None]
        self._flying: deque[tuple[float, Call]] = deque()
        """By their ends, as slots ascend; also those that an earlier batch gave up."""

    def call(
        self,
        tasks: Iterable[TaskRef],
        deadline: float,
        done: Callable[[], None],
        urgent: Collection[TaskRef] = (),
    ) -> bool:
        """Bring each task to its newest interval, or say why not, before `deadline`.

        Whether that is done already; where it is not, `done` is called when it is.
        """
        self._done = done
        self._dispatch = dispatch(
            tasks,
            parallelism=PARALLEL_CALLS,
            clock=self._clock,
            deadline=deadline,
            token=f"{id(self):x}-{next(self._batches)}",
            urgent=urgent,
        )
        return self._go_on(None)

    def _wake(self) -> None:
        if self._go_on(self._ended()):
            self._done()

    def _go_on(self, answer: object) -> bool:
        """Until time has to pass; then it will wake. Whether the batch is done instead."""
        timeline, flying, ledger, send = self._timeline, self._flying, self._ledger, self._dispatch.send
        try:
            while True:
                wait = send(answer)
                if not isinstance(wait, CallsEnd):
                    answer = wait.ask(ledger)
                    continue
                now = timeline.now
                for call in wait.start:
                    sent = max(now, call.slot.start)
                    self._watch.sent(sent, now)
                    flying.append((sent + self._call_seconds, call))
                wake = min(wait.until, flying[0][0]) if flying else wait.until
                if wake > now:
                    timeline.at(wake, self._wake)
                    return False
                answer = self._ended()
        except StopIteration as end:
            self.results = end.value
            return True

    def _ended(self) -> list[Finished]:
        flying, now, ended = self._flying, self._timeline.now, []
        while flying and flying[0][0] <= now:
            _, call = flying.popleft()
            self._watch.confirmed(call.task, call.intent, now, by_event=self._by_event)
            ended.append(Finished(call, None))
        return ended

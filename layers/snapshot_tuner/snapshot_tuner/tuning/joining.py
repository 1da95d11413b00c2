"""Requests that wait together, joined into one batch; a few tuners side by side.

A tuner works on one batch at a time. One for each request would be a container of state for each; one for all of them,
in turn, lets a hundred wait for each other. So a free tuner takes all that waits, and having a few of them keeps a slow
provider, or a task that a killed sandbox has left behind, from holding up the rest. On a prototype, at 30 ms for a
call: a hundred at once in 3.8 s in turn, in 0.44 s with two tuners; forty behind the lease of a killed sandbox in
13.7 s with two, in 0.14 s with four.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Final

from snapshot_tuner.clock import Clock
from snapshot_tuner.events.readings.reading import Event, Readings
from snapshot_tuner.model import Cause, Outcome, OutcomeKind, Signal
from snapshot_tuner.tuning.tuner import Tuner, Work, by_message

JOINED_MOST: Final = 200
"""Events in a batch that has more than one request: what is more is left to the next tuner."""

_NOT_KNOWN: Final = "its outcome was not known in time"


class _Waiting:
    """A request that waits, and what is known of its events so far."""

    def __init__(self, events: Sequence[Work], deadline: float) -> None:
        self.events = events
        self.deadline = deadline
        self.context: Context = copy_context()
        self.answer: Future[list[list[Outcome]]] = Future()
        self._known: dict[int, Sequence[Outcome]] = {}

    def know(self, number: int, outcomes: Sequence[Outcome]) -> None:
        self._known[number] = outcomes
        if len(self._known) == len(self.events) and not self.answer.done():
            self.answer.set_result([[*self._known[each]] for each in range(len(self.events))])

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class JoinedTuners:
    """To be asked from any thread, as one `Tuner`.

    `tuners` are asked for anew before each batch, each in a thread of its own, and raise FixDeployment like
    `bootstrap.tuner`.
    """

    def __init__(self, tuners: Sequence[Callable[[], Tuner]], readings: Callable[[], Readings], clock: Clock) -> None:
        self._readings = readings
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(tuner,), name=f"tuner-{number}", daemon=True)
            for number, tuner in enumerate(tuners, start=1)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """What waits is still done; nothing new is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def readings(self) -> Readings:
        """As `Tuner.readings`. Raises FixDeployment."""
        return self._readings()

    def process_each(self, messages: Sequence[Sequence[Event]], deadline: float) -> list[list[Outcome]]:
        """As `Tuner.process_each`."""
        return by_message(messages, self.process([event for message in messages for event in message], deadline))

    def process(self, events: Sequence[Work], deadline: float) -> list[list[Outcome]]:
        """As `Tuner.process`. What is not known at the request's own deadline has to be asked for again."""
        if not events:
            return []
        waiting = _Waiting(events, deadline)
        with self._changed:
            if self._closed:
                return _not_known(events, "the instance is shutting down")
            self._waiting.append(waiting)
            self._changed.notify()
        try:
            return waiting.answer.result(max(0.0, deadline - self._clock.monotonic()))
        except TimeoutError:
            return _not_known(events, _NOT_KNOWN)

    def _work(self, tuner: Callable[[], Tuner]) -> None:
        while batch := self._take():
            try:
                self._process(tuner(), batch)
            except Exception as error:  # noqa: BLE001 - each request says so itself, and the thread goes on
                for waiting in batch:
                    waiting.fail(error)

    def _take(self) -> list[_Waiting]:
        """All that waits, as far as it is one batch; empty at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            taken: list[_Waiting] = []
            count = 0
            while self._waiting and (not taken or count + len(self._waiting[0].events) <= JOINED_MOST):
                waiting = self._waiting.popleft()
                taken.append(waiting)
                count += len(waiting.events)
            return taken

    def _process(self, tuner: Tuner, batch: Sequence[_Waiting]) -> None:
        places = [(waiting, number) for waiting in batch for number in range(len(waiting.events))]

        def conclude(number: int, outcomes: Sequence[Outcome]) -> None:
            waiting, place = places[number]
            waiting.know(place, outcomes)

        answers = tuner.process(
            [event for waiting in batch for event in waiting.events],
            # The latest: whose own is sooner is answered by then, and the call that is on its way is settled.
            max(waiting.deadline for waiting in batch),
            on_outcomes=conclude,
            contexts=[waiting.context for waiting, _ in places],
        )
        for number, outcomes in enumerate(answers):
            conclude(number, outcomes)


def _not_known(events: Sequence[Work], reason: str) -> list[list[Outcome]]:
    return [
        [Outcome(OutcomeKind.RETRY, reason, event.id, event.source, cause=Cause.UNKNOWN)]
        if isinstance(event, Signal)
        else [Outcome(OutcomeKind.RETRY, reason, cause=Cause.UNKNOWN)]
        for event in events
    ]

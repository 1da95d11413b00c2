"""Many tasks in one thread: each goes on when what it waits for is ready."""

import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from snapshot_tuner.rtc.http.tasks import Task, Wait

Done = Callable[[Exception | None], None]
"""Called when a task has ended: with nothing, or with what it raised."""


class _Running:
    """A running task, and what it waits for; `turn` distinguishes its current wait from earlier ones."""

    __slots__ = ("done", "sock", "task", "turn")

    def __init__(self, task: Task[Any], done: Done) -> None:
        self.task = task
        self.done = done
        self.sock: socket.socket | None = None
        self.turn = 0


def _readable(sock: socket.socket, until: float) -> Task[None]:
    yield Wait(until, sock)


class EventLoop:
    """Used by one thread, which has to run it for anything to go on; other threads only end its futures."""

    def __init__(self) -> None:
        self._to_resume: deque[tuple[_Running, int]] = deque()
        self._timers: list[tuple[float, int, _Running, int]] = []
        self._tie_breaker = count()
        self._asleep = False

    @cached_property
    def _selector(self) -> DefaultSelector:
        # Opened on first use: two sandboxes must not be restored with one and the same.
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        selector = DefaultSelector()
        selector.register(self._woken, EVENT_READ)
        return selector

    def start(self, task: Task[Any], done: Done) -> None:
        """The task begins with the next `run_once`."""
        self._to_resume.append((_Running(task, done), 0))

    def run_once(self, until: float) -> None:
        """All that can go on does, up to its next wait; if nothing can, this waits for what can first, or `until`.

        `until` is on the local monotonic clock, in seconds. Arrivals are checked before timeouts: after a pause of the
        machine an answer that has arrived counts, even if it was waited for too long.
        """
        for key, _ in self._selector.select(self._seconds_to_sleep(until)):
            if key.data is None:
                self._woken.recv(4096)
            else:
                self._advance(*key.data)
        self._asleep = False
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._advance(*heappop(self._timers)[2:])
        for _ in range(len(self._to_resume)):
            self._advance(*self._to_resume.popleft())

    def wait_for(self, sock: socket.socket, until: float) -> None:
        """For a caller that waits for something else in this thread: tasks go on until that is readable, or `until`."""
        ended: list[Exception | None] = []
        self.start(_readable(sock, until), ended.append)
        while not ended:
            self.run_once(until)

    def close(self) -> None:
        """What is still running is left as it is."""
        if "_selector" in vars(self):
            self._selector.close()
            self._waker.close()
            self._woken.close()

    def _seconds_to_sleep(self, until: float) -> float:
        # First the flag, then the check: a future that ends between the two wakes the loop.
        self._asleep = True
        if self._to_resume:
            return 0
        moment = min(until, self._timers[0][0]) if self._timers else until
        return max(0.0, moment - time.monotonic())

    def _resume_soon(self, running: _Running, turn: int) -> None:
        self._to_resume.append((running, turn))
        if self._asleep:
            self._asleep = False
            with suppress(BlockingIOError):  # it is being woken already
                self._waker.send(b"\0")

    def _advance(self, running: _Running, turn: int) -> None:
        if turn != running.turn:
            return  # it has gone on since then
        running.turn += 1
        if running.sock is not None:
            self._selector.unregister(running.sock)
            running.sock = None
        error: Exception | None = None
        try:
            self._wait(running, next(running.task))
        except StopIteration:
            pass
        except Exception as raised:  # noqa: BLE001 -- handed over: whoever started it decides what it means
            error = raised
        else:
            return
        done = running.done
        del running.task, running.done  # its last timers may be here for a while
        done(error)

    def _wait(self, running: _Running, wait: Wait) -> None:
        turn = running.turn
        heappush(self._timers, (wait.until, next(self._tie_breaker), running, turn))
        if wait.sock is not None:
            self._selector.register(wait.sock, EVENT_WRITE if wait.to_send else EVENT_READ, (running, turn))
            running.sock = wait.sock
        elif wait.future is not None:
            wait.future.add_done_callback(lambda _: self._resume_soon(running, turn))

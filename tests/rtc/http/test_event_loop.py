"""Many tasks in one thread: each goes on when what it waits for is there, and only then."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.http.tasks import Task, Wait
from tests.rtc.http.loop_runs import LONG, SHORT, run_until


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    loop = EventLoop()
    yield loop
    loop.close()


def test_one_that_breaks_does_not_harm_the_others(loop: EventLoop, pair: tuple[socket.socket, socket.socket]) -> None:
    """Neither by raising, nor by waiting for a socket that is closed, nor by being slow to come."""
    near, far = pair
    ends: dict[str, Exception | None] = {}

    def note_end(error: Exception | None) -> None:
        ends["closed"] = error
        far.sendall(b"!")

    def breaks() -> Task[None]:
        yield Wait(time.monotonic())
        raise KeyError("broken")

    def waits_for_nothing() -> Task[None]:
        closed = socket.socket()
        closed.close()
        yield Wait(time.monotonic() + LONG, closed)

    def reads() -> Task[None]:
        yield Wait(time.monotonic() + LONG, near)
        assert near.recv(1) == b"!"

    loop.start(reads(), lambda error: ends.update(reads=error))
    loop.start(breaks(), lambda error: ends.update(breaks=error))
    loop.start(waits_for_nothing(), note_end)
    run_until(loop, ends, 3)
    assert {name: type(error) for name, error in ends.items()} == {
        "reads": type(None),
        "breaks": KeyError,
        "closed": ValueError,
    }


def test_a_future_that_is_done_after_its_moment_resumes_nothing(loop: EventLoop) -> None:
    """The task waits for something else by then."""
    slow: Future[None] = Future()
    then: Future[None] = Future()
    resumed: list[str] = []
    ended: list[Exception | None] = []

    def task() -> Task[None]:
        yield Wait(time.monotonic() + SHORT, future=slow)
        resumed.append("after the moment")
        slow.set_result(None)
        threading.Timer(SHORT, then.set_result, [None]).start()
        yield Wait(time.monotonic() + LONG, future=then)
        resumed.append(f"then done: {then.done()}")

    loop.start(task(), ended.append)
    run_until(loop, ended, 1)
    assert resumed == ["after the moment", "then done: True"]


def test_a_run_ends_at_its_moment_where_nothing_can_go_on(loop: EventLoop) -> None:
    """However far away what is waited for; and tasks begin with the first run."""
    begun: list[float] = []

    def task() -> Task[None]:
        begun.append(time.monotonic())
        yield Wait(time.monotonic() + LONG)

    loop.start(task(), lambda _: None)
    assert not begun
    loop.run_once(time.monotonic() + LONG)
    assert len(begun) == 1
    moment = time.monotonic() + SHORT
    while time.monotonic() < moment:
        loop.run_once(moment)
    assert time.monotonic() < moment + LONG / 2


def test_after_a_pause_what_has_come_counts_and_not_that_it_is_late(
    loop: EventLoop, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Nobody ran the loop until long after the moment: the answer lies there all the same."""
    near, far = pair
    read: list[bytes] = []

    def task() -> Task[None]:
        yield Wait(time.monotonic(), near)
        read.append(near.recv(10))

    loop.start(task(), lambda _: None)
    loop.run_once(time.monotonic())
    far.sendall(b"answer")
    loop.run_once(time.monotonic())
    assert read == [b"answer"]


def test_a_future_done_when_the_loop_is_closed_disturbs_nobody() -> None:
    """A connection that opens after all is over, for instance."""
    loop, future = EventLoop(), Future[None]()

    def task() -> Task[None]:
        yield Wait(time.monotonic() + LONG, future=future)

    loop.start(task(), lambda _: None)
    loop.run_once(time.monotonic())
    loop.close()
    future.set_result(None)


@given(
    waits=st.lists(
        st.lists(st.tuples(st.sampled_from(["time", "future", "socket"]), st.integers(0, 3)), max_size=4),
        min_size=1,
        max_size=12,
    )
)
def test_however_many_and_whatever_they_wait_for_each_goes_through_all_its_waits_in_order(
    waits: list[list[tuple[str, int]]],
) -> None:
    """Also where futures are done in other threads, just before and just after somebody sleeps on them."""
    loop = EventLoop()
    seen: list[list[int]] = [[] for _ in waits]
    ended: list[Exception | None] = []

    def task(number: int) -> Task[None]:
        near, far = socket.socketpair()
        with near, far:
            for wait, (kind, milliseconds) in enumerate(waits[number]):
                delay = milliseconds / 1000
                if kind == "time":
                    moment = time.monotonic() + delay
                    while time.monotonic() < moment:
                        yield Wait(moment)
                elif kind == "future":
                    future: Future[None] = Future()
                    threading.Timer(delay, future.set_result, [None]).start()
                    yield Wait(time.monotonic() + LONG, future=future)
                    assert future.done()
                else:
                    timer = threading.Timer(delay, far.send, [b"x"])
                    timer.start()
                    yield Wait(time.monotonic() + LONG, near)
                    assert near.recv(1) == b"x"
                    timer.join()
                seen[number].append(wait)

    for number in range(len(waits)):
        loop.start(task(number), ended.append)
    run_until(loop, ended, len(waits))
    loop.close()
    assert ended == [None] * len(waits)
    assert seen == [list(range(len(each))) for each in waits]

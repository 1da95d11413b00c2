"""Task wait for moments, sockets and futures, whoever carries them out."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

import pytest

from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.http.tasks import Task, Wait, run
from tests.rtc.http.loop_runs import LONG, SHORT, run_until


def by_itself(task: Task[None]) -> None:
    run(task)


def in_a_loop(task: Task[None]) -> None:
    loop, ended = EventLoop(), list[Exception | None]()
    loop.start(task, ended.append)
    run_until(loop, ended, 1)
    loop.close()
    if ended[0] is not None:
        raise ended[0]


drivers = pytest.mark.parametrize("driver", [by_itself, in_a_loop])
Driver = Callable[[Task[None]], None]


@drivers
def test_a_moment_is_waited_for(driver: Driver) -> None:
    """Never resumed much too early: at the moment itself, or a clock's tick before it."""
    moment = time.monotonic() + SHORT
    resumed: list[float] = []

    def task() -> Task[None]:
        while time.monotonic() < moment:
            yield Wait(moment)
        resumed.append(time.monotonic())

    driver(task())
    assert resumed[0] >= moment


@drivers
def test_a_socket_is_waited_for_until_there_is_something_to_read(
    driver: Driver, pair: tuple[socket.socket, socket.socket]
) -> None:
    """It goes on with the data, long before the moment."""
    near, far = pair
    read: list[bytes] = []

    def task() -> Task[None]:
        yield Wait(time.monotonic() + LONG, near)
        read.append(near.recv(10))

    threading.Timer(SHORT, far.sendall, [b"hello"]).start()
    driver(task())
    assert read == [b"hello"]


@drivers
def test_a_silent_socket_is_left_at_the_moment(driver: Driver, pair: tuple[socket.socket, socket.socket]) -> None:
    """And can be waited for again."""
    near, far = pair
    read: list[bytes | None] = []

    def task() -> Task[None]:
        yield Wait(time.monotonic() + SHORT, near)
        with pytest.raises(BlockingIOError):
            near.recv(10)
        read.append(None)
        far.sendall(b"late")
        yield Wait(time.monotonic() + LONG, near)
        read.append(near.recv(10))

    driver(task())
    assert read == [None, b"late"]


@drivers
def test_a_full_socket_is_waited_for_until_it_takes_more(
    driver: Driver, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A slow reader on the other side."""
    near, far = pair
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += near.send(b"x" * 65_536)

    def task() -> Task[None]:
        yield Wait(time.monotonic() + LONG, near, to_send=True)
        assert near.send(b"y")

    def drain() -> None:
        for _ in range(sent // 4096):
            far.recv(4096)

    reader = threading.Timer(SHORT, drain)
    reader.start()
    driver(task())
    reader.join()


@drivers
@pytest.mark.parametrize("delay", [0.0, SHORT])
def test_a_future_is_waited_for_until_it_is_done(driver: Driver, delay: float) -> None:
    """Done in another thread, or before anybody waited."""
    future: Future[int] = Future()
    got: list[int] = []

    def task() -> Task[None]:
        if not delay:
            future.set_result(7)
        yield Wait(time.monotonic() + LONG, future=future)
        got.append(future.result(0))

    if delay:
        threading.Timer(delay, future.set_result, [7]).start()
    driver(task())
    assert got == [7]


@drivers
def test_what_tasks_raise_comes_out(driver: Driver) -> None:
    def task() -> Task[None]:
        yield Wait(time.monotonic())
        raise KeyError("found")

    with pytest.raises(KeyError, match="found"):
        driver(task())


def test_the_result_of_one_carried_out_is_returned() -> None:
    def task() -> Task[str]:
        yield Wait(time.monotonic())
        return "result"

    assert run(task()) == "result"

"""Work that mostly waits, written from top to bottom: a generator that yields what it waits for.

Its driver does the waiting: `run` for one of them, `EventLoop` for any number, in one thread.
"""

import select
import socket
import time
from collections.abc import Generator
from concurrent import futures
from typing import Any, NamedTuple, TypeVar

_Result = TypeVar("_Result")


class Wait(NamedTuple):
    """Go on when `until` is reached (local monotonic clock), or before, when what is waited for is there.

    If given, that is a socket that can be read, or, with `to_send`, written; or a future that is done. The task has to
    check which of them it was.
    """

    until: float
    sock: socket.socket | None = None
    to_send: bool = False
    future: "futures.Future[Any] | None" = None


Task = Generator[Wait, None, _Result]


def run(task: Task[_Result]) -> _Result:
    """Drive one to its end, in the caller's own thread; what it raises comes out."""
    try:
        while True:
            _wait(next(task))
    except StopIteration as end:
        result: _Result = end.value
        return result


def _wait(wait: Wait) -> None:
    seconds = max(0.0, wait.until - time.monotonic())
    if wait.sock is not None:
        readiness = select.poll()
        readiness.register(wait.sock, select.POLLOUT if wait.to_send else select.POLLIN)
        readiness.poll(seconds * 1000)
    elif wait.future is not None:
        futures.wait([wait.future], timeout=seconds)
    else:
        time.sleep(seconds)

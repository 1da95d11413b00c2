"""Waiting for what other threads and processes do, without sleeping for a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")
_EVERY_SECONDS = 0.02


def eventually(find: Callable[[], _Found | None], *, within: float = 15.0) -> _Found:
    """What `find` returns as soon as that is true; fails when it is not within so many seconds."""
    deadline = time.monotonic() + within
    while True:
        found = find()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within} s; last seen: {found!r}"
        time.sleep(_EVERY_SECONDS)


def until(condition: Callable[[], bool]) -> None:
    """For five seconds at the most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.002)

"""Waiting for what other processes do, without sleeping for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")
_EVERY_SECONDS = 0.02


def eventually(look: Callable[[], _Found | None], *, within: float = 15.0) -> _Found:
    """What `look` returns as soon as that is true; fails when it is not within so many seconds."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within} s; last seen: {found!r}"
        time.sleep(_EVERY_SECONDS)

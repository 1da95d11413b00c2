"""Waiting for what another thread brings about, with a deadline."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool]) -> None:
    """For five seconds at the most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.002)

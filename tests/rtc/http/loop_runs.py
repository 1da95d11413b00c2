"""Runs of an event loop, and how long what its tasks wait for may take."""

import time
from collections.abc import Sized

from snapshot_tuner.rtc.http.event_loop import EventLoop

LONG = 60.0
SHORT = 0.03


def run_until(loop: EventLoop, ends: Sized, number: int) -> None:
    """Run until so many tasks have ended."""
    give_up = time.monotonic() + LONG
    while len(ends) < number:
        assert time.monotonic() < give_up, "not in time"
        loop.run_once(give_up)

"""Rounds of a step loop, and how long what its steps wait for may take."""

import time
from collections.abc import Sized

from snapshot_tuner.rtc.http.event_loop import StepLoop

LONG = 60.0
SHORT = 0.03


def run(loop: StepLoop, ends: Sized, number: int) -> None:
    """Go round until so many have ended."""
    give_up = time.monotonic() + LONG
    while len(ends) < number:
        assert time.monotonic() < give_up, "not in time"
        loop.round(give_up)

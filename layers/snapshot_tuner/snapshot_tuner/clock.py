"""The clock as an argument, so that tests and the simulation can bring their own."""

import time
from typing import Protocol, TypeAlias


class Clock(Protocol):
    """What time it is, twice: for people, and for measuring."""

    def wall_us(self) -> int:
        """Microseconds since the Unix epoch; may step."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never steps back."""
        ...


Moment: TypeAlias = tuple[float, int]
"""On both clocks: the monotonic one may stop with the sandbox, and the wall clock may be set."""


def moment(clock: Clock) -> Moment:
    return clock.monotonic(), clock.wall_us()


def seconds_since(then: Moment, clock: Clock) -> float:
    """By the clock on which it is longer ago."""
    monotonic, wall_us = then
    return max(clock.monotonic() - monotonic, abs(clock.wall_us() - wall_us) / 1e6)


class SystemClock:
    """This machine's clock."""

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

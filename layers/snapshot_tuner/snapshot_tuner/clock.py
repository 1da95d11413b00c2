"""The clock as an argument, so that tests and the simulation can bring their own."""

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, twice: for people, and for measuring."""

    def wall_us(self) -> int:
        """Microseconds since the Unix epoch; may step."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never steps back."""
        ...


class SystemClock:
    """This machine's clock."""

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

"""What this machine knows of the store's clock: bounds, narrowed by every reply that carries a time."""

from snapshot_tuner.ledger.timing import SLOT_VALID_SECONDS
from snapshot_tuner.ledger.types import Slot

DRIFT = 0.001
"""How far two clocks may part, in seconds per second: NTP slews by at most half of that (500 ppm)."""

_TICK_SECONDS = 1e-6
"""The store tells whole microseconds, rounded down."""


class StoreClock:
    """An interval that holds (the store's clock - the local monotonic clock), in seconds.

    A reply that says `store_us` was made between `sent` and `received`, which bounds the difference from
    both sides. The bounds of several replies are intersected, so that one slow reply does not matter;
    between replies they part by DRIFT. Where nothing is common to the old bounds and the new ones, one of
    the clocks was set, or another server answers: the new ones count.
    """

    def __init__(self) -> None:
        self._bounds: tuple[float, float] | None = None
        self.observed = 0.0  # the last reply, on the local monotonic clock

    def forget(self) -> None:
        """Start afresh: this machine may have been frozen, its monotonic clock with it."""
        self._bounds = None

    def observe(self, sent: float, received: float, store_us: int) -> None:
        """A reply came: `sent` and `received` on the local monotonic clock."""
        said = store_us / 1e6
        new = (said - received, said + _TICK_SECONDS - sent)
        if self._bounds is not None:
            drift = DRIFT * (received - self.observed)
            both = (max(self._bounds[0] - drift, new[0]), min(self._bounds[1] + drift, new[1]))
            new = both if both[0] <= both[1] else new
        self._bounds = new
        self.observed = received

    @property
    def uncertainty(self) -> float:
        """Width of the interval at the last reply, in seconds; infinite before the first."""
        return self._bounds[1] - self._bounds[0] if self._bounds is not None else float("inf")

    def now_us(self, local: float) -> int:
        """What the store's clock says at least when the local monotonic one says `local`.

        At least: a slot that starts so many seconds from then on starts no later from now.
        """
        if self._bounds is None:
            raise RuntimeError("no reply of the store has been observed")
        return round((local + self._bounds[0]) * 1e6)  # a float near 1.8e9 s is up to 0.2 us off

    def slot(self, start_us: int) -> Slot:
        """The slot that starts at `start_us` of the store's clock: never early, never valid too long.

        To be asked directly after `observe`; it is shorter than SLOT_VALID_SECONDS by the uncertainty.
        """
        if self._bounds is None:
            raise RuntimeError("no reply of the store has been observed")
        low, high = self._bounds
        start = start_us / 1e6
        return Slot(start - low, start - high + SLOT_VALID_SECONDS)

"""What this machine knows of the store's clock: bounds, narrowed by every reply that carries a time."""

from snapshot_tuner.ledger.types import Slot

DRIFT = 0.001
"""How far two clocks may part, in seconds per second: NTP slews by at most half of that (500 ppm)."""

_TICK_SECONDS = 1e-6
"""The store gives whole microseconds, rounded down."""


class StoreClock:
    """An interval that holds (the store's clock - the local monotonic clock), in seconds.

    A reply that says `store_us` was made between `sent` and `received`, which bounds the difference from both sides.
    The bounds of several replies are intersected, so that one slow reply does not matter; between replies they part by
    DRIFT. If the old bounds and the new ones do not overlap, the store's clock was set, or another server has taken
    over: the new ones count.

    `correction_us` is what the ledger's time is ahead of the store's clock.
    """

    def __init__(self) -> None:
        self.correction_us = 0
        self.observed = 0.0  # the last reply, on the local monotonic clock
        self._sent = 0.0  # what it answers: its bounds are of a moment between the two
        self._bounds: tuple[float, float] | None = None
        self._lowest = float("-inf")  # that the difference can be, whatever has stood still since

    def wake(self) -> None:
        """This machine may have been frozen, its monotonic clock with it: the store's can only be further ahead."""
        if self._bounds is not None:
            self._lowest = self._bounds[0]
        self._bounds = None

    def observe(self, sent: float, received: float, store_us: int) -> int:
        """A reply came: `sent` and `received` on the local monotonic clock.

        Returns by how many microseconds the store's clock was set meanwhile, as far as that shows; as a rule 0.
        """
        said = store_us / 1e6
        new = (said - received, said + _TICK_SECONDS - sent)
        drift = DRIFT * (received - self._sent)
        step = 0.0
        if self._bounds is not None:
            both = (max(self._bounds[0] - drift, new[0]), min(self._bounds[1] + drift, new[1]))
            if both[0] > both[1] + _TICK_SECONDS:
                step = (sum(new) - sum(self._bounds)) / 2
            elif both[0] <= both[1]:
                new = both
        elif new[1] < self._lowest - drift - _TICK_SECONDS:
            step = new[1] - self._lowest
        self._bounds = new
        self._lowest = float("-inf")
        self._sent, self.observed = sent, received
        return round(step * 1e6)

    @property
    def uncertainty(self) -> float:
        """Width of the interval at the last reply, in seconds; infinite before the first."""
        return self._bounds[1] - self._bounds[0] if self._bounds is not None else float("inf")

    def now_us(self, local: float) -> int:
        """The ledger's time, at least, when the local monotonic clock says `local`.

        At least: a slot that starts so many seconds from then on starts no later from now.
        """
        if self._bounds is None:
            raise RuntimeError("no reply of the store has been observed")
        # A float near 1.8e9 s is up to 0.2 us off.
        return round((local + self._bounds[0]) * 1e6) + self.correction_us

    def slot(self, start_us: int, validity: float) -> Slot:
        """The slot that starts at `start_us` of the ledger's time: never early, never valid too long.

        To be asked directly after `observe`; it is shorter than `validity`, in seconds, by the uncertainty.
        """
        if self._bounds is None:
            raise RuntimeError("no reply of the store has been observed")
        low, high = self._bounds
        start = (start_us - self.correction_us) / 1e6
        return Slot(start - low, start - high + validity)

"""What slots allow: counted for the worst moment."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from snapshot_tuner.ledger.types import Slot


def most_in_a_second(slots: Sequence[Slot]) -> int:
    """Calls that could be sent in one second: each slot may be used until it ends."""
    starts, ends = sorted(slot.start for slot in slots), sorted(slot.valid_until for slot in slots)
    # Of those that start before the second is over, all but those that have ended before it begins.
    return max((bisect_left(starts, since + 1) - bisect_right(ends, since) for since in [*starts, *ends]), default=0)

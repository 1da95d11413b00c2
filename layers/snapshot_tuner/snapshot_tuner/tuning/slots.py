"""The call slots that a batch has in hand: how many it asks for, how soon, and when to begin the next call."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.timing import SLOT_VALID_SECONDS
from snapshot_tuner.ledger.types import Slot
from snapshot_tuner.tuning.waits import Reserve

LEAD_SECONDS, LEAD_SECONDS_LEAST = 0.05, 0.015
"""How long before its slot a call is begun: at 145/s five or six of them share one round trip."""

NEAR_SECONDS = 0.01
"""A round trip to the ledger that does not matter."""

LEAD_ROUND_TRIPS, LEAD_ROUND_TRIPS_LEAST = 8.0, 2.0
"""Sooner by this many where it does: while a call is begun, or another is settled, the slots go on."""

AFTER_ROUND_TRIPS = 2.25
"""To reserve a slot and to begin a call takes two; no slot that starts sooner is asked for."""

_LATE_SECONDS, _LATE_SECONDS_MOST = 0.02, 0.3
"""A machine that missed a slot asks for later ones, so that all is prepared in time: doubled with every pause of it."""

DENSE_SLOTS_AT_ONCE = 32
"""How many slots may be usable at the same moment; with more, the last would be over before their turn."""


class SlotsInHand:
    """Those of one batch, in their order."""

    def __init__(self, parallelism: int, clock: Clock, round_trip: Callable[[], float]) -> None:
        self._parallelism = parallelism
        self._clock = clock
        self._round_trip = round_trip
        self._slots: deque[Slot] = deque()
        # Far away the next ones would start too late to go on where the first ones end.
        self._at_once = parallelism if self._far() else DENSE_SLOTS_AT_ONCE
        self._late, self._late_since = 0.0, float("-inf")

    def __bool__(self) -> bool:
        return bool(self._slots)

    def drop_those_over(self, now: float) -> None:
        """And those that will be, before a call can be begun."""
        while self._slots and self._slots[0].valid_until <= now + self._far():
            self._slots.popleft()

    def request(self, most: int, within: float) -> Reserve:
        """For how many to ask, `most` of them, all within so many seconds."""
        return Reserve(min(most, self._at_once), within, max(self._late, AFTER_ROUND_TRIPS * self._far()))

    def take(self, slots: Sequence[Slot]) -> None:
        """What was granted, one at least."""
        span = slots[-1].start - slots[0].start
        are_dense = (len(slots) - 1) * SLOT_VALID_SECONDS >= span * DENSE_SLOTS_AT_ONCE
        # Of dense ones no more than can be sent while they last: the rest would be over before their turn.
        self._at_once = DENSE_SLOTS_AT_ONCE if are_dense else self._parallelism
        self._slots.extend(slots[: self._at_once])

    def starting_soon(self, most: int, now: float) -> int:
        """For how many of them a call has to be begun now."""
        latest = now + LEAD_SECONDS + LEAD_ROUND_TRIPS * self._far()
        return sum(slot.start <= latest for slot in islice(self._slots, most))

    def use(self) -> Slot:
        return self._slots.popleft()

    def next_lead(self) -> float:
        """The latest moment to begin the next one's call."""
        return self._slots[0].start - LEAD_SECONDS_LEAST - LEAD_ROUND_TRIPS_LEAST * self._far()

    def missed(self, slot: Slot) -> None:
        """It was over before its call could be sent: the next ones have to start later."""
        if slot.start > self._late_since:  # of those that were due by then nothing new is learnt
            self._late = min(max(_LATE_SECONDS, 2 * self._late), _LATE_SECONDS_MOST)
            self._late_since = self._clock.monotonic()

    def _far(self) -> float:
        """The round trip to the ledger, where it matters."""
        round_trip = self._round_trip()
        return round_trip if round_trip > NEAR_SECONDS else 0.0

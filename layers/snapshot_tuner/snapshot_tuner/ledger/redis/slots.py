"""The fleet's call slots: how many may be called when, by the store's clock, and at which rate."""

from math import isinf

from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.rate_limit import Pace, RateWatch, validity
from snapshot_tuner.ledger.redis.namespace import Namespace
from snapshot_tuner.ledger.redis.scripts import WRITING, Script
from snapshot_tuner.ledger.timing import READS_PER_SECOND
from snapshot_tuner.ledger.types import CallRate, Slot

_MEASURED_MOST = 2


class Slots:
    """Of the calls, and of the calls that only read, which have a budget of their own."""

    def __init__(self, namespace: Namespace, slots_per_second: float, log: WarningLog) -> None:
        self._namespace = namespace
        self._slots_per_second = slots_per_second
        self._rate = RateWatch(slots_per_second, log)
        self._script = Script.load(*WRITING, "rate_limit", "reserve")

    def reserve(self, count: int, within: float, after: float) -> list[Slot]:
        """Raises LedgerUnavailable too where the store's clock is known too badly for any slot to be usable."""
        slots, pace = self._reserve(self._namespace.keys.cursor, self._slots_per_second, count, within, after)
        self._rate.see(pace)
        return slots

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        return self._reserve(self._namespace.keys.cursor_of_reads, READS_PER_SECOND, count, within)[0]

    def call_rate(self) -> CallRate:
        return self._rate.rate(self._reserve(self._namespace.keys.cursor, self._slots_per_second)[1])

    def _reserve(
        self, cursor: bytes, rate: float, count: int = 0, within: float = 0.0, after: float = 0.0
    ) -> tuple[list[Slot], Pace]:
        """The slots, and the pace in force."""
        store = self._namespace.store
        if isinf(store.clock.uncertainty):
            store.measure()
        for _ in range(_MEASURED_MOST):
            valid = validity(store.clock.uncertainty)
            own = Pace.of(rate, valid)
            args = [b"%d" % number for number in (count, int(within * 1e6), int(after * 1e6))]
            args += [b"%.17g" % number for number in own]
            _, first_us, taken, step_us, *pace = self._namespace.run(self._script, [cursor], args, measure=True)
            if store.clock.uncertainty < valid:
                slots = [store.clock.slot(first_us + step_us * index, valid) for index in range(taken)]
                return slots, Pace(*map(float, pace))
            store.measure()  # it was another server, or one slow reply is not a slow store
        raise LedgerUnavailable("Redis ledger: it answers too slowly to tell when a call slot starts")

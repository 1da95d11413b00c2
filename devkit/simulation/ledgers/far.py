"""Ledgers that know the store's clock only as well as one can over a distance; the way itself is `FaultyLedger`'s."""

from collections.abc import Callable
from pathlib import Path

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.clock_sync import StoreClock
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.rate_limit import Budget, Pace, validity
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import READS_PER_SECOND
from snapshot_tuner.ledger.types import Limits


def paces(limits: Limits, round_trip: float) -> dict[Budget, Pace]:
    """What a worker asks for that is so many seconds away."""
    rates = {Budget.CALLS: limits.slots_per_second, Budget.READS: READS_PER_SECOND}
    return {budget: Pace.of(rate, validity(round_trip)) for budget, rate in rates.items()}


class FarSqliteLedger(SqliteLedger):
    """As a file could be that is so many seconds away."""

    def __init__(self, path: Path, namespace: str, limits: Limits, clock: Clock, round_trip: float) -> None:
        super().__init__(path, namespace, limits, clock)
        self._paces = paces(limits, round_trip)


class _VagueClock(StoreClock):
    round_trip = 0.0

    @property
    def uncertainty(self) -> float:
        return max(super().uncertainty, self.round_trip)


class FarValkeyLedger(VirtualValkeyLedger):
    """Its server is so many seconds away."""

    def __init__(  # noqa: PLR0917 - those of a ledger, and one
        self,
        url: str,
        namespace: str,
        limits: Limits,
        clock: Clock,
        log: WarningLog,
        round_trip: float,
        failovers: Callable[[], int],
    ) -> None:
        super().__init__(url, namespace, limits, clock, log, failovers=failovers)
        self._store.clock = _VagueClock()
        self._store.clock.round_trip = round_trip

"""What a ledger warns of is logged, and what somebody has to look at is counted."""

from snapshot_tuner.telemetry.metrics import BatchFigures, Metric
from snapshot_tuner.tuning.instrumentation import LedgerLog
from tests.tuning.test_reconciler import KeptLog


class Kept:
    """The figures that were recorded."""

    def __init__(self) -> None:
        self.figures: list[BatchFigures] = []

    def record(self, figures: BatchFigures) -> None:
        self.figures.append(figures)


def test_a_failover_is_counted_and_a_step_of_the_clock_is_not() -> None:
    log, kept = KeptLog(), Kept()
    ledger_log = LedgerLog(log, kept)
    ledger_log.warning("ledger_clock_stepped", seconds=20)
    ledger_log.warning("ledger_may_have_forgotten", before=None)
    assert log.lines == [("ledger_clock_stepped", {"seconds": 20}), ("ledger_may_have_forgotten", {"before": None})]
    assert [figures.counts for figures in kept.figures] == [{Metric.LEDGER_MAY_HAVE_FORGOTTEN: 1}]

"""What a backtest takes for granted about the surroundings of the functions: as template.yaml deploys them."""

from dataclasses import dataclass

from devkit.simulation.provider import DEFAULT_INTERVAL
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Order
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings

WORKERS = 10
"""Batches at work at once (`MaximumConcurrency`)."""

WORKER_SECONDS = 20.0
RECONCILER_SECONDS = 55.0
RECONCILER_EVERY_SECONDS = 60.0
VISIBILITY_SECONDS = 121.0
"""After so long an event that has to be tried again comes back."""

MAX_RECEIVES = 5
"""Then it is a dead letter. A rejected one is at once, as another attempt would not change that."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the command line may change; seconds, and calls per second.

    `start_interval` is what a task stands at before its first call (UpdateSnapshot, `ImageConfig.Interval`).
    """

    max_qps: float = RTC_QUOTA_QPS
    batch_size: int = 100
    batch_window: float = 1.0
    call_seconds: float = 0.1
    start_interval: int = DEFAULT_INTERVAL

    @property
    def slots_per_second(self) -> float:
        return self.max_qps * SLOT_SHARE

    def limits(self, order: Order) -> Limits:
        """Those of a deployment that sets nothing else."""
        defaults = Settings(ledger_url="")
        return Limits(
            order=order,
            slots_per_second=self.slots_per_second,
            idempotency_ttl=defaults.idempotency_ttl_seconds,
            task_ttl=defaults.task_ttl_seconds,
            max_clock_skew=defaults.max_clock_skew_seconds,
        )

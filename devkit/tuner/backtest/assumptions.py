"""What a backtest takes for granted about the surroundings of the functions: as template.yaml deploys them."""

from collections.abc import Collection
from dataclasses import dataclass

from devkit.simulation.provider import DEFAULT_INTERVAL
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Order
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings

WORKER_SECONDS = 20.0
RECONCILER_SECONDS = 55.0
RECONCILER_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class QueueAssumptions:
    """A queue and its mapping; `workers` are batches at work at once (`MaximumConcurrency`).

    An event that has to be tried again comes back `visibility` seconds after it was received; after so many `receives`
    it is a dead letter. A rejected one is at once, as another attempt would not change that.
    """

    batch_size: int
    batch_window: float
    workers: int
    visibility: float
    receives: int


URGENT_QUEUE = QueueAssumptions(batch_size=10, batch_window=0.0, workers=10, visibility=30.0, receives=20)
URGENT_TYPES = ("moderation.alert",)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the command line may change; seconds, and calls per second.

    `start_interval` is a task's interval before its first call (UpdateSnapshot, `ImageConfig.Interval`). Events of
    `urgent_types` come through the urgent queue.
    """

    max_qps: float = RTC_QUOTA_QPS
    batch_size: int = 100
    batch_window: float = 1.0
    call_seconds: float = 0.1
    start_interval: int = DEFAULT_INTERVAL
    urgent_types: Collection[str] = URGENT_TYPES

    @property
    def queue(self) -> QueueAssumptions:
        return QueueAssumptions(self.batch_size, self.batch_window, workers=10, visibility=121.0, receives=5)

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

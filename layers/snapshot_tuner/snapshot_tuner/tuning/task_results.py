"""What a batch brought for one task."""

from dataclasses import dataclass
from typing import NamedTuple

from snapshot_tuner.errors import ApiError
from snapshot_tuner.ledger.types import AlreadyApplied, Bounds, Intent, Settlement
from snapshot_tuner.model import Cause


@dataclass(frozen=True, slots=True)
class NotCalled:
    """No call was made in this batch."""

    cause: Cause
    reason: str


class Called(NamedTuple):
    """A call ended. `settlement` is None if the ledger could not record it; `bounds` are an operator's on the task."""

    intent: Intent
    error: ApiError | None
    settlement: Settlement | None
    bounds: Bounds | None = None


TaskResult = AlreadyApplied | Called | NotCalled

IN_FLIGHT_ELSEWHERE = NotCalled(Cause.BUSY, "a call for the task is in flight elsewhere")
NO_TIME_LEFT = NotCalled(Cause.UNAVAILABLE, "no time left for a call")
NOT_ENDED = NotCalled(Cause.UNKNOWN, "the call did not end in time")
NO_SLOT = NotCalled(Cause.THROTTLED, "no call slot is free before the deadline")
TASK_LOST = NotCalled(Cause.UNAVAILABLE, "the ledger lost the task since the event was admitted")

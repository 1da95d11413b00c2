"""What GetSnapshotTask (RTC OpenAPI, Version 2023-11-01) says of one task: pure.

It knows only tasks that were started within 72 hours: not knowing a task does not prove that it is not running.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from snapshot_tuner.errors import CallFailed, LocalCode
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS
from snapshot_tuner.rtc.responses import result


class TaskStatus(IntEnum):
    """`Result.SnapshotTask.Status`."""

    UNKNOWN = 0
    NOT_STARTED = 1
    RUNNING = 2
    ENDED = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class TaskReading:
    """`interval` is in seconds, None if the answer has none that the provider allows."""

    status: TaskStatus
    interval: int | None

    @property
    def has_ended(self) -> bool:
        return self.status in (TaskStatus.ENDED, TaskStatus.FAILED)


def task_reading(status: int, body: bytes, *, secrets: Iterable[str] = ()) -> TaskReading:
    """`status` is the HTTP status. Raises as `api_answers.result` does, and CallFailed for an odd answer."""
    found, request_id = result(status, body, secrets=secrets)
    task = found.get("SnapshotTask") if isinstance(found, dict) else None
    number = task.get("Status") if isinstance(task, dict) else None
    if not isinstance(task, dict) or type(number) is not int or number not in list(TaskStatus):
        raise CallFailed(
            LocalCode.MALFORMED_ANSWER, "no SnapshotTask with a Status", status=status, request_id=request_id
        )
    config = task.get("ImageConfig")
    interval = config.get("Interval") if isinstance(config, dict) else None
    is_interval = type(interval) is int and INTERVAL_MIN_SECONDS <= interval <= INTERVAL_MAX_SECONDS
    return TaskReading(TaskStatus(number), interval if is_interval else None)

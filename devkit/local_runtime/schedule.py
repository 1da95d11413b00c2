"""A schedule that invokes a function, as EventBridge Scheduler does; a run that fails is left to the next one."""

import threading
import uuid
from datetime import UTC, datetime

from devkit.local_runtime.aws_api import ACCOUNT, REGION
from devkit.local_runtime.function import Function


class Schedule:
    """Every so many seconds, the first time after that many."""

    def __init__(self, function: Function, every_seconds: float) -> None:
        self._function = function
        self._every_seconds = every_seconds
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._function.invoke(
                {
                    "version": "0",
                    "id": str(uuid.uuid4()),
                    "detail-type": "Scheduled Event",
                    "source": "aws.scheduler",
                    "account": ACCOUNT,
                    "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                    "region": REGION,
                    "resources": [],
                    "detail": "{}",
                }
            )

"""Several instances over one ledger, one stand-in: batches out, answers back, and some of them killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Self, cast

from snapshot_tuner.model import TaskRef

ROOT = Path(__file__).parents[2]
REMAINING_MS = 30_000

POLICY = """
version: 1
rules:
  - name: as-asked
    match: {type: [wanted]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
"""

Message = tuple[str, str]
"""Message id and body."""


def message(event_id: str, task: TaskRef, interval: int, happened: datetime) -> Message:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/fleet",
        "type": "wanted",
        "time": happened.isoformat(),
        "data": {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id, "interval": interval},
    }
    return event_id, json.dumps(event)


def messages(tasks: int, events_per_task: int) -> tuple[list[Message], dict[TaskRef, int]]:
    """Events of the last minutes, oldest first, and the interval that each task has to end at."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    made, newest = [], {}
    for number in range(tasks * events_per_task):
        task = TaskRef("app", f"room-{number % tasks}", "task")
        newest[task] = 1 + number * 7 % 600
        made.append(message(f"e-{number:05}", task, newest[task], start + timedelta(milliseconds=number)))
    return made, newest


@dataclass
class Instance:
    """One worker process."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, environment: Mapping[str, str]) -> Self:
        """Its log goes to the file that the environment names."""
        paths = os.pathsep.join(str(ROOT / part) for part in ("layers/snapshot_tuner", "functions", "."))
        with Path(environment["WORKER_LOG"]).open("a", encoding="utf-8") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "tests.fleet.worker", str(REMAINING_MS)],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **environment},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return cls(process)

    def wait_until_ready(self) -> None:
        assert self._output.readline() == "ready\n"

    def send(self, batch: Iterable[Message], *, kill_after: float | None = None) -> None:
        """With `kill_after`, seconds, in a process that is killed then, if it has not ended."""
        self._input.write(json.dumps({"batch": list(batch), "kill_after": kill_after}) + "\n")
        self._input.flush()

    def answer(self) -> list[str] | None:
        """The ids that come back; None where the batch's process was killed."""
        came_back: list[str] | None = json.loads(self._output.readline())
        return came_back

    def end(self) -> None:
        """Whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()

    @property
    def _input(self) -> IO[str]:
        return cast("IO[str]", self.process.stdin)

    @property
    def _output(self) -> IO[str]:
        return cast("IO[str]", self.process.stdout)

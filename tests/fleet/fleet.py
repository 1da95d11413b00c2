"""Several instances over one ledger, one stand-in: batches out, answers back, and some of them killed."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

from snapshot_tuner.model import TaskRef
from tests.effort import EFFORT

ROOT = Path(__file__).parents[2]
REMAINING_MS = 30_000
BATCH = 12
CALL_SECONDS = 0.005
"""The stand-in's latency."""

COMES_BACK_AFTER_SECONDS = 0.3
"""The queue's visibility timeout."""

QUICKER: Mapping[str, str] = (
    {"CALL_SECONDS": "3", "LEASE_SECONDS": "6", "LATE_CALL_SECONDS": "1"} if EFFORT == 1 else {}
)
"""A lost call holds its task up for 7 s, and once a week for 30 as in production."""

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


class Kill(NamedTuple):
    """After so many seconds, since the batch's beginning or since its first call was about to be sent."""

    seconds: float
    after_first_call: bool = False


@contextmanager
def fork_server() -> Iterator[int]:
    """The port at which a connection gets an instance. All are forked from one process: most of a start is imports."""
    paths = os.pathsep.join(str(ROOT / part) for part in ("layers/snapshot_tuner", "functions", "."))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "tests.fleet.worker", str(REMAINING_MS)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **QUICKER},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


class FleetInstance:
    """One worker process."""

    def __init__(self, port: int, environment: Mapping[str, str]) -> None:
        """At the fork server's port; its log goes to the file that the environment names."""
        with socket.create_connection(("127.0.0.1", port)) as connection:
            self._lines = connection.makefile("rw", encoding="utf-8")
        self._write(environment)
        self._pid = cast("int", self._read())

    def send(self, batch: Iterable[Message], kill: Kill | None = None) -> None:
        """With `kill`, in a process that is killed then, if it has not ended."""
        self._write({"batch": list(batch), "kill": kill and kill._asdict()})

    def answer(self) -> list[str] | None:
        """The ids that come back; None where the batch's process was killed."""
        return cast("list[str] | None", self._read())

    def stop(self) -> None:
        """It stands still until it may go on."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def end(self) -> None:
        """Whatever it is doing."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._lines.close()

    def is_alive(self) -> bool:
        """It still handles what it gets, be it nothing."""
        self.send([])
        return self.answer() == []

    def _write(self, line: object) -> None:
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()

    def _read(self) -> object:
        return json.loads(self._lines.readline())


class FleetQueue:
    """Messages until they are acknowledged, handed out in any order, some of them twice at once.

    What comes back is hidden for a moment.
    """

    def __init__(self, waiting: list[Message]) -> None:
        self.waiting = waiting
        self.killed = 0
        self.came_back = 0
        self._hidden_until: dict[str, float] = {}
        self._chance = random.Random(20_240_619)  # noqa: S311 - which moments does not matter, that they differ does
        self._lock = threading.Lock()

    def deliver(self, instance: FleetInstance, *, kills: int = 0) -> None:
        """Batch after batch until none waits. Of the last quarter so many die at a random moment, or just survive it:
        before that, a later event of a task would make up for one that is lost.
        """
        quarter = len(self.waiting) / 4
        whole = self._seconds_of_a_batch(instance) if kills else 0.0
        while batch := self._take():
            started = time.monotonic()
            instance.send(batch, self._kill(whole) if self.killed < kills and len(self.waiting) <= quarter else None)
            came_back = instance.answer()
            with self._lock:
                if came_back is None:
                    self.killed += 1
                    whole *= 1.05  # the machine may be busier by now, and every kill too early
                    continue
                whole = time.monotonic() - started
                self.came_back += len(came_back)
                self._hidden_until |= dict.fromkeys(came_back, time.monotonic() + COMES_BACK_AFTER_SECONDS)
                done = {message_id for message_id, _ in batch} - set(came_back)
                self.waiting = [message for message in self.waiting if message[0] not in done]

    def _kill(self, whole: float) -> Kill:
        """Every third one between a call and its acknowledgement, however busy the machine is."""
        if self.killed % 3:
            return Kill(self._chance.uniform(0.4, 1.3) * whole)
        return Kill(self._chance.uniform(0.0, 2 * CALL_SECONDS), after_first_call=True)

    def _seconds_of_a_batch(self, instance: FleetInstance) -> float:
        """In a process of its own, most of which goes into starting: that part is not worth many kills."""
        started = time.monotonic()
        instance.send(self._take(), Kill(60.0))
        assert instance.answer() == []
        return time.monotonic() - started

    def _take(self) -> list[Message]:
        """A batch as soon as there is one; empty when nothing waits any more."""
        while self.waiting:
            now = time.monotonic()
            with self._lock:
                visible = [each for each in self.waiting if self._hidden_until.get(each[0], now) <= now]
                if visible:
                    return self._chance.sample(visible, min(BATCH, len(visible)))
            time.sleep(0.02)
        return []

    def deliver_to_all(self, instances: Iterable[FleetInstance], *, kills: int = 0) -> None:
        """`deliver` to each of them at once; returns when no message waits any more."""
        threads = [threading.Thread(target=self.deliver, args=(each,), kwargs={"kills": kills}) for each in instances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

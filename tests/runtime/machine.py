"""One running application with what tests find at: the provider's side, the logs, the queues."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.local_runtime.application import Application, ApplicationSettings, deployed_here
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queues import Queue
from devkit.local_runtime.sandbox import Code
from devkit.rtc_standin import LoggedCall, StandIn
from snapshot_tuner.model import TaskRef
from tests.polling import eventually

APP_ID = "5f3a1c0e9b7d4e2a8c6f0b13"


class Journal:
    """Every line that the functions wrote. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[tuple[str, str]] = []

    def write(self, function: str, line: str) -> None:
        with self._lock:
            self._lines.append((function, line))

    def text(self, function: str) -> str:
        with self._lock:
            return "\n".join(line for name, line in self._lines if name == function)

    def entries(self, function: str, **keys: str) -> list[dict[str, Any]]:
        """The structured lines of a function that have these values."""
        with self._lock:
            lines = [line for name, line in self._lines if name == function and line.startswith("{")]
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [entry for entry in entries if all(entry.get(key) == value for key, value in keys.items())]


@dataclass(frozen=True, slots=True)
class Machine:
    """An application, its stand-in and its journal."""

    application: Application
    stand_in: StandIn
    journal: Journal

    def calls(self, task: TaskRef) -> list[LoggedCall]:
        return [call for call in self.stand_in.calls() if call.task == task]

    def interval(self, task: TaskRef) -> int | None:
        return self.stand_in.intervals().get(task)


@contextmanager
def running_machine(settings: ApplicationSettings, api: AwsApi, code: Code, stand_in: StandIn) -> Iterator[Machine]:
    journal = Journal()
    with deployed_here(settings, api, code, journal.write) as application:
        yield Machine(application, stand_in, journal)


def room(name: str, task_id: str = "task-1") -> TaskRef:
    """A task of the sample events."""
    return TaskRef(APP_ID, name, task_id)


def children(pid: int) -> list[int]:
    """A child belongs to the thread that started it, and the emulator has several."""
    lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in lists for child in text.split()]


def is_there(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has asked after yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def process_tree(pid: int) -> list[int]:
    """All processes below this one."""
    return [each for child in children(pid) for each in (child, *process_tree(child))]


def depth(queue: Queue) -> int:
    """Messages in the queue, handed out or not."""
    counts = queue.attributes()
    return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])


def dead_letter(queue: Queue, text: str) -> dict[str, Any]:
    """The message with this text in it, taken out of a dead-letter queue; waits for it."""
    seen: list[dict[str, Any]] = []

    def find() -> dict[str, Any] | None:
        seen.extend(queue.receive(10))
        return next((message for message in seen if text in message["Body"]), None)

    found = eventually(find)
    queue.delete([found["ReceiptHandle"]])
    return found

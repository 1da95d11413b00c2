"""The provider's side of one account: which tasks run, at which interval, and how many calls may pass."""

import threading
from collections import deque
from collections.abc import Iterable

from devkit.rtc_standin.get_snapshot_task import ENDED, MAX_QPS, RUNNING
from devkit.rtc_standin.provider_errors import ProviderError, Refused
from devkit.rtc_standin.update_snapshot import Update
from snapshot_tuner.model import TaskRef

DEFAULT_INTERVAL = 2
"""What a task starts from, in seconds (UpdateSnapshot, `ImageConfig.Interval`)."""


class Account:
    """Tasks and quota. Thread-safe.

    Without a set of running tasks every task counts as running. `max_qps` is how many calls pass in any
    second; those over it are refused and do not count themselves.
    """

    def __init__(self, *, tasks: Iterable[TaskRef] | None, max_qps: int | None) -> None:
        self._lock = threading.Lock()
        self._running = None if tasks is None else frozenset(tasks)
        self._max_qps = max_qps
        self._forget()

    def _forget(self) -> None:
        self._updates: dict[TaskRef, Update] = {}
        self._ended: set[TaskRef] = set()
        self._passed: deque[float] = deque()
        self._reads: deque[float] = deque()

    def clear(self) -> None:
        with self._lock:
            self._forget()

    def end_task(self, task: TaskRef) -> None:
        with self._lock:
            self._ended.add(task)

    def check_quota(self, arrived: float) -> None:
        """Raise `Refused` if the call that arrived then is one too many."""
        if self._max_qps is None:
            return
        with self._lock:
            while self._passed and arrived - self._passed[0] >= 1.0:
                self._passed.popleft()
            if len(self._passed) >= self._max_qps:
                raise Refused(ProviderError.QPS_OVER_LIMIT, "The account's call rate was exceeded.")
            self._passed.append(arrived)

    def check_read_quota(self, arrived: float) -> None:
        """As `check_quota`, of the calls that read: the provider allows 60 a second."""
        with self._lock:
            while self._reads and arrived - self._reads[0] >= 1.0:
                self._reads.popleft()
            if len(self._reads) >= MAX_QPS:
                raise Refused(ProviderError.QPS_OVER_LIMIT, "The account's call rate was exceeded.")
            self._reads.append(arrived)

    def restart_task(self, task: TaskRef) -> None:
        """It runs again, from the default interval."""
        with self._lock:
            self._ended.discard(task)
            self._updates.pop(task, None)

    def read(self, task: TaskRef) -> tuple[int, int]:
        """Status and interval. Raises `Refused` if there never was such a task."""
        with self._lock:
            if self._running is not None and task not in self._running:
                raise Refused(ProviderError.ACTIVE_TASK_NOT_FOUND, "There is no such task.")
            update = self._updates.get(task)
            return ENDED if task in self._ended else RUNNING, update.interval if update else DEFAULT_INTERVAL

    def check_running(self, task: TaskRef) -> None:
        """Raise `Refused` if the task is not running."""
        with self._lock:
            if task in self._ended or (self._running is not None and task not in self._running):
                raise Refused(ProviderError.ACTIVE_TASK_NOT_FOUND, "The task is not running.")

    def apply(self, update: Update) -> bool:
        """Carry the call out; False if the task has ended meanwhile."""
        with self._lock:
            if update.task in self._ended:
                return False
            self._updates[update.task] = update
            return True

    def updates(self) -> dict[TaskRef, Update]:
        """The last call that took effect, per task."""
        with self._lock:
            return dict(self._updates)

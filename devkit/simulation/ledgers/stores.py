"""The one store of a run, for what happens to it."""

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

from redis import Redis

from snapshot_tuner.model import TaskRef

TakeOver = Callable[[], Collection[TaskRef]]
"""Puts a copy of a store in its place, and says of whose tasks it knows something else."""


class Store(Protocol):
    """Where the records of a run are."""

    def poison(self, task: TaskRef, garbage: bytes) -> None:
        """Puts bytes in the place of what the store keeps of a task, if it keeps anything."""
        ...

    def copy(self) -> TakeOver:
        """Of what is there now."""
        ...


class SqliteStore:
    """A file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def poison(self, task: TaskRef, garbage: bytes) -> None:
        with closing(sqlite3.connect(self._path)) as database, suppress(sqlite3.OperationalError):  # no table yet
            database.execute("UPDATE task SET state = ? WHERE room_id = ?", (garbage, task.room_id))
            database.execute("UPDATE bounds SET most = ? WHERE room_id = ?", (garbage, task.room_id))
            database.commit()

    def copy(self) -> TakeOver:
        """It has no replica."""
        return tuple


class ValkeyStore:
    """A namespace of a server; `failovers` counts the copies that have taken its place."""

    def __init__(self, server: Redis, namespace: str) -> None:
        self._server = server
        self._prefix = f"{{{namespace}}}:"
        self.failovers = 0

    def poison(self, task: TaskRef, garbage: bytes) -> None:
        name, bounds = f"{self._prefix}task:{':'.join(task)}", f"{self._prefix}bounds"
        self._server.set(name, garbage, xx=True)
        if self._server.hexists(bounds, name):
            self._server.hset(bounds, name, garbage)

    def copy(self) -> TakeOver:
        before, bounded_before = self._dump(), self._bounds()

        def take_over() -> Collection[TaskRef]:
            after, bounded = self._dump(), self._bounds()
            self.failovers += 1
            for name, left in before.items():
                if left != after.get(name):
                    self._server.restore(name, 0, left, replace=True)
            for name in after.keys() - before.keys():
                self._server.delete(name)
            tasks = f"{self._prefix}task:".encode()
            names = {name for name in before | after if name.startswith(tasks) and before.get(name) != after.get(name)}
            names |= {name for name in bounded_before | bounded if bounded_before.get(name) != bounded.get(name)}
            return [TaskRef(*name.removeprefix(tasks).decode().split(":")) for name in sorted(names)]

        return take_over

    def _bounds(self) -> dict[bytes, bytes]:
        """By the names of tasks."""
        found = self._server.hgetall(f"{self._prefix}bounds").items()
        return {name: bounds for name, bounds in found if isinstance(name, bytes) and isinstance(bounds, bytes)}

    def _dump(self) -> dict[bytes, bytes]:
        names = sorted(self._server.scan_iter(f"{self._prefix}*", count=1000))
        dumped = ((name, self._server.dump(name)) for name in names)
        return {name: record for name, record in dumped if isinstance(record, bytes)}

"""A namespace of a store: the names of its keys, all in one hash slot, and how a script is run on them."""

from collections.abc import Sequence
from typing import Any

from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.redis.server import RedisStore
from snapshot_tuner.ledger.types import ReportSetAside, SetAside
from snapshot_tuner.model import TaskRef


class Keys:
    """`of_store` are those that a `RedisStore` is made with; `of_lists` are behind the own ones of every script."""

    def __init__(self, namespace: str) -> None:
        prefix = f"{{{namespace}}}:".encode()
        self.order, self.cursor, self.cursor_of_reads = (
            prefix + b"order",
            prefix + b"cursor",
            prefix + b"cursor-of-reads",
        )
        self.due, self.checks = prefix + b"due", prefix + b"checks"
        self.indexes = (self.due, self.checks)
        self.tasks, self.doubts = prefix + b"tasks", prefix + b"doubts"
        self.bounds, self.bounded = prefix + b"bounds", prefix + b"bounded"
        self.of_lists = (self.bounds, self.bounded, self.tasks, self.doubts)
        self.of_store = (self.cursor, self.cursor_of_reads, prefix + b"set-aside", prefix + b"clock")
        self.of_tasks, self.of_events = prefix + b"task:", prefix + b"event:"

    def task(self, task: TaskRef) -> bytes:
        return self.of_tasks + f"{task.app_id}:{task.room_id}:{task.task_id}".encode()

    def parse_task(self, name: bytes) -> TaskRef | None:
        """None where it is the name of none."""
        # The ids of the provider's tasks hold no colon (`targets`).
        parts = name.removeprefix(self.of_tasks).decode(errors="replace").split(":")
        task = TaskRef(*parts) if len(parts) == len(TaskRef._fields) else None
        return task if task is not None and self.task(task) == name else None

    def event(self, key: str) -> bytes:
        return self.of_events + bytes.fromhex(key)


class Namespace:
    """Runs scripts, and reports what they have set aside."""

    def __init__(self, name: str, keys: Keys, store: RedisStore, report_set_aside: ReportSetAside) -> None:
        self.name = name
        self.keys = keys
        self.store = store
        self._report_set_aside = report_set_aside

    @property
    def ahead_us(self) -> int:
        """Of the store's clock: how far the ledger's time is."""
        return self.store.clock.correction_us

    def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes],
        *,
        measure: bool = False,
        goes_on: bool = False,
    ) -> list[Any]:
        """As `RedisStore.run`, with the keys of the lists behind the script's own."""
        answer = self.store.run(script, [*keys, *self.keys.of_lists], args, measure=measure, goes_on=goes_on)
        if isinstance(answer[0], list):
            found, answer = answer
            self._report_set_aside([SetAside(printable(name), why.decode()) for name, why in found])
        return answer


def printable(name: bytes) -> str:
    """The name of a key, whoever wrote it."""
    return name.decode("utf-8", "backslashreplace")

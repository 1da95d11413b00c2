"""The names of a namespace's keys: all in one hash slot, that of `{namespace}`."""

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

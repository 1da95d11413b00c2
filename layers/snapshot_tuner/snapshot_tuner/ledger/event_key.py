"""The ledger's name of an idempotency key."""

from hashlib import sha256

from snapshot_tuner.model import TaskRef


def event_key(task: TaskRef, source: str, event_id: str) -> str:
    """32 hex digits for (source, id) of one task; NUL separates, and is in none of the parts."""
    name = f"{task.app_id}\0{task.room_id}\0{task.task_id}\0{source}\0{event_id}"
    return sha256(name.encode()).hexdigest()[:32]

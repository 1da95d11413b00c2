"""The ledger's name of an idempotency key."""

from hashlib import sha256

from snapshot_tuner.model import TaskRef


def event_key(task: TaskRef, source: str, event_id: str) -> str:
    """`event_digest` as 32 hex digits."""
    return event_digest(task, source, event_id).hex()


def event_digest(task: TaskRef, source: str, event_id: str) -> bytes:
    """16 bytes for (source, id) of one task; NUL separates, and is in none of the parts."""
    name = f"{task.app_id}\0{task.room_id}\0{task.task_id}\0{source}\0{event_id}"
    return sha256(name.encode()).digest()[:16]

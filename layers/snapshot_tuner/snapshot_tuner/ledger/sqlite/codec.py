"""A task's record in a SQLite row: JSON, each intent as a list of its fields."""

import json

from snapshot_tuner.ledger.types import Intent, Lease, Stabilizing, TaskState


def encode(state: TaskState) -> str:
    return json.dumps(state, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> TaskState:
    desired, desired_at, applied, applied_at, lease, doubt_until, settled_token, *asked = json.loads(text)
    base, is_open, stabilizing, call_due = asked
    return TaskState(
        desired=Intent(*desired),
        desired_at=desired_at,
        applied=Intent(*applied) if applied else None,
        applied_at=applied_at,
        lease=Lease(token=lease[0], begun=lease[1], until=lease[2], intent=Intent(*lease[3])) if lease else None,
        doubt_until=doubt_until,
        settled_token=settled_token,
        base=Intent(*base) if base else None,
        open=tuple(Intent(*intent) for intent in is_open),
        stabilizing=Stabilizing(Intent(*stabilizing[0]), stabilizing[1]) if stabilizing else None,
        call_due=call_due,
    )

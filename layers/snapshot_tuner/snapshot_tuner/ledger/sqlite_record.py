"""A task's record in a SQLite row: JSON, each wish as a list of its fields."""

import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter

from snapshot_tuner.ledger import Held, Lease, TaskState, Wish

_FIELDS_OF: Callable[[Wish], tuple[str | int | None, ...]] = attrgetter(*(field.name for field in fields(Wish)))


def encode(state: TaskState) -> str:
    lease, held = state.lease, state.held
    parts = (
        _wish(state.desired),
        state.desired_at,
        state.applied and _wish(state.applied),
        state.applied_at,
        lease and (lease.token, lease.begun, lease.until, _wish(lease.wish)),
        state.doubt_until,
        state.settled_token,
        state.base and _wish(state.base),
        [_wish(wish) for wish in state.open],
        held and (_wish(held.wish), held.until_us),
        state.call_due,
    )
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> TaskState:
    desired, desired_at, applied, applied_at, lease, doubt_until, settled_token, *levels = json.loads(text)
    base, is_open, held, call_due = levels
    return TaskState(
        desired=Wish(*desired),
        desired_at=desired_at,
        applied=Wish(*applied) if applied else None,
        applied_at=applied_at,
        lease=Lease(token=lease[0], begun=lease[1], until=lease[2], wish=Wish(*lease[3])) if lease else None,
        doubt_until=doubt_until,
        settled_token=settled_token,
        base=Wish(*base) if base else None,
        open=tuple(Wish(*wish) for wish in is_open),
        held=Held(Wish(*held[0]), held[1]) if held else None,
        call_due=call_due,
    )


def _wish(wish: Wish) -> tuple[str | int | None, ...]:
    return _FIELDS_OF(wish)

"""From an adjustment to the intent that the ledger keeps of it, and the ledger's names of idempotency keys."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from snapshot_tuner.ledger.types import NOTE, Intent
from snapshot_tuner.model import Adjustment, Signal, TaskRef

REASON_CHARACTERS: Final = 120
"""Of a reason, kept for each intent. It is for people, and decides nothing."""

NO_NOTE: Final = tuple(Intent._field_defaults[name] for name in Intent._fields[NOTE:])

DIGEST_DIGITS = 32
"""Of each SHA-256, in hexadecimal: 128 bits are enough to tell two payloads apart, or two events."""


def from_adjustment(adjustment: Adjustment) -> Intent:
    """Its time-bound part counts from the event's time, so that a late delivery changes nothing."""
    signal = adjustment.signal
    ends = until_us(adjustment)
    return Intent(
        order_key=adjustment.order_key.decode(),
        interval=adjustment.interval,
        business_id=adjustment.business_id,
        rule=adjustment.rule,
        event_id=signal.id,
        event_source=signal.source,
        key=event_key(adjustment.task, signal.source, signal.id),
        asked_us=signal.time_us,
        until_us=ends,
        then=adjustment.then_interval if ends is not None else None,
        lengthen_us=adjustment.lengthen_after * 1_000_000,
        skip_us=adjustment.skip_unchanged_within * 1_000_000,
        default=adjustment.default_interval if ends is not None else None,
        edges=adjustment.edges,
        policy=adjustment.policy,
        reason=kept_reason(adjustment.reason),
    )


def kept_reason(reason: str) -> str:
    """In one line, and not too long."""
    if len(reason) <= REASON_CHARACTERS and reason.isprintable():
        return reason
    line = "".join(each if each.isprintable() else " " for each in reason)
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"


def with_note(intent: Intent, note: Sequence[Any]) -> Intent:
    """The note in place of its own."""
    return Intent._make((*intent[:NOTE], *note))


def without_note(intent: Intent) -> Intent:
    """As it is answered for a call."""
    return intent if intent[NOTE:] == NO_NOTE else with_note(intent, NO_NOTE)


def until_us(adjustment: Adjustment) -> int | None:
    """When its time-bound part ends, in microseconds since the epoch; None where it has no end."""
    lasts = adjustment.for_seconds
    return adjustment.signal.time_us + lasts * 1_000_000 if lasts is not None else None


def event_key(task: TaskRef, source: str, event_id: str) -> str:
    """`event_digest` as 32 hex digits."""
    return event_digest(task, source, event_id).hex()


def event_digest(task: TaskRef, source: str, event_id: str) -> bytes:
    """16 bytes for (source, id) of one task; NUL separates, and is in none of the parts."""
    name = f"{task.app_id}\0{task.room_id}\0{task.task_id}\0{source}\0{event_id}"
    return sha256(name.encode()).digest()[:16]


def payload_digest(signal: Signal) -> str:
    """What an event with a known id is compared by, where a record is small."""
    return signal.fingerprint()[:DIGEST_DIGITS]

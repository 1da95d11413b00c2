"""An intent as the scripts keep it, and a task's record as they hand it out (lua/record.lua)."""

from collections.abc import Sequence
from typing import Any

from snapshot_tuner.ledger import intents
from snapshot_tuner.ledger.types import Intent, Lease, Stabilizing, TaskState
from snapshot_tuner.model import Adjustment, TaskRef


def pack_adjustment(adjustment: Adjustment) -> bytes:
    """What admit.lua asks for: 20 digits of the event's time, 16 bytes of its fingerprint, order key, NUL, intent.

    The intent is `intents.from_adjustment(adjustment)` without its order key. No business id has a NUL,
    the rule's name may have anything. One word on the wire, because each costs both sides as much as what is in it.
    """
    signal = adjustment.signal
    until_us = intents.until_us(adjustment)
    then = 0 if until_us is None else adjustment.then_interval or 0
    intent = (
        f"{adjustment.interval}\0{signal.time_us}\0{until_us or 0}\0{then}"
        f"\0{adjustment.lengthen_after * 1_000_000}\0{adjustment.skip_unchanged_within * 1_000_000}"
        f"\0{adjustment.business_id or ''}\0{adjustment.rule}"
    )
    fingerprint = bytes.fromhex(intents.payload_digest(signal))
    return b"%020d%b%b\0%b" % (signal.time_us, fingerprint, adjustment.order_key, intent.encode())


def unpack_intent(task: TaskRef, packed: bytes) -> Intent:
    """From order key, NUL, rest of the intent."""
    parts = packed.decode().split("\0", 10)
    order, event_id, event_source, interval, asked, until, then, lengthen, skip, business_id, rule = parts
    return Intent(
        order_key=f"{order}\0{event_id}\0{event_source}",
        interval=int(interval),
        business_id=business_id or None,
        rule=rule,
        event_id=event_id,
        event_source=event_source,
        key=intents.event_key(task, event_source, event_id),
        asked_us=int(asked),
        until_us=int(until) or None,
        then=int(then) or None,
        lengthen_us=int(lengthen),
        skip_us=int(skip),
    )


def unpack_state(task: TaskRef, record: Sequence[Any]) -> TaskState:
    """A task's record in the order of record.lua."""
    key, intent, desired_at, applied_key, applied_intent, applied_at, *others = record
    token, begun, until, lease_key, lease_intent, doubt_until, settled_token, *asked = others
    base_key, base_intent, is_open, stabilizing_key, stabilizing_intent, stabilizing_until, call_due, _ = asked
    bound = is_open or []

    def unpacked(order_key: bytes, rest: bytes) -> Intent:
        return unpack_intent(task, order_key + b"\0" + rest)

    return TaskState(
        desired=unpacked(key, intent),
        desired_at=desired_at,
        applied=unpacked(applied_key, applied_intent) if applied_key is not None else None,
        applied_at=applied_at,
        lease=Lease(token.decode(), begun, until, unpacked(lease_key, lease_intent)) if token else None,
        doubt_until=doubt_until,
        settled_token=settled_token and settled_token.decode(),
        base=unpacked(base_key, base_intent) if base_key is not None else None,
        open=tuple(unpacked(*each) for each in zip(bound[::2], bound[1::2], strict=True)),
        stabilizing=None
        if stabilizing_key is None
        else Stabilizing(unpacked(stabilizing_key, stabilizing_intent), stabilizing_until),
        call_due=call_due,
    )

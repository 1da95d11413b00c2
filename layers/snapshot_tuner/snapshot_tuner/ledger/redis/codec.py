"""A wish as the scripts keep it, and a task's record as they hand it out (lua/record.lua)."""

from collections.abc import Sequence
from typing import Any

from snapshot_tuner.ledger.event_key import event_key
from snapshot_tuner.ledger.intents import until_us_of
from snapshot_tuner.ledger.types import Held, Lease, TaskState, Wish
from snapshot_tuner.model import Adjustment, TaskRef


def pack_adjustment(adjustment: Adjustment) -> bytes:
    """What admit.lua asks for: 20 digits of the event's time, 16 bytes of its fingerprint, order key, NUL, wish.

    The wish is `wish_of(adjustment)` without its order key. No business id holds a NUL, the rule's name may hold
    anything. One word on the wire, because each costs both sides as much as what is in it.
    """
    signal = adjustment.signal
    until_us = until_us_of(adjustment)
    then = 0 if until_us is None else adjustment.then_interval or 0
    wish = (
        f"{adjustment.interval}\0{signal.time_us}\0{until_us or 0}\0{then}"
        f"\0{adjustment.lengthen_after * 1_000_000}\0{adjustment.skip_unchanged_within * 1_000_000}"
        f"\0{adjustment.business_id or ''}\0{adjustment.rule}"
    )
    fingerprint = bytes.fromhex(signal.fingerprint()[:32])
    return b"%020d%b%b\0%b" % (signal.time_us, fingerprint, adjustment.order_key, wish.encode())


def unpack_wish(task: TaskRef, packed: bytes) -> Wish:
    """From order key, NUL, rest of the wish."""
    parts = packed.decode().split("\0", 10)
    order, event_id, event_source, interval, asked, until, then, lengthen, skip, business_id, rule = parts
    return Wish(
        order_key=f"{order}\0{event_id}\0{event_source}",
        interval=int(interval),
        business_id=business_id or None,
        rule=rule,
        event_id=event_id,
        event_source=event_source,
        key=event_key(task, event_source, event_id),
        asked_us=int(asked),
        until_us=int(until) or None,
        then=int(then) or None,
        lengthen_us=int(lengthen),
        skip_us=int(skip),
    )


def unpack_state(task: TaskRef, record: Sequence[Any]) -> TaskState:
    """A task's record in the order of record.lua."""
    key, wish, desired_at, applied_key, applied_wish, applied_at, *others = record
    token, begun, until, lease_key, lease_wish, doubt_until, settled_token, *levels = others
    base_key, base_wish, is_open, held_key, held_wish, held_until, call_due, _ = levels
    wishes = is_open or []

    def wish_of(order_key: bytes, rest: bytes) -> Wish:
        return unpack_wish(task, order_key + b"\0" + rest)

    return TaskState(
        desired=wish_of(key, wish),
        desired_at=desired_at,
        applied=wish_of(applied_key, applied_wish) if applied_key is not None else None,
        applied_at=applied_at,
        lease=Lease(token.decode(), begun, until, wish_of(lease_key, lease_wish)) if token else None,
        doubt_until=doubt_until,
        settled_token=settled_token and settled_token.decode(),
        base=wish_of(base_key, base_wish) if base_key is not None else None,
        open=tuple(wish_of(*each) for each in zip(wishes[::2], wishes[1::2], strict=True)),
        held=Held(wish_of(held_key, held_wish), held_until) if held_key is not None else None,
        call_due=call_due,
    )

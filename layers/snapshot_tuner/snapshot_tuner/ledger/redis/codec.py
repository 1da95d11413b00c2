"""An intent as the scripts keep it, and a task's record as they hand it out (lua/record.lua)."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final, NamedTuple

from snapshot_tuner.ledger import intents
from snapshot_tuner.ledger.set_aside import FORMAT, LATEST_US, NAME_CHARACTERS_MOST, RECORD_BYTES_MOST, RECORDS_MOST
from snapshot_tuner.ledger.types import Bounds, End, Intent, Lease, Stabilizing, TaskState
from snapshot_tuner.model import (
    INTERVAL_DEFAULT_SECONDS,
    INTERVAL_MAX_SECONDS,
    INTERVAL_MIN_SECONDS,
    Adjustment,
    TaskRef,
)


class TaskRecord(NamedTuple):
    """A task's record as the scripts hand it out; its fields, in this order, are the Lua constants (`scripts`).

    None is "none". An intent is two fields: its order key, and the rest of it. Behind them a record may have those of
    `Added`, and what a later version of this code has put there (`ledger.set_aside`), which is for that one.
    """

    key: bytes
    intent: bytes
    desired_at: int
    applied_key: bytes | None
    applied_intent: bytes | None
    applied_at: int | None
    token: bytes | None
    begun: int
    until: int
    lease_key: bytes
    lease_intent: bytes
    doubt_until: int | None
    settled_token: bytes | None
    base_key: bytes | None
    base_intent: bytes
    open: list[bytes] | None
    """Order key and rest of each, in one list."""
    stabilizing_key: bytes | None
    stabilizing_intent: bytes
    stabilizing_until: int
    call_due: int
    due: int | None
    """What the index `due` has for it."""


class Added(NamedTuple):
    """What format 2 has added to a record; None is "none"."""

    format: int | None = None
    notes: list[bytes] | None = None
    """Order key and note of each, in one list."""
    ends: list[Any] | None = None
    """Rule, order key and time of each, in one list."""
    policy: bytes | None = None
    """Of all intents whose notes do not say another."""
    reasons: bytes | None = None
    """The first digits of an order key's SHA-1 and its intents' reason, and a NUL between two such pairs."""


_REASON_KEY_DIGITS: Final = 12
"""Enough to tell a task's intents apart, and a fifth of an order key."""

_FIELDS: Final = len(TaskRecord._fields)
LUA_CONSTANTS = {
    **{name.upper(): position for position, name in enumerate(TaskRecord._fields + Added._fields, 1)},
    "FIELDS": _FIELDS,
    "FORMAT_NUMBER": FORMAT,
    "INTERVAL_DEFAULT": INTERVAL_DEFAULT_SECONDS,
    "INTERVAL_LEAST": INTERVAL_MIN_SECONDS,
    "INTERVAL_MOST": INTERVAL_MAX_SECONDS,
    "LATEST_US": LATEST_US,
    "ASIDE_MOST": RECORDS_MOST,
    "ASIDE_BYTES_MOST": RECORD_BYTES_MOST,
    "ASIDE_NAME_MOST": NAME_CHARACTERS_MOST,
    "TIME_DIGITS": 20,
    "REASON_KEY_DIGITS": _REASON_KEY_DIGITS,
    "FINGERPRINT_BYTES": intents.DIGEST_DIGITS // 2,
    "HEAD_BYTES": 20 + intents.DIGEST_DIGITS // 2,
}
"""What the scripts have to know of these layouts."""


def pack_adjustment(adjustment: Adjustment) -> bytes:
    """What admit.lua asks for: 20 digits of the event's time, 16 bytes of its fingerprint, order key, NUL, intent.

    The intent is `intents.from_adjustment(adjustment)` without its order key. No business id has a NUL, the rule's name
    may have anything. What has a note, ends something or has a reason has a byte of 1, the note, another one, the names
    of the rules with a NUL between, a third one, the reason, and a fourth one in front of the order key, which begins
    with a digit. One word on the wire, because each costs both sides as much as what is in it.
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
    default = 0 if until_us is None else adjustment.default_interval or 0
    edges = "".join(f" {at}:{interval}" for at, interval in adjustment.edges)
    more = b""
    reason = intents.kept_reason(adjustment.reason)
    if default or edges or adjustment.ends or reason:
        note = f"{default}{edges}" if default or edges else ""
        ends = "\0".join(adjustment.ends)
        more = f"\1{note}\1{ends}\1{reason}\1".encode()
    return b"%020d%b%b%b\0%b" % (signal.time_us, fingerprint, more, adjustment.order_key, intent.encode())


def _unpack_note(packed: bytes | None, policy: str, reason: str) -> tuple[Any, ...]:
    """`policy`: that of an intent whose note says no other."""
    if packed is None:
        return (None, (), policy, reason)
    note, says_policy, own = packed.decode().partition("@")
    default, *edges = note.split(" ")
    pairs = (edge.split(":") for edge in edges)
    times = tuple((int(at), int(interval)) for at, interval in pairs)
    return (int(default) or None, times, own if says_policy else policy, reason)


def _reason_key(order_key: bytes) -> str:
    return sha1(order_key, usedforsecurity=False).hexdigest()[:_REASON_KEY_DIGITS]


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


def unpack_bounds(saved: bytes) -> Bounds:
    """As bounds.lua has them."""
    least, most, until_us, set_us, caller, reason = saved.decode().split("\0", 5)
    return Bounds(int(least) or None, int(most) or None, int(until_us), int(set_us), reason, caller)


def unpack_state(task: TaskRef, record: Sequence[Any], bounds: bytes | None) -> TaskState:
    """A task's record, and its bounds, as get.lua answers them."""
    fields, added = TaskRecord._make(record[:_FIELDS]), Added(*record[_FIELDS:][: len(Added._fields)])
    bound, ends, noted = fields.open or [], added.ends or [], added.notes or []
    policy = (added.policy or b"").decode()
    notes = dict(zip(noted[::2], noted[1::2], strict=True))
    said = (added.reasons or b"").decode(errors="replace").split("\0")
    reasons = {each[:_REASON_KEY_DIGITS]: each[_REASON_KEY_DIGITS:] for each in said}

    def unpacked(order_key: bytes, rest: bytes) -> Intent:
        note = _unpack_note(notes.get(order_key), policy, reasons.get(_reason_key(order_key), ""))
        return intents.with_note(unpack_intent(task, order_key + b"\0" + rest), note)

    def unpacked_if_there(order_key: bytes | None, rest: bytes | None) -> Intent | None:
        return unpacked(order_key, rest) if order_key is not None and rest is not None else None

    stabilizing = unpacked_if_there(fields.stabilizing_key, fields.stabilizing_intent)
    return TaskState(
        desired=unpacked(fields.key, fields.intent),
        desired_at=fields.desired_at,
        applied=unpacked_if_there(fields.applied_key, fields.applied_intent),
        applied_at=fields.applied_at,
        lease=Lease(fields.token.decode(), fields.begun, fields.until, unpacked(fields.lease_key, fields.lease_intent))
        if fields.token
        else None,
        doubt_until=fields.doubt_until,
        settled_token=fields.settled_token.decode() if fields.settled_token else None,
        base=unpacked_if_there(fields.base_key, fields.base_intent),
        open=tuple(unpacked(*each) for each in zip(bound[::2], bound[1::2], strict=True)),
        stabilizing=stabilizing and Stabilizing(stabilizing, fields.stabilizing_until),
        call_due=fields.call_due,
        ends=tuple(
            End(rule.decode(), order_key.decode(), at_us)
            for rule, order_key, at_us in zip(ends[::3], ends[1::3], ends[2::3], strict=True)
        ),
        bounds=unpack_bounds(bounds) if bounds is not None else None,
    )

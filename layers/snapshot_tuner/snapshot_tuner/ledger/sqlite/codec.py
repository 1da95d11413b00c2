"""A task's record in a SQLite row: JSON, each intent as a list of its fields."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, TypeGuard

from snapshot_tuner.ledger.intents import NO_NOTE, with_note
from snapshot_tuner.ledger.rate_limit import Uses
from snapshot_tuner.ledger.set_aside import FORMAT, LATEST_US, Unreadable
from snapshot_tuner.ledger.timing import SPACING_SECONDS_MOST
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import NOTE, Bounds, End, Intent, Lease, Stabilizing, TaskState
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS

_FIELDS: Final = TaskState._fields.index("ends")
_END_FIELDS = len(End._fields)
_KEY_PARTS = 3
_LEASE_FIELDS = len(Lease._fields)


def encode(state: TaskState) -> str:
    notes: dict[str, list[Any]] = {}
    policy = state.desired.policy
    usual = (*NO_NOTE[:-2], policy, "")

    def kept(intent: Intent | None) -> tuple[Any, ...] | None:
        if intent is None:
            return None
        if intent[NOTE:] != usual:
            *note, own, reason = intent[NOTE:]
            named = [*note, None if own == policy else own]
            notes[intent.order_key] = [*named, reason] if reason else named
        return intent[:NOTE]

    lease, stabilizing = state.lease, state.stabilizing
    fields: list[Any] = [
        kept(state.desired),
        state.desired_at,
        kept(state.applied),
        state.applied_at,
        lease and [*lease[:-1], kept(lease.intent)],
        state.doubt_until,
        state.settled_token,
        kept(state.base),
        [*map(kept, state.open)],
        stabilizing and [kept(stabilizing.intent), stabilizing.until_us],
        state.call_due,
    ]
    if notes or state.ends or policy or state.later:
        number, *behind = state.later or (FORMAT,)
        fields += [number, notes, state.ends, policy, *behind]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def decode(text: object) -> TaskState:
    """Raises Unreadable."""
    fields = _list(_json(text), _FIELDS, "record")
    notes, ends, policy, later = _behind(fields[_FIELDS:])
    usual = (*NO_NOTE[:-2], policy, "")
    (
        desired,
        desired_at,
        applied,
        applied_at,
        lease,
        doubt_until,
        settled_token,
        base,
        is_open,
        stabilizing,
        call_due,
    ) = fields[:_FIELDS]

    def read(value: object) -> Intent:
        intent = _intent(value)
        note = notes.get(intent.order_key, usual)
        return intent if note == NO_NOTE else with_note(intent, note)

    wanted = read(desired)

    def intent_or_none(value: object) -> Intent | None:
        if value == desired:  # as it nearly always is: what has been checked needs no second check
            return wanted
        return read(value) if value is not None else None

    state = TaskState(
        desired=wanted,
        desired_at=check_time(desired_at),
        applied=intent_or_none(applied),
        applied_at=_time_or_none(applied_at),
        lease=_lease(lease, read) if lease is not None else None,
        doubt_until=_time_or_none(doubt_until),
        settled_token=_text_or_none(settled_token, "settled token"),
        base=intent_or_none(base),
        open=tuple(read(intent) for intent in _list(is_open, 0, "list of open intents")),
        stabilizing=_stabilizing(stabilizing, read) if stabilizing is not None else None,
        call_due=check_time(call_due),
        ends=ends,
        later=later,
    )
    if state.base is None and not state.open:
        _refuse("it does not say what the task should be")
    if state.applied is not None and state.applied_at is None:
        _refuse("it does not say when a call was confirmed")
    return state


def decode_event(order_key: object, fingerprint: object, applied: object) -> KeyState:
    """Raises Unreadable."""
    return KeyState(_order_key(order_key), _text(fingerprint, "fingerprint"), applied=bool(_whole(applied, "flag")))


def decode_bounds(row: Sequence[object]) -> Bounds:
    """Raises Unreadable."""
    least, most, until_us, set_us, reason, caller = row
    for interval in (least, most):
        if interval is not None and not INTERVAL_MIN_SECONDS <= _whole(interval, "bound") <= INTERVAL_MAX_SECONDS:
            _refuse("a bound is out of range")
    ends, since = check_time(until_us), check_time(set_us)
    return Bounds(least, most, ends, since, _text(reason, "reason"), _text(caller, "caller"))  # type: ignore[arg-type] # looked at above


def check_time(value: object) -> int:
    """Raises Unreadable."""
    moment = _whole(value, "time")
    if not 0 <= moment <= LATEST_US:
        _refuse("a time is out of range")
    return moment


def encode_uses(spacings: Uses, stretches: Uses) -> str:
    return json.dumps([spacings, stretches], separators=(",", ":"))


def decode_uses(text: object) -> tuple[Uses, Uses]:
    """Raises Unreadable."""
    spacings, stretches, *_ = (
        tuple(_use(*_list(use, 2, "use")[:2]) for use in _list(uses, 0, "list of uses"))
        for uses in _list(_json(text), 2, "pace")
    )
    return spacings, stretches


def _use(value: object, until_us: object) -> tuple[float, int]:
    if not isinstance(value, int | float) or not 0 < value <= SPACING_SECONDS_MOST * 1e6:
        _refuse("a pace is out of range")
    return float(value), check_time(until_us)


def _behind(fields: list[Any]) -> tuple[dict[str, tuple[Any, ...]], tuple[End, ...], str, tuple[Any, ...]]:
    """Notes, ends and policy, and what a later version has appended, its format first."""
    if not fields:
        return {}, (), "", ()
    number = _whole(fields[0], "format")
    if not 0 < number <= FORMAT + 1:  # else it may mean anything
        _refuse(f"its format is {number}; this code reads formats up to {FORMAT + 1}")
    _, notes, ends, policy, *more = _list(fields, 4, "part behind the format")
    if not isinstance(notes, dict):
        _refuse("the notes are not an object")
    return (
        {_order_key(key): _note(note, _text(policy, "policy")) for key, note in notes.items()},
        tuple(_end(end) for end in _list(ends, 0, "list of ends")),
        _text(policy, "policy"),
        (number, *more) if more or number > FORMAT else (),
    )


def _note(value: object, policy: str) -> tuple[Any, ...]:
    """`policy`: where the note says no other."""
    default, edges, own, *more = _list(value, len(NO_NOTE) - 1, "note")
    if default is not None:
        _interval(default)
    times = tuple((at, interval) for at, interval, *_ in (_list(edge, 2, "edge") for edge in _list(edges, 0, "edges")))
    for at, interval in times:
        check_time(at)
        _interval(interval)
    reason = _text(more[0], "reason") if more else ""
    return (default, times, policy if own is None else _text(own, "policy"), reason)


def _end(value: object) -> End:
    rule, order_key, at_us = _list(value, _END_FIELDS, "end")[:_END_FIELDS]
    return End(_text(rule, "rule"), _order_key(order_key), check_time(at_us))


def _json(text: object) -> Any:  # noqa: ANN401 - what it is, is what is to be found out
    try:
        return json.loads(_text(text, "record"))
    except (ValueError, RecursionError):
        _refuse("not JSON")


def _intent(value: object) -> Intent:
    intent = Intent(*_list(value, NOTE, "intent")[:NOTE])
    _order_key(intent.order_key)
    _interval(intent.interval)
    if intent.then is not None:
        _interval(intent.then)
    for text in (intent.rule, intent.event_id, intent.event_source, intent.key):
        _text(text, "text of an intent")
    _text_or_none(intent.business_id, "business id")
    for moment in (intent.asked_us, intent.lengthen_us, intent.skip_us):
        check_time(moment)
    _time_or_none(intent.until_us)
    return intent


def _interval(value: object) -> None:
    if not INTERVAL_MIN_SECONDS <= _whole(value, "interval") <= INTERVAL_MAX_SECONDS:
        _refuse(f"the interval {value} is out of range")


def _lease(value: object, read: Callable[[object], Intent]) -> Lease:
    token, begun, until, intent = _list(value, _LEASE_FIELDS, "lease")[:_LEASE_FIELDS]
    return Lease(_text(token, "token"), check_time(begun), check_time(until), read(intent))


def _stabilizing(value: object, read: Callable[[object], Intent]) -> Stabilizing:
    intent, until_us = _list(value, 2, "stabilizing intent")[:2]
    return Stabilizing(read(intent), check_time(until_us))


def _list(value: object, least: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) < least:
        _refuse(f"the {what} is not a list of {least} or more")
    return value


def _order_key(value: object) -> str:
    text = _text(value, "order key")
    if len(text.split("\0")) != _KEY_PARTS:
        _refuse(f"an order key does not have {_KEY_PARTS} parts")
    return text


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is one that can be written again: other bytes than UTF-8 have become surrogates (`read_text`)."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object, what: str) -> str:
    if not is_text(value):
        _refuse(f"the {what} is not text")
    return value


def _text_or_none(value: object, what: str) -> str | None:
    return None if value is None else _text(value, what)


def _whole(value: object, what: str) -> int:
    if type(value) is not int:
        _refuse(f"the {what} is not a whole number")
    return value


def _time_or_none(value: object) -> int | None:
    return None if value is None else check_time(value)


def _refuse(why: str) -> NoReturn:
    raise Unreadable(why)

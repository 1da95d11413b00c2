"""The ledger of a fleet: a Redis or Valkey server, shared by any number of machines.

Its keys lie in one hash slot, that of `{namespace}`: `{namespace}:task:APP:ROOM:TASK` and
`{namespace}:event:DIGEST`, which expire with what they remember, `{namespace}:order` and
`{namespace}:cursor`. What they hold is described in `lua/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger import (
    LEASE_SECONDS,
    SLOT_VALID_SECONDS,
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Busy,
    CallResult,
    Forgotten,
    Granted,
    Lease,
    Limits,
    Settlement,
    Slot,
    TaskState,
    Wish,
    answers,
)
from snapshot_tuner.ledger.event_key import event_key
from snapshot_tuner.ledger.redis_store import Log, RedisStore
from snapshot_tuner.ledger.redis_url import RedisAddress
from snapshot_tuner.ledger.scripts import Script
from snapshot_tuner.ledger.store_clock import StoreClock
from snapshot_tuner.model import Adjustment, TaskRef

_ADMIT_MOST = 1000
"""Adjustments in one script: some 10 ms, for which every other client waits."""

_ANSWERS = {
    "n": Admitted(Admission.NEW),
    "r": Admitted(Admission.RETRY),
    "d": Admitted(Admission.DUPLICATE),
    "s": Admitted(Admission.SUPERSEDED),
    "c": answers.CONFLICT,
    "D": answers.in_doubt(Admission.DUPLICATE),
    "S": answers.in_doubt(Admission.SUPERSEDED),
}
"""By the letters of admit.lua; the one for a time out of range is answered with that range."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that was begun here: which event to mark when it is settled, while its lease can last."""

    event_name: bytes
    lease_until: float


class RedisLedger:
    """A `Ledger` in a Redis or Valkey server; threads of one process take turns."""

    def __init__(self, url: str, namespace: str, limits: Limits, clock: Clock, log: Log) -> None:
        """Raises SettingsError. Connects on first use; warns then, once, where the server may evict keys."""
        self._store = RedisStore(RedisAddress.parse(url), clock, log)
        self._store_clock = StoreClock()
        self._namespace = namespace
        self._prefix = f"{{{namespace}}}:".encode()
        self._limits = limits
        self._clock = clock
        self._calls: dict[str, _Call] = {}
        self._admit = Script.load("task", "admit")
        self._reserve = Script.load("task", "cursor", "reserve")
        self._begin = Script.load("task", "begin")
        self._settle = Script.load("task", "cursor", "settle")
        self._look = Script.load("task", "look")

    def close(self) -> None:
        self._store.close()

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        self._store.open_account()
        self._store_clock.forget()
        portions = range(0, len(adjustments), _ADMIT_MOST)
        return [answer for at in portions for answer in self._admit_portion(adjustments[at : at + _ADMIT_MOST])]

    def reserve(self, count: int, within: float) -> list[Slot]:
        """Raises LedgerUnavailable too where the store's clock is known too badly for any slot to be usable."""
        rate = self._limits.slots_per_second
        step_us = ceil(1e6 / rate)
        keys = [self._prefix + b"cursor"]
        args = [b"%d" % number for number in (count, int(within * 1e6), step_us, max(1, int(rate)))]
        _, first_us, taken = self._run(self._reserve, keys, args)
        if self._store_clock.uncertainty >= SLOT_VALID_SECONDS:
            self._run(self._reserve, keys, [b"0", *args[1:]])  # one slow reply is not a slow store
        if self._store_clock.uncertainty >= SLOT_VALID_SECONDS:
            raise LedgerUnavailable("Redis ledger: it answers too slowly to tell when a call slot starts")
        return [self._store_clock.slot(first_us + step_us * index) for index in range(taken)]

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        asked_at = self._clock.monotonic()
        keys = [self._task_name(task) for task, _ in starts]
        _, *granted = self._run(self._begin, keys, [token.encode() for _, token in starts])
        self._forget_calls(asked_at)
        begun: list[Begun] = []
        for (task, token), letter, order_key, rest in zip(
            starts, granted[::3], granted[1::3], granted[2::3], strict=True
        ):
            match letter:
                case b"g":
                    wish = _unpack_wish(task, order_key, rest)
                    self._calls[token] = _Call(self._event_name(wish.key), asked_at + LEASE_SECONDS)
                    begun.append(Granted(wish, asked_at + LEASE_SECONDS))
                case b"a":
                    begun.append(AlreadyApplied(_unpack_wish(task, order_key, rest)))
                case b"b":
                    begun.append(Busy())
                case _:
                    begun.append(Forgotten())
        return begun

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        no_event = self._prefix + b"event:"
        keys = [self._prefix + b"cursor"]
        args: list[bytes] = []
        for task, token, result in ends:
            call = self._calls.get(token)
            keys += (self._task_name(task), call.event_name if call is not None else no_event)
            args += (token.encode(), result.encode())
        _, letters = self._run(self._settle, keys, args)
        for _, token, _ in ends:
            self._calls.pop(token, None)
        return [
            Settlement(kept=kept == "k", in_doubt=doubt == "d")
            for kept, doubt in zip(letters[::2].decode(), letters[1::2].decode(), strict=True)
        ]

    def look(self, task: TaskRef) -> TaskState | None:
        self._store.open_account()  # no batch comes before it: a store that is back must be seen at once
        _, record = self._run(self._look, [self._task_name(task)], [])
        return _unpack_state(task, record) if record is not None else None

    def _admit_portion(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        limits = self._limits
        remembered_ms = (limits.task_ttl + limits.max_clock_skew) * 1000  # also where the event's time is ahead
        keys = [self._prefix + b"order"]
        numbers = (
            remembered_ms,
            limits.idempotency_ttl * 1000,
            limits.max_clock_skew * 1_000_000,
            limits.task_ttl * 1_000_000,
        )
        args = [limits.order.encode(), *(b"%d" % number for number in numbers)]
        for adjustment in adjustments:
            signal, task = adjustment.signal, adjustment.task
            keys += (self._event_name(event_key(task, signal.source, signal.id)), self._task_name(task))
            args += (
                b"%d" % signal.time_us,
                adjustment.order_key,
                _pack_wish(adjustment),
                bytes.fromhex(signal.fingerprint()[:32]),
            )
        now, letters, *held = self._run(self._admit, keys, args)
        if held:
            raise answers.other_order(self._namespace, limits.order, held[0].decode())
        return [
            _ANSWERS.get(letter) or answers.rejected(adjustment.signal.time_us - now)
            for letter, adjustment in zip(letters.decode(), adjustments, strict=True)
        ]

    def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> list[Any]:
        """The script's answer: first of all the store's time."""
        reply = self._store.run(script, keys, args)
        self._store_clock.observe(reply.sent, reply.received, reply.value[0])
        return reply.value

    def _forget_calls(self, now: float) -> None:
        """Those whose leases have ended long ago, and were never settled: nothing can be marked for them."""
        while self._calls:
            token = next(iter(self._calls))
            if self._calls[token].lease_until + LEASE_SECONDS > now:
                return
            del self._calls[token]

    def _task_name(self, task: TaskRef) -> bytes:
        return b"%btask:%b" % (self._prefix, f"{task.app_id}:{task.room_id}:{task.task_id}".encode())

    def _event_name(self, key: str) -> bytes:
        return b"%bevent:%b" % (self._prefix, bytes.fromhex(key))


def _pack_wish(adjustment: Adjustment) -> bytes:
    """All of a wish but its order key, which no script looks into; the rule's name may hold anything."""
    return f"{adjustment.interval}\0{adjustment.business_id or ''}\0{adjustment.rule}".encode()


def _unpack_wish(task: TaskRef, order_key: bytes, rest: bytes) -> Wish:
    ordered_by = order_key.decode()
    _, event_id, event_source = ordered_by.split("\0")
    interval, business_id, rule = rest.decode().split("\0", 2)
    return Wish(
        order_key=ordered_by,
        interval=int(interval),
        business_id=business_id or None,
        rule=rule,
        event_id=event_id,
        event_source=event_source,
        key=event_key(task, event_source, event_id),
    )


def _unpack_state(task: TaskRef, record: Sequence[Any]) -> TaskState:
    """A task's record in the order of task.lua."""
    key, wish, desired_at, applied_key, applied_wish, applied_at, *others = record
    token, begun, until, lease_key, lease_wish, doubt_until, settled_token = others
    return TaskState(
        desired=_unpack_wish(task, key, wish),
        desired_at=desired_at,
        applied=_unpack_wish(task, applied_key, applied_wish) if applied_key is not None else None,
        applied_at=applied_at,
        lease=Lease(token.decode(), begun, until, _unpack_wish(task, lease_key, lease_wish)) if token else None,
        doubt_until=doubt_until,
        settled_token=settled_token and settled_token.decode(),
    )

"""The ledger of a fleet: a Redis or Valkey server, shared by any number of machines.

Its keys lie in one hash slot, that of `{namespace}`: `{namespace}:task:APP:ROOM:TASK` and
`{namespace}:event:DIGEST`, which expire with what they remember, `{namespace}:order`, `{namespace}:clock`, a
`{namespace}:cursor` of each budget, and four sorted sets of task names: `{namespace}:due` by the time when a call is
due, `{namespace}:checks` by the time of the last read-back, `{namespace}:tasks` by the applied interval, and
`{namespace}:doubts`. `{namespace}:bounds` is a hash of operators' bounds by the names of tasks, which
`{namespace}:bounded` has by when they end. `{namespace}:set-aside` is a hash of what could not be read, by its name.
What they hold is described in `lua/`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, isinf
from operator import attrgetter
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger import intents, messages, shift
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.rate_limit import Pace, RateWatch, validity
from snapshot_tuner.ledger.redis import listing
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.codec import pack_adjustment, unpack_bounds, unpack_intent, unpack_state
from snapshot_tuner.ledger.redis.connection import Meanwhile, TokenProvider
from snapshot_tuner.ledger.redis.keys import Keys
from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.redis.server import RedisStore
from snapshot_tuner.ledger.timing import LEASE_SECONDS, READS_PER_SECOND, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import (
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Bounds,
    Busy,
    CallRate,
    CallResult,
    Forgotten,
    Granted,
    Limits,
    ReportSetAside,
    SetAside,
    SetAsideRecords,
    Settlement,
    Slot,
    TaskState,
    no_report,
)
from snapshot_tuner.model import Adjustment, TaskRef

_ADMIT_MOST = 1000
"""Adjustments in one script: some 10 ms, for which every other client waits."""

_CLAIMS_MOST = 3
_MEASURED_MOST = 2

_ANSWERS = {
    "n": Admitted(Admission.NEW),
    "r": Admitted(Admission.RETRY),
    "N": Admitted(Admission.NEW, shortens=True),
    "R": Admitted(Admission.RETRY, shortens=True),
    "d": Admitted(Admission.DUPLICATE),
    "c": messages.CONFLICT,
    "h": messages.NOTHING_TO_END,
    "D": messages.in_doubt(Admission.DUPLICATE),
    "S": messages.in_doubt(Admission.SUPERSEDED),
}
"""By the letters of admit.lua; the others depend on the event."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that was begun here: which event to mark when it is settled, while its lease can last."""

    event_name: bytes
    lease_until: float


class RedisLedger:
    """A `Ledger` in a Redis or Valkey server; threads of one process take turns."""

    def __init__(
        self,
        url: str,
        namespace: str,
        limits: Limits,
        clock: Clock,
        log: WarningLog,
        *,
        tokens: TokenProvider | None = None,
        report_set_aside: ReportSetAside = no_report,
        meanwhile: Meanwhile | None = None,
    ) -> None:
        """Raises SettingsError. Connects on first use; warns then, once, where the server may evict keys.

        `tokens` makes the passwords where `url` says auth=iam. `meanwhile` goes on while an answer is waited for.
        """
        self._report_set_aside = report_set_aside
        self._namespace = namespace
        self._keys = Keys(namespace)
        self._indexes = (self._keys.due, self._keys.checks)
        self._store = RedisStore(RedisAddress.parse(url), clock, log, tokens, self._keys.of_store, meanwhile=meanwhile)
        self._limits = limits
        self._rate = RateWatch(limits.slots_per_second, log)
        self._clock = clock
        self._calls: dict[str, _Call] = {}
        asking = ("record", "aside", "clock")
        writing = (*asking, "tick")
        of_tasks = ("intents", "precedence", "check", "bounds", "task")
        self._admit = Script.load(*writing, *of_tasks, "admit")
        self._reserve = Script.load(*writing, "rate_limit", "reserve")
        self._begin = Script.load(*writing, *of_tasks, "begin")
        self._settle = Script.load(*writing, *of_tasks, "rate_limit", "settle")
        self._get = Script.load(*asking, *of_tasks, "get")
        self._set_bounds = Script.load(*writing, *of_tasks, "set_bounds")
        self._first = Script.load(*asking, "first")
        self._claim = Script.load(*writing, *of_tasks, "claim")
        self._amend = Script.load(*writing, *of_tasks, "amend")
        self._list = Script.load(*asking, "list")
        self._first_aside = Script.load(*asking, "first_aside")

    def close(self) -> None:
        self._store.close()

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        self._store.open_batch(within)
        answers: list[Admitted] = []
        for policy, of_one in groupby(adjustments, attrgetter("policy")):  # a batch is decided by one
            decided = list(of_one)
            for at in range(0, len(decided), _ADMIT_MOST):
                answers += self._admit_portion(decided[at : at + _ADMIT_MOST], policy)
        return answers

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        """Raises LedgerUnavailable too where the store's clock is known too badly for any slot to be usable."""
        slots, pace = self._reserve_from(self._keys.cursor, self._limits.slots_per_second, count, (within, after))
        self._rate.see(pace)
        return slots

    def clock_ahead(self) -> float:
        now, wall_us = self._clock.monotonic(), self._clock.wall_us()
        store = self._store.clock
        return (
            store.now_us(now) - store.correction_us - wall_us
        ) / 1e6 + store.uncertainty / 2  # the middle of what it can be

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        return self._reserve_from(self._keys.cursor_of_reads, READS_PER_SECOND, count, (within, 0.0))[0]

    def call_rate(self) -> CallRate:
        return self._rate.rate(self._reserve_from(self._keys.cursor, self._limits.slots_per_second, 0, (0.0, 0.0))[1])

    @property
    def round_trip(self) -> float:
        return self._store.round_trip

    def _reserve_from(
        self, cursor: bytes, rate: float, count: int, between: tuple[float, float]
    ) -> tuple[list[Slot], Pace]:
        """`between`: within, and after, how many seconds. The slots, and the pace in force."""
        store = self._store
        if isinf(store.clock.uncertainty):
            store.measure()
        for _ in range(_MEASURED_MOST):
            valid = validity(store.clock.uncertainty)
            own = Pace.of(rate, valid)
            within_us, after_us = (int(seconds * 1e6) for seconds in between)
            args = [b"%d" % number for number in (count, within_us, after_us)]
            args += [b"%.17g" % number for number in own]
            answer = self._run(self._reserve, [cursor], args, measure=True)
            _, first_us, taken, step_us, *pace = answer
            if store.clock.uncertainty < valid:
                slots = [store.clock.slot(first_us + step_us * index, valid) for index in range(taken)]
                return slots, Pace(*map(float, pace))
            store.measure()  # it was another server, or one slow reply is not a slow store
        raise LedgerUnavailable("Redis ledger: it answers too slowly to tell when a call slot starts")

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        asked_at = self._clock.monotonic()
        keys = [*self._indexes, *(self._keys.task(task) for task, _ in starts)]
        args = [b"%d" % self._store.identity.lost_us, *(token.encode() for _, token in starts)]
        _, *granted = self._run(self._begin, keys, args, goes_on=True)
        self._forget_calls(asked_at)
        begun: list[Begun] = []
        for (task, token), found in zip(starts, granted, strict=True):
            answer, bounds = (found[0], unpack_bounds(found[1])) if isinstance(found, list) else (found, None)
            match answer[:1]:
                case b"g":
                    intent = unpack_intent(task, answer[1:])
                    self._calls[token] = _Call(self._keys.event(intent.key), asked_at + LEASE_SECONDS)
                    begun.append(Granted(intent, asked_at + LEASE_SECONDS, bounds))
                case b"a" | b"u" as letter:
                    intent = unpack_intent(task, answer[1:])
                    begun.append(AlreadyApplied(intent, unchanged=letter == b"u", bounds=bounds))
                case b"b":
                    begun.append(Busy())
                case _:
                    begun.append(Forgotten())
        return begun

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        keys = [self._keys.cursor, self._keys.due]
        args: list[bytes] = []
        for task, token, result in ends:
            call = self._calls.get(token)
            keys += (self._keys.task(task), call.event_name if call is not None else self._keys.of_events)
            args += (token.encode(), result.encode())
        _, letters = self._run(self._settle, keys, args)
        for _, token, _ in ends:
            self._calls.pop(token, None)
        return [
            Settlement(kept=kept == "k", in_doubt=doubt == "d")
            for kept, doubt in zip(letters[::2].decode(), letters[1::2].decode(), strict=True)
        ]

    def get(self, task: TaskRef) -> TaskState | None:
        record, bounds = self._look(task)
        return shift.state(unpack_state(task, record, bounds), -self._ahead_us) if record is not None else None

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        numbers = (self._remembered_ms, least or 0, most or 0, lasts_seconds * 1_000_000)
        held, before = self._change_bounds(
            task, b"set", *(b"%d" % each for each in numbers), f"{caller}\0{reason}".encode()
        )
        assert held is not None  # noqa: S101 - what was set holds
        return held, before

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        return self._change_bounds(task, b"clear")[1]

    def bounds(self, task: TaskRef) -> Bounds | None:
        return self._shifted(self._look(task)[1])

    def lost_at(self) -> int | None:
        lost_us = self._store.identity.lost_us
        return lost_us - self._ahead_us if lost_us else None

    def tasks(self, query: TaskQuery) -> TaskPage:
        self._store.open_batch()
        keys, args = listing.question(self._keys, query)
        return listing.page(self._keys, self._run(self._list, keys, args))

    def set_aside(self, limit: int) -> SetAsideRecords:
        self._store.open_batch()
        _, names = self._run(self._first_aside, [], [])
        printable = sorted(map(_printable, names))
        return SetAsideRecords(len(names), tuple(printable[:limit]))

    def claim_due(self, limit: int) -> list[TaskRef]:
        self._store.open_batch()
        return self._claim_first(self._keys.due, limit, b"now", TRY_AGAIN_SECONDS)

    def claim_checks(self, limit: int) -> list[TaskRef]:
        return self._claim_first(self._keys.checks, limit, b"+inf", 0)

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        return self._amend_as_seen(b"mark_in_doubt", task, seen)

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        return self._amend_as_seen(b"forget", task, seen)

    def _change_bounds(self, task: TaskRef, *args: bytes) -> tuple[Bounds | None, Bounds | None]:
        """What holds now, and what did before."""
        self._store.open_batch()
        _, *found = self._run(self._set_bounds, [self._keys.due, self._keys.task(task)], args)
        held, before = map(self._shifted, found)
        return held, before

    def _shifted(self, bounds: bytes | None) -> Bounds | None:
        return shift.bounds(unpack_bounds(bounds), -self._ahead_us) if bounds is not None else None

    def _look(self, task: TaskRef) -> list[Any]:
        """A task's record and its bounds."""
        self._store.open_batch()  # no batch comes before it: a store that is back must be seen at once
        return self._run(self._get, [self._keys.task(task)], [])[1:]

    @property
    def _remembered_ms(self) -> int:
        """How long a task is, also where its event's time is ahead."""
        return (self._limits.task_ttl + self._limits.max_clock_skew) * 1000

    def _admit_portion(self, adjustments: Sequence[Adjustment], policy: str) -> list[Admitted]:
        limits = self._limits
        keys = [self._keys.order, *self._indexes]
        numbers = (
            self._remembered_ms,
            limits.idempotency_ttl * 1000,
            limits.max_clock_skew * 1_000_000,
            limits.task_ttl * 1_000_000,
        )
        args = [limits.order.encode(), *(b"%d" % number for number in numbers), policy.encode()]
        for adjustment in adjustments:
            signal, task = adjustment.signal, adjustment.task
            keys += (self._keys.of_events + intents.event_digest(task, signal.source, signal.id), self._keys.task(task))
            args.append(pack_adjustment(adjustment))
        now, letters, more = self._run(self._admit, keys, args)
        if letters is None:
            raise messages.other_order(self._namespace, limits.order, more.decode())
        effective = iter(more)
        return [
            _ANSWERS.get(letter) or self._admitted(letter, adjustment, now, effective)
            for letter, adjustment in zip(letters.decode(), adjustments, strict=True)
        ]

    def _admitted(self, letter: str, adjustment: Adjustment, now: int, effective: Iterator[Any]) -> Admitted:
        match letter:
            case "f":
                order_key, rest, until_us = next(effective)
                return messages.deferred(unpack_intent(adjustment.task, order_key + b"\0" + rest), until_us or None)
            case "s":
                return messages.changes_nothing(Admission.SUPERSEDED, intents.from_adjustment(adjustment), now)
            case _:  # "x"
                own_now, limits = self._clock.wall_us(), self._limits
                ahead = (adjustment.signal.time_us - own_now) / 1e6
                if -limits.task_ttl <= ahead <= limits.max_clock_skew:
                    return messages.clock_off(now - own_now)
                return messages.rejected(adjustment.signal.time_us - now)

    def _claim_first(self, index: bytes, limit: int, latest: bytes, seconds: float) -> list[TaskRef]:
        """Look first, then claim what was seen: a script touches only keys that it is given."""
        for _ in range(_CLAIMS_MOST):
            _, found = self._run(self._first, [index], [b"%d" % limit, latest])
            if not found:
                return []
            tasks: dict[TaskRef, tuple[bytes, bytes]] = {}
            odd: list[bytes] = []
            for name, score in zip(found[::2], found[1::2], strict=True):
                task = self._keys.parse_task(name)
                if task is not None:
                    tasks[task] = (name, score)
                else:
                    odd.append(name)
            keys = [index, self._keys.due, *(name for name, _ in tasks.values())]
            args = [b"%d" % round(seconds * 1e6), *(score for _, score in tasks.values()), *odd]
            _, claimed = self._run(self._claim, keys, args)
            if claimed:
                still = set(claimed)
                return [task for task, (name, _) in tasks.items() if name in still]
        return []  # others claim them as fast

    def _amend_as_seen(self, what: bytes, task: TaskRef, seen: TaskState) -> bool:
        applied_at = seen.applied_at + self._ahead_us if seen.applied_at else 0
        args = [what, seen.desired.order_key.encode(), b"%d" % applied_at]
        _, done = self._run(self._amend, [*self._indexes, self._keys.task(task)], args)
        return bool(done)

    def _forget_calls(self, now: float) -> None:
        """Those whose leases have ended long ago, and were never settled: nothing can be marked for them."""
        while self._calls:
            token = next(iter(self._calls))
            if self._calls[token].lease_until + LEASE_SECONDS > now:
                return
            del self._calls[token]

    @property
    def _ahead_us(self) -> int:
        """Of the store's clock: how far the ledger's time is."""
        return self._store.clock.correction_us

    def _run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes],
        *,
        measure: bool = False,
        goes_on: bool = False,
    ) -> list[Any]:
        answer = self._store.run(script, [*keys, *self._keys.of_lists], args, measure=measure, goes_on=goes_on)
        if isinstance(answer[0], list):
            found, answer = answer
            self._report_set_aside([SetAside(_printable(name), why.decode()) for name, why in found])
        return answer


def _printable(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")

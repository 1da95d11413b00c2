"""The ledger of a fleet: a Redis or Valkey server, shared by any number of machines.

Its keys lie in one hash slot, that of `{namespace}`: `{namespace}:task:APP:ROOM:TASK` and
`{namespace}:event:DIGEST`, which expire with what they remember, `{namespace}:order`, `{namespace}:clock`, a
`{namespace}:cursor` of each budget, and four sorted sets of task names: `{namespace}:due` by the time when a call is
due, `{namespace}:checks` by the time of the last read-back, `{namespace}:tasks` by the applied interval, and
`{namespace}:doubts`. `{namespace}:bounds` is a hash of operators' bounds by the names of tasks, which
`{namespace}:bounded` has by when they end. `{namespace}:set-aside` is a hash of what could not be read, by its name.
What they hold is described in `lua/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger import shift
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis import listing
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.admission import Admissions
from snapshot_tuner.ledger.redis.codec import unpack_bounds, unpack_intent, unpack_state
from snapshot_tuner.ledger.redis.connection import Meanwhile, TokenProvider
from snapshot_tuner.ledger.redis.namespace import Keys, Namespace, printable
from snapshot_tuner.ledger.redis.scripts import ASKING, OF_TASKS, WRITING, Script
from snapshot_tuner.ledger.redis.server import RedisStore
from snapshot_tuner.ledger.redis.slots import Slots
from snapshot_tuner.ledger.timing import LEASE_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import (
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
    SetAsideRecords,
    Settlement,
    Slot,
    TaskState,
    no_report,
)
from snapshot_tuner.model import Adjustment, TaskRef

_CLAIMS_MOST = 3


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
        self._keys = keys = Keys(namespace)
        self._store = RedisStore(RedisAddress.parse(url), clock, log, tokens, keys.of_store, meanwhile=meanwhile)
        self._namespace = Namespace(namespace, keys, self._store, report_set_aside)
        self._admissions = Admissions(self._namespace, limits, clock)
        self._slots = Slots(self._namespace, limits.slots_per_second, log)
        self._limits = limits
        self._clock = clock
        self._calls: dict[str, _Call] = {}
        self._begin = Script.load(*WRITING, *OF_TASKS, "begin")
        self._settle = Script.load(*WRITING, *OF_TASKS, "rate_limit", "settle")
        self._get = Script.load(*ASKING, *OF_TASKS, "get")
        self._set_bounds = Script.load(*WRITING, *OF_TASKS, "set_bounds")
        self._first = Script.load(*ASKING, "first")
        self._claim = Script.load(*WRITING, *OF_TASKS, "claim")
        self._amend = Script.load(*WRITING, *OF_TASKS, "amend")
        self._list = Script.load(*ASKING, "list")
        self._first_aside = Script.load(*ASKING, "first_aside")

    def close(self) -> None:
        self._store.close()

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        self._store.open_batch(within)
        return self._admissions.admit(adjustments)

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        return self._slots.reserve(count, within, after)

    def clock_ahead(self) -> float:
        now, wall_us = self._clock.monotonic(), self._clock.wall_us()
        store = self._store.clock
        least = (store.now_us(now) - store.correction_us - wall_us) / 1e6
        return least + store.uncertainty / 2  # the middle of what it can be

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        return self._slots.reserve_reads(count, within)

    def call_rate(self) -> CallRate:
        return self._slots.call_rate()

    @property
    def round_trip(self) -> float:
        return self._store.round_trip

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        asked_at = self._clock.monotonic()
        keys = [*self._keys.indexes, *(self._keys.task(task) for task, _ in starts)]
        args = [b"%d" % self._store.identity.lost_us, *(token.encode() for _, token in starts)]
        _, *granted = self._namespace.run(self._begin, keys, args, goes_on=True)
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
        _, letters = self._namespace.run(self._settle, keys, args)
        for _, token, _ in ends:
            self._calls.pop(token, None)
        return [
            Settlement(kept=kept == "k", in_doubt=doubt == "d")
            for kept, doubt in zip(letters[::2].decode(), letters[1::2].decode(), strict=True)
        ]

    def get(self, task: TaskRef) -> TaskState | None:
        record, bounds = self._look(task)
        return (
            shift.state(unpack_state(task, record, bounds), -self._namespace.ahead_us) if record is not None else None
        )

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        numbers = (self._limits.remembered_seconds * 1000, least or 0, most or 0, lasts_seconds * 1_000_000)
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
        return lost_us - self._namespace.ahead_us if lost_us else None

    def tasks(self, query: TaskQuery) -> TaskPage:
        self._store.open_batch()
        keys, args = listing.question(self._keys, query)
        return listing.page(self._keys, self._namespace.run(self._list, keys, args))

    def set_aside(self, limit: int) -> SetAsideRecords:
        self._store.open_batch()
        _, names = self._namespace.run(self._first_aside, [], [])
        return SetAsideRecords(len(names), tuple(sorted(map(printable, names))[:limit]))

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
        _, *found = self._namespace.run(self._set_bounds, [self._keys.due, self._keys.task(task)], args)
        held, before = map(self._shifted, found)
        return held, before

    def _shifted(self, bounds: bytes | None) -> Bounds | None:
        return shift.bounds(unpack_bounds(bounds), -self._namespace.ahead_us) if bounds is not None else None

    def _look(self, task: TaskRef) -> list[Any]:
        """A task's record and its bounds."""
        self._store.open_batch()  # no batch comes before it: a store that is back must be seen at once
        return self._namespace.run(self._get, [self._keys.task(task)], [])[1:]

    def _claim_first(self, index: bytes, limit: int, latest: bytes, seconds: float) -> list[TaskRef]:
        """Look first, then claim what was seen: a script touches only keys that it is given."""
        for _ in range(_CLAIMS_MOST):
            _, found = self._namespace.run(self._first, [index], [b"%d" % limit, latest])
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
            _, claimed = self._namespace.run(self._claim, keys, args)
            if claimed:
                still = set(claimed)
                return [task for task, (name, _) in tasks.items() if name in still]
        return []  # others claim them as fast

    def _amend_as_seen(self, what: bytes, task: TaskRef, seen: TaskState) -> bool:
        applied_at = seen.applied_at + self._namespace.ahead_us if seen.applied_at else 0
        args = [what, seen.desired.order_key.encode(), b"%d" % applied_at]
        _, done = self._namespace.run(self._amend, [*self._keys.indexes, self._keys.task(task)], args)
        return bool(done)

    def _forget_calls(self, now: float) -> None:
        """Those whose leases have ended long ago, and were never settled: nothing can be marked for them."""
        while self._calls:
            token = next(iter(self._calls))
            if self._calls[token].lease_until + LEASE_SECONDS > now:
                return
            del self._calls[token]

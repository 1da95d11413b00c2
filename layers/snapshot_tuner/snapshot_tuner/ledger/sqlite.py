"""The ledger of one host: a SQLite file in WAL mode, shared by any number of its processes."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from snapshot_tuner.clock import Clock
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
    transitions,
)
from snapshot_tuner.ledger.cursor import Cursor
from snapshot_tuner.ledger.event_key import event_key
from snapshot_tuner.ledger.sqlite_file import SqliteFile
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.model import Adjustment, TaskRef

_EXPIRED_PER_ADMIT = 50
"""Rows removed at a time, of each kind: more than one event can add, so that the file stops growing."""


class SqliteLedger:
    """A `Ledger` over a SQLite file; threads of one process take turns."""

    def __init__(self, path: Path, namespace: str, limits: Limits, clock: Clock) -> None:
        self._file = SqliteFile(path)
        self._namespace = namespace
        self._limits = limits
        self._clock = clock

    def close(self) -> None:
        self._file.close()

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        if not adjustments:
            return []
        with self._step() as (database, now):
            self._check_order(database, now)
            admitted = [self._admit_one(database, adjustment, now) for adjustment in adjustments]
            self._remove_expired(database, now, at_most=max(_EXPIRED_PER_ADMIT, 2 * len(adjustments)))
            return admitted

    def reserve(self, count: int, within: float) -> list[Slot]:
        with self._file.transaction() as database:
            # Whatever pause falls between these readings, no slot starts early or is valid too long.
            before, now, after = self._clock.monotonic(), self._clock.wall_us(), self._clock.monotonic()
            starts, cursor = self._cursor(database).take(count, within, self._limits.slots_per_second, now)
            self._save_cursor(database, cursor)
        offsets = ((start - now) / 1e6 for start in starts)
        return [Slot(after + offset, before + offset + SLOT_VALID_SECONDS) for offset in offsets]

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        lease_until = self._clock.monotonic() + LEASE_SECONDS
        with self._step() as (database, now):
            return [self._begin_one(database, task, token, now, lease_until) for task, token in starts]

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        with self._step() as (database, now):
            if any(result is CallResult.THROTTLED for _, _, result in ends):
                self._save_cursor(database, self._cursor(database).pause(now))
            return [self._settle_one(database, task, token, result, now) for task, token, result in ends]

    def look(self, task: TaskRef) -> TaskState | None:
        with self._step() as (database, now):
            state = self._task(database, task, now)
            return state and transitions.pass_time(state, now)

    def _admit_one(self, database: sqlite3.Connection, adjustment: Adjustment, now: int) -> Admitted:
        signal, task = adjustment.signal, adjustment.task
        ahead_us = signal.time_us - now
        if not -self._limits.task_ttl * 1_000_000 <= ahead_us <= self._limits.max_clock_skew * 1_000_000:
            return answers.rejected(ahead_us)
        wish = Wish(
            order_key=adjustment.order_key.decode(),
            interval=adjustment.interval,
            business_id=adjustment.business_id,
            rule=adjustment.rule,
            event_id=signal.id,
            event_source=signal.source,
            key=event_key(task, signal.source, signal.id),
        )
        known = self._event(database, wish.key, now)
        before = self._task(database, task, now)
        fingerprint = signal.fingerprint()
        answer, after = transitions.admit(before, known, wish, fingerprint, now)
        if answer is Admission.CONFLICT:
            return answers.CONFLICT
        if known is None:
            known = KeyState(wish.order_key, fingerprint, applied=answer is Admission.DUPLICATE)
        self._save_event(database, wish.key, known, now)
        if after is not None:
            self._save_task(database, task, after, max(now, signal.time_us) + self._limits.task_ttl * 1_000_000)
            if answer in (Admission.DUPLICATE, Admission.SUPERSEDED) and after.doubt_until is not None:
                return answers.in_doubt(answer)
        return Admitted(answer)

    def _begin_one(
        self, database: sqlite3.Connection, task: TaskRef, token: str, now: int, lease_until: float
    ) -> Begun:
        state = self._task(database, task, now)
        if state is None:
            return Forgotten()
        lease, busy, state = transitions.begin(state, token, now)
        self._save_task(database, task, state)
        if lease is not None:
            return Granted(lease.wish, lease_until)
        return Busy() if busy else AlreadyApplied(state.desired)

    def _settle_one(
        self, database: sqlite3.Connection, task: TaskRef, token: str, result: CallResult, now: int
    ) -> Settlement:
        state = self._task(database, task, now)
        if state is None:
            return Settlement(kept=False, in_doubt=False)
        settlement, applied, state = transitions.settle(state, token, result, now)
        self._save_task(database, task, state)
        if applied is not None:
            database.execute(
                "UPDATE event SET applied = 1 WHERE namespace = ? AND key = ?", (self._namespace, applied.key)
            )
        return settlement

    def _check_order(self, database: sqlite3.Connection, now: int) -> None:
        wanted = self._limits.order.value
        self._account(database)
        row = database.execute("SELECT event_order FROM account WHERE namespace = ?", (self._namespace,)).fetchone()
        if row[0] == wanted:
            return
        remembered = database.execute(
            "SELECT 1 FROM task WHERE namespace = ? AND expires_us > ? LIMIT 1", (self._namespace, now)
        ).fetchone()
        if row[0] is not None and remembered:
            raise answers.other_order(self._namespace, self._limits.order, row[0])
        database.execute("UPDATE account SET event_order = ? WHERE namespace = ?", (wanted, self._namespace))

    def _account(self, database: sqlite3.Connection) -> None:
        database.execute("INSERT OR IGNORE INTO account VALUES (?, NULL, 0, 0)", (self._namespace,))

    def _cursor(self, database: sqlite3.Connection) -> Cursor:
        self._account(database)
        row = database.execute(
            "SELECT next_us, paused_until_us FROM account WHERE namespace = ?", (self._namespace,)
        ).fetchone()
        return Cursor(*row)

    def _save_cursor(self, database: sqlite3.Connection, cursor: Cursor) -> None:
        database.execute(
            "UPDATE account SET next_us = ?, paused_until_us = ? WHERE namespace = ?",
            (cursor.next_us, cursor.paused_until_us, self._namespace),
        )

    def _event(self, database: sqlite3.Connection, key: str, now: int) -> KeyState | None:
        row = database.execute(
            "SELECT order_key, fingerprint, applied FROM event WHERE namespace = ? AND key = ? AND expires_us > ?",
            (self._namespace, key, now),
        ).fetchone()
        return KeyState(row[0], row[1], applied=bool(row[2])) if row else None

    def _save_event(self, database: sqlite3.Connection, key: str, known: KeyState, now: int) -> None:
        expires = now + self._limits.idempotency_ttl * 1_000_000
        database.execute(
            "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?)",
            (self._namespace, key, known.order_key, known.fingerprint, known.applied, expires),
        )

    def _task(self, database: sqlite3.Connection, task: TaskRef, now: int) -> TaskState | None:
        row = database.execute(
            "SELECT state FROM task WHERE namespace = ? AND app_id = ? AND room_id = ? AND task_id = ?"
            " AND expires_us > ?",
            (self._namespace, *_names(task), now),
        ).fetchone()
        return _decode(row[0]) if row else None

    def _save_task(
        self, database: sqlite3.Connection, task: TaskRef, state: TaskState, expires: int | None = None
    ) -> None:
        names = (self._namespace, *_names(task))
        if expires is None:
            database.execute(
                "UPDATE task SET state = ? WHERE namespace = ? AND app_id = ? AND room_id = ? AND task_id = ?",
                (_encode(state), *names),
            )
        else:
            database.execute(
                "INSERT INTO task VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET state = excluded.state, expires_us = max(expires_us, excluded.expires_us)",
                (*names, _encode(state), expires),
            )

    def _remove_expired(self, database: sqlite3.Connection, now: int, at_most: int) -> None:
        database.execute(
            "DELETE FROM event WHERE (namespace, key) IN"
            " (SELECT namespace, key FROM event WHERE expires_us <= ? LIMIT ?)",
            (now, at_most),
        )
        database.execute(
            "DELETE FROM task WHERE (namespace, app_id, room_id, task_id) IN"
            " (SELECT namespace, app_id, room_id, task_id FROM task WHERE expires_us <= ? LIMIT ?)",
            (now, at_most),
        )

    @contextmanager
    def _step(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """One transaction; `now` is read while it holds the write lock."""
        with self._file.transaction() as database:
            yield database, self._clock.wall_us()


def _names(task: TaskRef) -> tuple[str, str, str]:
    return task.app_id, task.room_id, task.task_id


def _encode(state: TaskState) -> str:
    lease = state.lease
    parts = (
        _wish_parts(state.desired),
        state.desired_at,
        state.applied and _wish_parts(state.applied),
        state.applied_at,
        lease and (lease.token, lease.begun, lease.until, _wish_parts(lease.wish)),
        state.doubt_until,
        state.settled_token,
    )
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _wish_parts(wish: Wish) -> tuple[str | int | None, ...]:
    return wish.order_key, wish.interval, wish.business_id, wish.rule, wish.event_id, wish.event_source, wish.key


def _decode(text: str) -> TaskState:
    desired, desired_at, applied, applied_at, lease, doubt_until, settled_token = json.loads(text)
    return TaskState(
        desired=Wish(*desired),
        desired_at=desired_at,
        applied=Wish(*applied) if applied else None,
        applied_at=applied_at,
        lease=Lease(token=lease[0], begun=lease[1], until=lease[2], wish=Wish(*lease[3])) if lease else None,
        doubt_until=doubt_until,
        settled_token=settled_token,
    )

"""The ledger of one host: a SQLite file in WAL mode, shared by any number of its processes."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger import intents, messages, precedence, transitions
from snapshot_tuner.ledger.rate_limit import Cursor
from snapshot_tuner.ledger.sqlite.codec import decode, encode
from snapshot_tuner.ledger.sqlite.database import SqliteFile
from snapshot_tuner.ledger.timing import LEASE_SECONDS, READS_PER_SECOND, SLOT_VALID_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import (
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Busy,
    CallResult,
    Forgotten,
    Granted,
    Limits,
    Settlement,
    Slot,
    TaskState,
)
from snapshot_tuner.model import Adjustment, TaskRef

_EXPIRED_PER_ADMIT = 50
"""Rows removed at a time, of each kind: more than one event can add, so that the file stops growing."""

_ONE_TASK = "namespace = ? AND app_id = ? AND room_id = ? AND task_id = ?"
_THE_TASK = "namespace = ?3 AND app_id = ?4 AND room_id = ?5 AND task_id = ?6"
_DUE = "due_us = CASE WHEN told_us IS ?2 THEN due_us ELSE ?2 END, told_us = ?2"


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

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        return self._reserve(self._namespace, self._limits.slots_per_second, count, (after, within))

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        # No namespace has a colon in its name.
        return self._reserve(f"{self._namespace}:reads", READS_PER_SECOND, count, (0.0, within))

    def _reserve(self, account: str, rate: float, count: int, between: tuple[float, float]) -> list[Slot]:
        sooner, later = between
        with self._file.transaction() as database:
            # Whatever pause falls between these readings, no slot starts early or is valid too long.
            before, now, after = self._clock.monotonic(), self._clock.wall_us(), self._clock.monotonic()
            starts, cursor = self._cursor(database, account).take(count, later, rate, now, sooner)
            self._save_cursor(database, cursor, account)
        offsets = ((start - now) / 1e6 for start in starts)
        return [Slot(after + offset, before + offset + SLOT_VALID_SECONDS) for offset in offsets]

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        lease_until = self._clock.monotonic() + LEASE_SECONDS
        with self._step() as (database, now):
            return [self._begin_one(database, task, token, now, lease_until) for task, token in starts]

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        with self._step() as (database, now):
            if any(result is CallResult.THROTTLED for _, _, result in ends):
                self._save_cursor(database, self._cursor(database, self._namespace).pause(now), self._namespace)
            return [self._settle_one(database, task, token, result, now) for task, token, result in ends]

    def get(self, task: TaskRef) -> TaskState | None:
        with self._step() as (database, now):
            state = self._task(database, task, now)
            return state and transitions.advance_to(state, now)

    def claim_due(self, limit: int) -> list[TaskRef]:
        with self._step() as (database, now):
            due = database.execute(
                "SELECT app_id, room_id, task_id FROM task WHERE namespace = ? AND due_us <= ? ORDER BY due_us LIMIT ?",
                (self._namespace, now, limit),
            ).fetchall()
            self._mark(database, "due_us", due, now + round(TRY_AGAIN_SECONDS * 1e6))
            return [TaskRef(*names) for names in due]

    def claim_checks(self, limit: int) -> list[TaskRef]:
        with self._step() as (database, now):
            first = database.execute(
                "SELECT app_id, room_id, task_id FROM task WHERE namespace = ? ORDER BY checked_us LIMIT ?",
                (self._namespace, limit),
            ).fetchall()
            self._mark(database, "checked_us", first, now)
            return [TaskRef(*names) for names in first]

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        with self._step() as (database, now):
            unchanged = self._is_as_seen(database, task, seen, now)
            if unchanged:
                self._save_task(database, task, transitions.mark_in_doubt(seen, now), now)
            return unchanged

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        with self._step() as (database, now):
            unchanged = self._is_as_seen(database, task, seen, now)
            if unchanged:
                database.execute(f"DELETE FROM task WHERE {_ONE_TASK}", (self._namespace, *_names(task)))  # noqa: S608 - constants of ours
            return unchanged

    def _admit_one(self, database: sqlite3.Connection, adjustment: Adjustment, now: int) -> Admitted:
        signal, task = adjustment.signal, adjustment.task
        ahead_us = signal.time_us - now
        if not -self._limits.task_ttl * 1_000_000 <= ahead_us <= self._limits.max_clock_skew * 1_000_000:
            return messages.rejected(ahead_us)
        intent = intents.from_adjustment(adjustment)
        known = self._event(database, intent.key, now)
        before = self._task(database, task, now)
        fingerprint = signal.fingerprint()
        answer, after = transitions.admit(before, known, intent, fingerprint, now)
        if answer is Admission.CONFLICT:
            return messages.CONFLICT
        if known is None:
            known = KeyState(intent.order_key, fingerprint, applied=answer is Admission.DUPLICATE)
        if answer is Admission.DEFERRED:
            known = known._replace(applied=True)  # nothing of it can be lost any more
        self._save_event(database, intent.key, known, now)
        if after is not None:
            expires = max(now, signal.time_us) + self._limits.task_ttl * 1_000_000
            if answer in (Admission.DUPLICATE, Admission.SUPERSEDED):
                self._mark(database, "expires_us", [_names(task)], expires)
            else:
                self._save_task(database, task, after, now, expires)
            if answer is Admission.DEFERRED:
                return messages.deferred(after.desired, precedence.effective_until(after))
            if answer in (Admission.DUPLICATE, Admission.SUPERSEDED) and after.doubt_until is not None:
                return messages.in_doubt(answer)
        return messages.superseded(intent, now) if answer is Admission.SUPERSEDED else Admitted(answer)

    def _begin_one(
        self, database: sqlite3.Connection, task: TaskRef, token: str, now: int, lease_until: float
    ) -> Begun:
        state = self._task(database, task, now)
        if state is None:
            return Forgotten()
        before = state
        lease, busy, state = transitions.begin(state, token, now)
        self._save_task(database, task, state, now)
        if lease is not None:
            return Granted(lease.intent, lease_until)
        return Busy() if busy else AlreadyApplied(state.desired, unchanged=before.applied != state.applied)

    def _settle_one(
        self, database: sqlite3.Connection, task: TaskRef, token: str, result: CallResult, now: int
    ) -> Settlement:
        state = self._task(database, task, now)
        if state is None:
            return Settlement(kept=False, in_doubt=False)
        settlement, applied, state = transitions.settle(state, token, result, now)
        self._save_task(database, task, state, now)
        if applied is not None:
            database.execute(
                "UPDATE event SET applied = 1 WHERE namespace = ? AND key = ?", (self._namespace, applied.key)
            )
        return settlement

    def _check_order(self, database: sqlite3.Connection, now: int) -> None:
        wanted = self._limits.order.value
        self._account(database, self._namespace)
        row = database.execute("SELECT event_order FROM account WHERE namespace = ?", (self._namespace,)).fetchone()
        if row[0] == wanted:
            return
        remembered = database.execute(
            "SELECT 1 FROM task WHERE namespace = ? AND expires_us > ? LIMIT 1", (self._namespace, now)
        ).fetchone()
        if row[0] is not None and remembered:
            raise messages.other_order(self._namespace, self._limits.order, row[0])
        database.execute("UPDATE account SET event_order = ? WHERE namespace = ?", (wanted, self._namespace))

    def _account(self, database: sqlite3.Connection, name: str) -> None:
        database.execute("INSERT OR IGNORE INTO account VALUES (?, NULL, 0, 0)", (name,))

    def _cursor(self, database: sqlite3.Connection, name: str) -> Cursor:
        self._account(database, name)
        row = database.execute("SELECT next_us, paused_until_us FROM account WHERE namespace = ?", (name,)).fetchone()
        return Cursor(*row)

    def _save_cursor(self, database: sqlite3.Connection, cursor: Cursor, name: str) -> None:
        database.execute(
            "UPDATE account SET next_us = ?, paused_until_us = ? WHERE namespace = ?",
            (cursor.next_us, cursor.paused_until_us, name),
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
            f"SELECT state FROM task WHERE {_ONE_TASK} AND expires_us > ?",  # noqa: S608 - constants of ours
            (self._namespace, *_names(task), now),
        ).fetchone()
        return decode(row[0]) if row else None

    def _is_as_seen(self, database: sqlite3.Connection, task: TaskRef, seen: TaskState, now: int) -> bool:
        state = self._task(database, task, now)
        return state is not None and transitions.advance_to(state, now) == seen

    def _save_task(
        self, database: sqlite3.Connection, task: TaskRef, state: TaskState, now: int, expires: int | None = None
    ) -> None:
        """Where the state says no other moment than before when a call is due, a claim stands."""
        names = (self._namespace, *_names(task))
        text, due = encode(state), transitions.due(state, now)
        if expires is None:
            database.execute(f"UPDATE task SET state = ?1, {_DUE} WHERE {_THE_TASK}", (text, due, *names))  # noqa: S608 - constants of ours
        else:
            database.execute(
                f"INSERT INTO task VALUES (?3, ?4, ?5, ?6, ?1, ?2, ?2, ?7, ?8) ON CONFLICT DO UPDATE"  # noqa: S608 - constants of ours
                f" SET state = ?1, {_DUE}, expires_us = max(expires_us, ?8)",
                (text, due, *names, now, expires),
            )

    def _mark(self, database: sqlite3.Connection, column: str, tasks: Sequence[tuple[str, str, str]], at: int) -> None:
        database.executemany(
            f"UPDATE task SET {column} = max({column}, ?) WHERE {_ONE_TASK}",  # noqa: S608 - constants of ours
            [(at, self._namespace, *names) for names in tasks],
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

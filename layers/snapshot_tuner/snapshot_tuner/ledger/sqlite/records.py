"""The records of one namespace as rows of a SQLite file."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from snapshot_tuner.ledger import transitions
from snapshot_tuner.ledger.in_process.own_time import KeptClock
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.rate_limit import Budget, Cursor
from snapshot_tuner.ledger.set_aside import Unreadable
from snapshot_tuner.ledger.sqlite import listing
from snapshot_tuner.ledger.sqlite.codec import (
    check_time,
    decode,
    decode_bounds,
    decode_event,
    decode_uses,
    encode,
    encode_uses,
    is_text,
)
from snapshot_tuner.ledger.sqlite.set_aside import SetAsideRows, as_bytes, printable
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import Bounds, Intent, SetAsideRecords, TaskState
from snapshot_tuner.model import TaskRef

_EXPIRED_PER_ADMIT = 50
"""Rows removed at a time, of each kind, at least."""

_CLOCK = ":clock"
"""The account that is none: its order is the greatest time and the correction, for all namespaces of the file."""

_ONE_TASK = "namespace = ? AND app_id = ? AND room_id = ? AND task_id = ?"
_THE_TASK = "namespace = ?3 AND app_id = ?4 AND room_id = ?5 AND task_id = ?6"
_DUE = "due_us = CASE WHEN told_us IS ?2 THEN due_us ELSE ?2 END, told_us = ?2"


class SqliteRecords:
    """The rows of one namespace, inside a transaction."""

    def __init__(self, database: sqlite3.Connection, namespace: str, aside: SetAsideRows) -> None:
        self._database = database
        self._namespace = namespace
        self._aside = aside
        self._has_bounds: bool | None = None
        # No namespace has a colon in its name.
        self._accounts = {Budget.CALLS: namespace, Budget.READS: f"{namespace}:reads"}

    def event(self, intent: Intent, now: int) -> KeyState | None:
        row = self._database.execute(
            "SELECT order_key, fingerprint, applied, expires_us FROM event"
            " WHERE namespace = ? AND key = ? AND expires_us > ?",
            (self._namespace, intent.key, now),
        ).fetchone()
        if row is None:
            return None
        try:
            check_time(row[3])
            return decode_event(*row[:3])
        except Unreadable as error:
            self._aside.add(f"event {intent.key}", str(error), printable(row))
            self._database.execute("DELETE FROM event WHERE namespace = ? AND key = ?", (self._namespace, intent.key))
            return None

    def save_event(self, key: str, known: KeyState, expires: int) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?)",
            (self._namespace, key, known.order_key, known.fingerprint, known.applied, expires),
        )

    def mark_applied(self, key: str) -> None:
        self._database.execute("UPDATE event SET applied = 1 WHERE namespace = ? AND key = ?", (self._namespace, key))

    def task(self, task: TaskRef, now: int) -> TaskState | None:
        row = self._database.execute(
            f"SELECT state, expires_us FROM task WHERE {_ONE_TASK} AND expires_us > ?",  # noqa: S608 - constants of ours
            (self._namespace, *_names(task), now),
        ).fetchone()
        if row is None:
            return None
        try:
            check_time(row[1])
            return decode(row[0])._replace(bounds=self.bounds(task, now))
        except Unreadable as error:
            self._aside.add(f"task {':'.join(task)}", str(error), row[0])
            self.forget_task(task)
            return None

    def save_task(self, task: TaskRef, state: TaskState, now: int, expires: int | None = None) -> None:
        names = (self._namespace, *_names(task))
        text, due = encode(state), transitions.due(state, now)
        if expires is None:
            self._database.execute(f"UPDATE task SET state = ?1, {_DUE} WHERE {_THE_TASK}", (text, due, *names))  # noqa: S608 - constants of ours
        else:
            self._database.execute(
                f"INSERT INTO task VALUES (?3, ?4, ?5, ?6, ?1, ?2, ?2, ?7, ?8) ON CONFLICT DO UPDATE"  # noqa: S608 - constants of ours
                f" SET state = ?1, {_DUE}, expires_us = max(expires_us, ?8)",
                (text, due, *names, now, expires),
            )

    def keep_task(self, task: TaskRef, expires: int) -> None:
        self._mark("expires_us", [task], expires)

    def forget_task(self, task: TaskRef) -> None:
        self._database.execute(f"DELETE FROM task WHERE {_ONE_TASK}", (self._namespace, *_names(task)))  # noqa: S608 - constants of ours

    def bounds(self, task: TaskRef, now: int) -> Bounds | None:
        if self._has_bounds is None:
            row = self._database.execute(
                "SELECT 1 FROM bounds WHERE namespace = ? LIMIT 1", (self._namespace,)
            ).fetchone()
            self._has_bounds = row is not None
        if not self._has_bounds:  # nearly always
            return None
        row = self._database.execute(
            f"SELECT least, most, until_us, set_us, reason, caller FROM bounds WHERE {_ONE_TASK} AND until_us > ?",  # noqa: S608 - constants of ours
            (self._namespace, *_names(task), now),
        ).fetchone()
        if row is None:
            return None
        try:
            return decode_bounds(row)
        except Unreadable as error:
            self._aside.add(f"bounds {':'.join(task)}", str(error), printable(row))
            self._remove_bounds(task)
            return None

    def save_bounds(self, task: TaskRef, bounds: Bounds | None, now: int) -> None:
        self._database.execute(
            "DELETE FROM bounds WHERE (namespace, app_id, room_id, task_id) IN"
            " (SELECT namespace, app_id, room_id, task_id FROM bounds WHERE namespace = ? AND until_us <= ? LIMIT ?)",
            (self._namespace, now, _EXPIRED_PER_ADMIT),
        )
        self._remove_bounds(task)
        if bounds is not None:
            least, most, until_us, *others = bounds
            values = (self._namespace, *_names(task), until_us, least, most, *others)
            self._database.execute("INSERT INTO bounds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._has_bounds = None

    def due_by(self, task: TaskRef, due: int) -> None:
        names = (self._namespace, *_names(task))
        sooner = f"UPDATE task SET {_DUE} WHERE {_THE_TASK} AND (told_us IS NULL OR told_us > ?2)"  # noqa: S608 - constants of ours
        self._database.execute(sooner, (None, due, *names))

    def claim_due(self, limit: int, now: int, until: int) -> list[TaskRef]:
        due = self._first("due_us", "due_us <= ?", now, limit)
        self._mark("due_us", due, until)
        return due

    def claim_checks(self, limit: int, now: int) -> list[TaskRef]:
        self._set_odd_rows_aside()
        first = self._first("checked_us", "checked_us < ?", "", limit)
        self._mark("checked_us", first, now)
        return first

    def set_aside(self, limit: int) -> SetAsideRecords:
        return self._aside.records(limit)

    def list_tasks(self, query: TaskQuery, now: int) -> TaskPage:
        return listing.page(self._database, self._namespace, query, now)

    def order(self) -> str | None:
        found = self._account(self._namespace, "event_order")[0]
        # Another word is an order that only a later version knows.
        if found is None or (isinstance(found, str) and found.isascii() and found.isalpha() and found.islower()):
            return found
        self._aside.add("order", "not a word of lower-case letters", found)
        return None

    def save_order(self, order: str) -> None:
        self._database.execute("UPDATE account SET event_order = ? WHERE namespace = ?", (order, self._namespace))

    def has_tasks(self, now: int) -> bool:
        row = self._database.execute(
            "SELECT 1 FROM task WHERE namespace = ? AND expires_us > ? LIMIT 1", (self._namespace, now)
        ).fetchone()
        return row is not None

    def cursor(self, budget: Budget) -> Cursor | None:
        try:
            return self._cursor(self._accounts[budget])
        except Unreadable as error:
            row = self._account(self._accounts[budget], "next_us, paused_until_us")
            self._aside.add(f"cursor of {budget}", str(error), printable(row))
            return None

    def save_cursor(self, budget: Budget, cursor: Cursor) -> None:
        self._save_cursor(self._accounts[budget], cursor)

    def clock(self) -> KeptClock | None:
        row = self._database.execute("SELECT event_order FROM account WHERE namespace = ?", (_CLOCK,)).fetchone()
        found = re.fullmatch(r"(\d{1,18}) (-?\d{1,18})", str(row[0]), re.ASCII) if row else None
        return KeptClock(int(found[1]), int(found[2])) if found else None

    def save_clock(self, kept: KeptClock) -> None:
        text = f"{kept.greatest_us} {kept.correction_us}"
        self._database.execute("INSERT OR REPLACE INTO account VALUES (?, ?, 0, 0)", (_CLOCK, text))

    def move_cursors(self, move: Callable[[Cursor], Cursor]) -> None:
        names = self._database.execute("SELECT namespace FROM account WHERE namespace <> ?", (_CLOCK,)).fetchall()
        for (name,) in names:
            with suppress(Unreadable):  # `cursor` sets it aside
                self._save_cursor(name, move(self._cursor(name)))

    def remove_expired(self, now: int, added: int) -> None:
        at_most = max(_EXPIRED_PER_ADMIT, 2 * added)
        self._database.execute(
            "DELETE FROM event WHERE (namespace, key) IN"
            " (SELECT namespace, key FROM event WHERE expires_us <= ? LIMIT ?)",
            (now, at_most),
        )
        self._database.execute(
            "DELETE FROM task WHERE (namespace, app_id, room_id, task_id) IN"
            " (SELECT namespace, app_id, room_id, task_id FROM task WHERE expires_us <= ? LIMIT ?)",
            (now, at_most),
        )

    def _remove_bounds(self, task: TaskRef) -> None:
        self._database.execute(f"DELETE FROM bounds WHERE {_ONE_TASK}", (self._namespace, *_names(task)))  # noqa: S608 - constants of ours

    def _first(self, column: str, which: str, than: object, limit: int) -> list[TaskRef]:
        rows = self._database.execute(
            f"SELECT app_id, room_id, task_id FROM task WHERE namespace = ? AND {which} ORDER BY {column} LIMIT ?",  # noqa: S608 - constants of ours
            (self._namespace, than, limit),
        ).fetchall()
        tasks: list[TaskRef] = []
        for names in rows:
            if all(map(is_text, names)):
                tasks.append(TaskRef(*names))
            else:
                self._set_row_aside(names, "a name is not text")
        return tasks

    def _set_odd_rows_aside(self) -> None:
        """Those of which a time is a text or a blob, which SQLite sorts behind all numbers: never due, never over."""
        rows = self._database.execute(
            "SELECT app_id, room_id, task_id FROM task WHERE namespace = ?1 AND checked_us >= ''"
            " UNION SELECT app_id, room_id, task_id FROM task WHERE namespace = ?1 AND due_us >= ''"
            " UNION SELECT app_id, room_id, task_id FROM task WHERE namespace = ?1 AND expires_us >= '' LIMIT ?2",
            (self._namespace, _EXPIRED_PER_ADMIT),
        ).fetchall()
        for names in rows:
            self._set_row_aside(names, "a time is not a number")

    def _set_row_aside(self, names: Sequence[object], why: str) -> None:
        """By what its names are, text or blob: another row may have the same bytes for a name."""
        where = " AND ".join(
            f"typeof({column}) = '{'blob' if isinstance(name, bytes) else 'text'}' AND CAST({column} AS BLOB) = ?"
            for column, name in zip(("app_id", "room_id", "task_id"), names, strict=True)
        )
        values = (self._namespace, *map(as_bytes, names))
        rows = self._database.execute(f"SELECT * FROM task WHERE namespace = ? AND {where}", values).fetchall()  # noqa: S608 - constants of ours
        self._aside.add(f"task {':'.join(map(printable, names))}", why, printable(rows))
        self._database.execute(f"DELETE FROM task WHERE namespace = ? AND {where}", values)  # noqa: S608 - constants of ours

    def _account(self, name: str, columns: str) -> tuple[Any, ...]:
        self._database.execute("INSERT OR IGNORE INTO account VALUES (?, NULL, 0, 0)", (name,))
        row: tuple[Any, ...] = self._database.execute(
            f"SELECT {columns} FROM account WHERE namespace = ?",  # noqa: S608 - constants of ours
            (name,),
        ).fetchone()
        return row

    def _cursor(self, account: str) -> Cursor:
        """Raises Unreadable."""
        next_us, paused_until_us = self._account(account, "next_us, paused_until_us")
        row = self._database.execute("SELECT kept FROM pace WHERE namespace = ?", (account,)).fetchone()
        spacings, stretches = decode_uses(row[0]) if row else ((), ())
        return Cursor(check_time(next_us), check_time(paused_until_us), spacings, stretches)

    def _save_cursor(self, account: str, cursor: Cursor) -> None:
        self._database.execute(
            "UPDATE account SET next_us = ?, paused_until_us = ? WHERE namespace = ?",
            (cursor.next_us, cursor.paused_until_us, account),
        )
        kept = encode_uses(cursor.spacings, cursor.stretches)
        self._database.execute("INSERT OR REPLACE INTO pace VALUES (?, ?)", (account, kept))

    def _mark(self, column: str, tasks: Sequence[TaskRef], at: int) -> None:
        self._database.executemany(
            f"UPDATE task SET {column} = max({column}, ?) WHERE {_ONE_TASK}",  # noqa: S608 - constants of ours
            [(at, self._namespace, *_names(task)) for task in tasks],
        )


def _names(task: TaskRef) -> tuple[str, str, str]:
    return task.app_id, task.room_id, task.task_id

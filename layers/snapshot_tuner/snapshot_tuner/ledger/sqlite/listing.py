"""The tasks of a SQLite ledger, page by page, by indexes that make a page of 100,000 tasks take milliseconds."""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from snapshot_tuner.ledger.listing import EXAMINED_MOST, ListedTask, Place, TaskPage, TaskQuery
from snapshot_tuner.ledger.sqlite.codec import is_text
from snapshot_tuner.model import TaskRef

# The second field of the third: the interval of what was applied. Each only where the record can be read.
_APPLIED = (
    "CASE WHEN typeof(state) = 'text' AND json_valid(state) THEN coalesce(json_extract(state, '$[2][1]'), 0) ELSE 0 END"
)
_DOUBT = "CASE WHEN typeof(state) = 'text' AND json_valid(state) THEN json_extract(state, '$[5]') END"

INDEXES = f"""
CREATE INDEX IF NOT EXISTS task_room ON task (namespace, room_id);
CREATE INDEX IF NOT EXISTS task_applied ON task (namespace, {_APPLIED}, app_id, room_id, task_id);
CREATE INDEX IF NOT EXISTS task_doubt ON task (namespace, app_id, room_id, task_id) WHERE {_DOUBT} IS NOT NULL;
"""

_NAMES = "app_id, room_id, task_id"
# A task may be known by its bounds alone.
_BOUNDED = "bounds INDEXED BY bounds_end LEFT JOIN task USING (namespace, app_id, room_id, task_id)"


def page(database: sqlite3.Connection, namespace: str, query: TaskQuery, now: int) -> TaskPage:
    """Inside a transaction; what has expired by `now` is not there."""
    found: list[ListedTask] = []
    last: Place | None = None
    for number, row in enumerate(_rows(database, namespace, query, now), start=1):
        at, *names, applied, due, expires = row
        if all(map(is_text, names)):
            task, interval = TaskRef(*names), applied if isinstance(applied, int) else 0
            last = Place(at if isinstance(at, int) else 0, task)
            is_due = not query.is_due or (isinstance(due, int) and due <= now)
            if is_due and isinstance(expires, int) and expires > now and query.takes(task, interval):
                found.append(ListedTask(task, interval or None))
        if len(found) == query.limit or number == EXAMINED_MOST:
            return TaskPage(tuple(found), last)
    return TaskPage(tuple(found))


class _Part(NamedTuple):
    """Rows of one index, in its order: what they are listed by, which they are, its values, and whether by names alone.

    Without its name SQLite takes the primary key for any condition on names, and sorts by itself. `expires` is until
    when a row is there.
    """

    source: str
    by: str
    which: str
    values: tuple[object, ...]
    is_by_name: bool = True
    expires: str = "expires_us"


def _rows(database: sqlite3.Connection, namespace: str, query: TaskQuery, now: int) -> Iterator[tuple[Any, ...]]:
    """Behind the place to go on from, by the index that serves the query best."""
    for source, by, which, values, is_by_name, expires in _parts(query, now):
        order = _NAMES if is_by_name else f"{by}, {_NAMES}"
        yield from database.execute(
            f"SELECT {by}, {_NAMES}, {_APPLIED}, due_us, {expires} FROM {source}"  # noqa: S608 - constants of ours
            f" WHERE namespace = ? AND {which} ORDER BY {order} LIMIT {EXAMINED_MOST}",
            (namespace, *values),
        )


def _parts(query: TaskQuery, now: int) -> list[_Part]:
    app, room, task = query.after.task if query.after is not None else ("", "", "")
    if query.bounded:
        return _bounded(query, now)
    if query.is_in_doubt:
        which = f"{_DOUBT} IS NOT NULL AND ({_NAMES}) > (?, ?, ?)"
        return [_Part("task INDEXED BY task_doubt", "0", which, (app, room, task))]
    if query.is_due:
        return _behind("task_due", "due_us", query.after, now)
    if query.app is not None and query.room is not None:
        values = (query.app, query.room, task)
        return [_Part("task NOT INDEXED", "0", "app_id = ? AND room_id = ? AND task_id > ?", values)]
    if query.app is not None:
        return [_Part("task NOT INDEXED", "0", "app_id = ? AND (room_id, task_id) > (?, ?)", (query.app, room, task))]
    if query.room is not None:
        which = "room_id = ? AND (app_id, task_id) > (?, ?)"
        return [_Part("task INDEXED BY task_room", "0", which, (query.room, app, task))]
    least = Place(query.least, TaskRef("", "", ""))
    return _behind("task_applied", _APPLIED, max(query.after or least, least), query.most)


def _behind(index: str, column: str, after: Place | None, most: int) -> list[_Part]:
    """What is equal to the last one's, then what is greater: SQLite finds the place in an index by either."""
    source = f"task INDEXED BY {index}"
    if after is None:
        return [_Part(source, column, f"{column} <= ?", (most,), is_by_name=False)]
    equal = f"{column} = ? AND ({_NAMES}) > (?, ?, ?)"
    return [
        *([_Part(source, column, equal, (after.at, *after.task))] if after.at <= most else []),
        _Part(source, column, f"{column} > ? AND {column} <= ?", (after.at, most), is_by_name=False),
    ]


def _bounded(query: TaskQuery, now: int) -> list[_Part]:
    """By when the bounds end."""
    after = query.after
    also = f" AND {_DOUBT} IS NOT NULL" if query.is_in_doubt else ""
    later = f"until_us > ?{also}"
    if after is None or after.at <= now:
        return [_Part(_BOUNDED, "until_us", later, (now,), is_by_name=False, expires="until_us")]
    equal = f"until_us = ? AND ({_NAMES}) > (?, ?, ?){also}"
    return [
        _Part(_BOUNDED, "until_us", equal, (after.at, *after.task), expires="until_us"),
        _Part(_BOUNDED, "until_us", later, (after.at,), is_by_name=False, expires="until_us"),
    ]

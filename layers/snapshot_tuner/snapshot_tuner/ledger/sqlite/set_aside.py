"""The rows of a SQLite ledger that cannot be read, in a table of their own."""

import sqlite3
from typing import Any

from snapshot_tuner.ledger.set_aside import RECORD_BYTES_MOST, RECORDS_MOST
from snapshot_tuner.ledger.types import SetAside, SetAsideRecords

# Not part of the schema's version: older code does not know the table, and does not need it.
TABLE = """
CREATE TABLE IF NOT EXISTS set_aside (namespace TEXT, name TEXT, why TEXT NOT NULL, record BLOB,
    PRIMARY KEY (namespace, name)) WITHOUT ROWID;
"""


class SetAsideRows:
    """Of one namespace, inside a transaction; `found` are those of this transaction."""

    def __init__(self, database: sqlite3.Connection, namespace: str) -> None:
        self._database = database
        self._namespace = namespace
        self.found: list[SetAside] = []

    def add(self, name: str, why: str, record: object) -> None:
        """The caller removes or repairs the row itself."""
        kept = as_bytes(record)[:RECORD_BYTES_MOST]
        self._database.execute(
            "INSERT OR REPLACE INTO set_aside SELECT ?1, ?2, ?3, ?4"
            " WHERE (SELECT count(*) FROM set_aside WHERE namespace = ?1) < ?5",
            (self._namespace, name, why, kept, RECORDS_MOST),
        )
        self.found.append(SetAside(name, why))

    def records(self, limit: int) -> SetAsideRecords:
        [count] = self._database.execute(
            "SELECT count(*) FROM set_aside WHERE namespace = ?", (self._namespace,)
        ).fetchone()
        rows: list[tuple[str]] = self._database.execute(
            "SELECT name FROM set_aside WHERE namespace = ? ORDER BY name LIMIT ?", (self._namespace, limit)
        ).fetchall()
        return SetAsideRecords(count, tuple(name for (name,) in rows))


def read_text(data: bytes) -> str:
    """A text of any bytes: the codec finds those that are not UTF-8; SQLite itself would fail the whole step."""
    return data.decode("utf-8", "surrogateescape")


def as_bytes(value: object) -> bytes:
    """What a column holds, as SQLite would cast it to a BLOB."""
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode("utf-8", "surrogateescape")


def printable(value: Any) -> str:  # noqa: ANN401 - whatever a column may hold
    """For the name of a record, which a person reads."""
    return as_bytes(value).decode("utf-8", "backslashreplace")

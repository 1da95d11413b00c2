"""The ledger's SQLite file: opened on first use, one writer at a time, none starved."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

from snapshot_tuner.errors import LedgerMismatch, LedgerTakesNoWrite, LedgerUnavailable
from snapshot_tuner.ledger.sqlite import listing, set_aside

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (namespace TEXT, app_id TEXT, room_id TEXT, task_id TEXT,
    state TEXT NOT NULL, told_us INTEGER, due_us INTEGER, checked_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    PRIMARY KEY (namespace, app_id, room_id, task_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_expiry ON task (expires_us);
CREATE INDEX IF NOT EXISTS task_due ON task (namespace, due_us) WHERE due_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_check ON task (namespace, checked_us);
CREATE TABLE IF NOT EXISTS event (namespace TEXT, key TEXT,
    order_key TEXT NOT NULL, fingerprint TEXT NOT NULL, applied INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    PRIMARY KEY (namespace, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_expiry ON event (expires_us);
CREATE TABLE IF NOT EXISTS account (namespace TEXT PRIMARY KEY,
    event_order TEXT, next_us INTEGER NOT NULL, paused_until_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bounds (namespace TEXT, app_id TEXT, room_id TEXT, task_id TEXT, until_us INTEGER NOT NULL,
    least INTEGER, most INTEGER, set_us INTEGER NOT NULL, reason TEXT NOT NULL, caller TEXT NOT NULL,
    PRIMARY KEY (namespace, app_id, room_id, task_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bounds_end ON bounds (namespace, until_us, app_id, room_id, task_id);
CREATE TABLE IF NOT EXISTS pace (namespace TEXT PRIMARY KEY, kept TEXT NOT NULL) WITHOUT ROWID;
"""

_ADDED = 4
"""Since the schema has this version."""

_LOCK_WAIT_SECONDS = 1.5
"""How long a step waits for other processes' steps, each of which takes about a millisecond."""

_T = TypeVar("_T")
_FileId: TypeAlias = tuple[int, int] | None
"""Device and inode; None if there is no such file."""


class SqliteFile:
    """One connection of one process; its threads take turns.

    A deleted or replaced file lives on for those who have it open, while all others begin another one: two ledgers,
    each with the whole rate. So every step checks whether the path still names the open file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # The log holds what was committed last; with two indexes of one log, its users write over each other's pages.
        self._beside = [path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm")]
        self._turn = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._files: list[_FileId] = []

    def close(self) -> None:
        with self._turn:
            self._close()

    @contextmanager
    def transaction(self, *, reads_only: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction, which holds the write lock from its first moment where it may write.

        Raises LedgerUnavailable.
        """
        with self._turn:
            try:
                database = self._connect()
                _when_unlocked(lambda: database.execute("BEGIN" if reads_only else "BEGIN IMMEDIATE"))
                try:
                    self._check_files()
                    yield database
                    database.execute("COMMIT")
                finally:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
            except _FileReplaced as error:
                self._close()
                raise LedgerUnavailable(f"SQLite ledger: {error}") from None
            except sqlite3.Error as error:
                what = LedgerTakesNoWrite if _takes_no_write(error) else LedgerUnavailable
                raise what(f"SQLite ledger: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        if self._open is None:
            before = _file_id(self._path)
            # No busy handler: SQLite's own sleeps up to 100 ms at a time, and those who sleep starve.
            database = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            database.text_factory = set_aside.read_text
            try:
                _when_unlocked(lambda: database.execute("PRAGMA journal_mode = WAL"))
                database.execute("PRAGMA synchronous = NORMAL")
                _when_unlocked(lambda: self._create(database))
                # The one from before it was opened, or a replacement in between would pass for it.
                self._files = [before or _file_id(self._path), *map(_file_id, self._beside)]
            except BaseException:  # whatever stopped it, an interrupt too: no connection is left open
                database.close()
                raise
            self._open = database
        return self._open

    def _check_files(self) -> None:
        for path, opened in zip((self._path, *self._beside), self._files, strict=True):
            if _file_id(path) != opened:
                raise _FileReplaced(f"{path} was deleted or replaced while in use; the next try opens what is there")

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _create(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _SCHEMA_VERSION):
            raise LedgerMismatch(
                f"LEDGER_URL: {self._path} has schema version {version}, this program {_SCHEMA_VERSION}; use a new file"
            )
        # An earlier version of this code may have made the file, and may still use it: its tables stay as they are.
        of_this_version = (
            "SELECT count(*) FROM sqlite_master WHERE name IN ('set_aside', 'pace', 'task_doubt', 'bounds')"
        )
        if version and database.execute(of_this_version).fetchone()[0] == _ADDED:
            return
        # Two processes may come here at once: every statement is harmless when repeated.
        schema = f"{_SCHEMA} {set_aside.TABLE} {listing.INDEXES} PRAGMA user_version = {_SCHEMA_VERSION};"
        database.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")


class _FileReplaced(Exception):
    """The path names another file than the one that is open, or none."""


def _takes_no_write(error: sqlite3.Error) -> bool:
    """Whether the disk is full or read-only, also for the log's new index; the module's own errors have no code."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    full = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
    return code in full or code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)


def _file_id(path: Path) -> _FileId:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _when_unlocked(step: Callable[[], _T]) -> _T:
    """Try again while another process holds the lock; short random waits, so that nobody starves."""
    give_up = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(random.uniform(0.0002, 0.002))  # noqa: S311 - spreads the waiters, hides nothing

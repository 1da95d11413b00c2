"""The ledger of one host: a SQLite file in WAL mode, shared by any number of its processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.in_process.ledger import InProcessLedger
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.sqlite.database import SqliteFile
from snapshot_tuner.ledger.sqlite.records import SqliteRecords
from snapshot_tuner.ledger.sqlite.set_aside import SetAsideRows
from snapshot_tuner.ledger.types import Limits, ReportSetAside, no_report


class SqliteLedger(InProcessLedger):
    """A `Ledger` over a SQLite file; threads of one process take turns."""

    def __init__(
        self,
        path: Path,
        namespace: str,
        limits: Limits,
        clock: Clock,
        log: WarningLog | None = None,
        *,
        report_set_aside: ReportSetAside = no_report,
    ) -> None:
        self._file = SqliteFile(path)
        super().__init__(_SqliteStorage(self._file, namespace, report_set_aside), limits, clock, log)

    def close(self) -> None:
        self._file.close()


class _SqliteStorage:
    """A step is a transaction that holds the write lock from its first moment."""

    def __init__(self, file: SqliteFile, namespace: str, report_set_aside: ReportSetAside) -> None:
        self.namespace = namespace
        self._file = file
        self._report_set_aside = report_set_aside

    @contextmanager
    def view(self) -> Iterator[SqliteRecords]:
        with self._file.transaction(reads_only=True) as database:
            yield SqliteRecords(database, self.namespace, SetAsideRows(database, self.namespace))

    @contextmanager
    def step(self) -> Iterator[SqliteRecords]:
        with self._file.transaction() as database:
            aside = SetAsideRows(database, self.namespace)
            yield SqliteRecords(database, self.namespace, aside)
        if aside.found:
            self._report_set_aside(aside.found)

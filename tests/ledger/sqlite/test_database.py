"""The file under the SQLite ledger: what happens to it from outside."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Admission, Forgotten
from tests.ledger.backends import LIMITS, TASK, event, token


def _delete(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def _delete_only_the_database(path: Path) -> None:
    path.unlink()


def _delete_only_the_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def _delete_only_the_index(path: Path) -> None:
    """Of the log: whoever opens the file then makes another one, and both go on writing over each other's pages."""
    path.with_name(f"{path.name}-shm").unlink()


def _replace_by_another(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(SqliteLedger(other, "n", LIMITS, SystemClock())) as ledger:
        ledger.admit([event("other")])
    _delete(path)
    other.rename(path)


def _replace_by_a_copy(path: Path) -> None:
    """What a backup brings back."""
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    copy.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(path, "n", LIMITS, SystemClock())) as ledger:
        yield ledger


@pytest.mark.parametrize(
    "happens",
    [
        _delete,
        _delete_only_the_database,
        _delete_only_the_log,
        _delete_only_the_index,
        _replace_by_another,
        _replace_by_a_copy,
    ],
)
def test_a_file_that_is_deleted_or_replaced_in_use_is_noticed(
    happens: Callable[[Path], None], path: Path, ledger: SqliteLedger
) -> None:
    """The step that finds out changes nothing and says so; the next one opens what is there."""
    ledger.admit([event("e1")])
    happens(path)
    with pytest.raises(LedgerUnavailable, match=r"ledger\.db(-wal|-shm)? was deleted or replaced while in use"):
        ledger.admit([event("e2", at=1)])
    ledger.admit([event("e3", at=2)])
    with closing(SqliteLedger(path, "n", LIMITS, SystemClock())) as afresh:
        assert ledger.get(TASK) == afresh.get(TASK), "both have the file that the path names"


def test_after_a_deletion_nothing_is_left_of_the_old_file(path: Path, ledger: SqliteLedger) -> None:
    """Two processes on two files would each hand out the whole rate, and each its own newest event."""
    ledger.admit([event("newer", at=5)])
    _delete(path)
    with pytest.raises(LedgerUnavailable):
        ledger.begin([(TASK, token())])
    assert ledger.begin([(TASK, token())]) == [Forgotten()]
    [admitted] = ledger.admit([event("older")])
    assert admitted.answer is Admission.NEW

"""A disk that is full: each event comes back, nothing is lost, and /health says that no event can be handled."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snapshot_tuner import bootstrap
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import send
from tests.polling import eventually

ROOMS = 8


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """In this process, whose writes behind that byte fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite. What was taken before is known, what comes meanwhile comes back, and is applied when there is room."""
    path = tmp_path / "full.db"
    monkeypatch.setenv("LEDGER_URL", f"sqlite://{path}")
    assert deployment.queue(deployment.wanted("e-0", 9)) == []
    assert send(deployment, "GET", "/health").status == 200
    later = [
        deployment.wanted(f"e-{room + 1}", 7, seconds=1, task=TASK._replace(room_id=f"r-{room}"))
        for room in range(ROOMS)
    ]
    bootstrap.close()  # another process, which has not looked yet
    bootstrap.inspector().task(TASK)
    with no_file_grows_beyond(path.with_name("full.db-wal").stat().st_size):
        came_back = deployment.queue(*later)
        health = send(deployment, "GET", "/health")
    assert came_back == [f"m-{number}" for number in range(ROOMS)]
    assert (health.status, health.problem) == (503, "unhealthy")
    assert len(deployment.standin.calls()) == 1
    bootstrap.close()
    assert send(deployment, "GET", "/health").status == 200
    eventually(lambda: deployment.queue(*later) == [])
    assert deployment.queue(deployment.wanted("e-0", 9)) == []
    assert sorted(deployment.standin.intervals().values()) == [7] * ROOMS + [9]

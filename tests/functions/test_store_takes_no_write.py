"""A store that takes no write: each event comes back, nothing is lost, and /health says that none can be handled."""

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from devkit.valkey import valkey_server
from reconciler import handler as reconciler
from snapshot_tuner import bootstrap
from snapshot_tuner.errors import LedgerTakesNoWrite
from tests.functions.conftest import TASK, Deployment, LambdaContext
from tests.functions.http_sender import send
from tests.polling import eventually

ROOMS = 8

_TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"


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
    assert (health.status, health.json["detail"]) == (503, LedgerTakesNoWrite.for_senders)
    assert len(deployment.standin.calls()) == 1
    bootstrap.close()
    assert send(deployment, "GET", "/health").status == 200
    eventually(lambda: deployment.queue(*later) == [])
    assert deployment.queue(deployment.wanted("e-0", 9)) == []
    assert sorted(deployment.standin.intervals().values()) == [7] * ROOMS + [9]


def test_a_process_that_starts_on_a_full_disk_says_so(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before has removed the log and its index when it ended, and there is no room for new ones."""
    path = tmp_path / "full.db"
    monkeypatch.setenv("LEDGER_URL", f"sqlite://{path}")
    assert deployment.queue(deployment.wanted("e-0", 9)) == []
    bootstrap.close()
    assert [each.name for each in tmp_path.glob("full.db*")] == [path.name]
    with no_file_grows_beyond(path.stat().st_blksize):
        health = send(deployment, "GET", "/health")
        came_back = deployment.queue(deployment.wanted("e-1", 7, seconds=1))
    assert (health.status, health.json["detail"]) == (503, LedgerTakesNoWrite.for_senders)
    assert came_back == ["m-0"]
    assert deployment.queue(deployment.wanted("e-1", 7, seconds=1)) == []


@pytest.fixture
def shared(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """The same deployment with a Valkey server of its own, and a client of that."""
    with valkey_server() as server, Redis(port=server.port) as client:
        monkeypatch.setenv("LEDGER_URL", f"redis://127.0.0.1:{server.port}/0")
        assert deployment.queue(deployment.event()) == []
        yield client
        bootstrap.close()


def command(store: Redis, *words: str) -> None:
    store.execute_command(*words)  # type: ignore[no-untyped-call] # untyped in redis-py


@contextmanager
def no_memory(store: Redis) -> Iterator[None]:
    store.config_set("maxmemory", 1)
    yield
    store.config_set("maxmemory", 0)


@contextmanager
def is_replica(store: Redis) -> Iterator[None]:
    """What a failover makes of a primary."""
    command(store, "REPLICAOF", "127.0.0.1", "1")
    yield
    command(store, "REPLICAOF", "NO", "ONE")


@contextmanager
def too_few_replicas(store: Redis) -> Iterator[None]:
    store.config_set("min-replicas-to-write", 1)
    yield
    store.config_set("min-replicas-to-write", 0)


@contextmanager
def too_few_replicas_after_a_failover(store: Redis) -> Iterator[None]:
    """The one that took over was the only one."""
    with too_few_replicas(store):
        command(store, "REPLICAOF", "127.0.0.1", "1")
        command(store, "REPLICAOF", "NO", "ONE")
        yield


@contextmanager
def no_snapshot(store: Redis) -> Iterator[None]:
    """It cannot save: its folder is gone."""
    store.config_set("save", "3600 1")
    shutil.rmtree(str(store.config_get("dir")["dir"]))
    store.bgsave()
    eventually(lambda: store.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    store.config_set("save", "")


@contextmanager
def no_append_only_file(store: Redis) -> Iterator[None]:
    """The disk of its append-only file is full."""
    folder = Path(str(store.config_get("dir")["dir"])) / "appendonlydir"
    folder.mkdir()
    (folder / "temp-appendonly.aof.incr").symlink_to("/dev/full")  # the name under which it begins one
    store.config_set("appendonly", "yes")
    store.set("{other}:any", 1)
    eventually(lambda: store.info("persistence")["aof_last_write_status"] == "err")
    yield
    store.config_set("appendonly", "no")


FAULTS = [
    no_memory,
    is_replica,
    too_few_replicas,
    too_few_replicas_after_a_failover,
    no_snapshot,
    no_append_only_file,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_ledger_that_takes_no_event_is_unhealthy(
    deployment: Deployment,
    shared: Redis,
    fault: Callable[[Redis], AbstractContextManager[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It answers questions, and every route says what is wrong. The event comes back, and is applied when that is over;
    the reconciler stops at its first step that writes, and says so.
    """
    assert send(deployment, "GET", "/health").status == 200
    with fault(shared):
        bootstrap.close()  # another sandbox, which has not looked yet
        assert send(deployment, "GET", _TASK_PATH).status == 200
        health, check = send(deployment, "GET", "/health"), send(deployment, "POST", "/health/check")
        assert (health.status, health.problem, health.json["detail"]) == (
            503,
            "unhealthy",
            LedgerTakesNoWrite.for_senders,
        )
        ledger = check.json["checks"][1]
        assert (check.status, ledger["says"].rpartition(";")[0]) == (503, LedgerTakesNoWrite.for_senders)
        assert ledger["do"].endswith("; then its memory, its disk and its replicas")
        assert deployment.queue(deployment.event("e-2", seconds=1)) == ["m-0"]
        posted = send(deployment, "POST", "/events", deployment.event("e-2", seconds=1))
        assert posted.status == 503
        assert posted.json["outcomes"][0]["reason"].endswith(f"; {LedgerTakesNoWrite.for_senders}")
        assert set(reconciler.lambda_handler({}, LambdaContext()).values()) == {0}
        assert "reconciler_stopped" in [record.getMessage() for record in caplog.records]
        assert len(deployment.standin.calls()) == 1
    assert deployment.queue(deployment.event("e-2", seconds=1)) == []


def test_anybodys_questions_cost_the_ledger_a_write_in_seconds(deployment: Deployment, shared: Redis) -> None:
    """Whoever asks a hundred times is told what was seen at first, and no slot is taken or moved by it."""

    def commands() -> int:
        return int(shared.info("commandstats")["cmdstat_evalsha"]["calls"])

    cursor = shared.get("{default}:cursor")
    assert send(deployment, "GET", "/health").status == 200
    before = commands()
    assert {send(deployment, "GET", "/health").status for _ in range(100)} == {200}
    assert commands() == before
    assert shared.get("{default}:cursor") == cursor

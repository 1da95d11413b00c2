"""A stand-in and the environment of instances that share one ledger."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from devkit.elasticache import CacheStandIn
from devkit.rtc_standin import StandIn
from devkit.valkey import valkey_server
from tests.fleet.fleet import CALL_SECONDS, POLICY, FleetInstance, fork_server

StartInstances = Callable[[int], list[FleetInstance]]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(latency=CALL_SECONDS) as standin:
        yield standin


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with valkey_server() as server:
        yield server.connection_url


@pytest.fixture
def door(valkey_url: str) -> Iterator[CacheStandIn]:
    """ElastiCache's, in front of the same server."""
    with CacheStandIn(int(valkey_url.rpartition(":")[2].partition("/")[0])) as standin:
        yield standin


@pytest.fixture(params=["sqlite", "valkey"])
def ledger_name(request: pytest.FixtureRequest) -> str:
    """Every test here runs on both, unless it says otherwise."""
    return str(request.param)


@pytest.fixture
def settings(standin: StandIn, tmp_path: Path, ledger_name: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The instances' environment; a test may change it before it starts them."""
    match ledger_name:
        case "sqlite":
            ledger = {"LEDGER_URL": f"sqlite://{tmp_path}/ledger.db"}
        case "elasticache":
            ledger = request.getfixturevalue("door").environment()
        case _:
            ledger = {"LEDGER_URL": request.getfixturevalue("valkey_url")}
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return {
        **standin.environment(),
        "VOLCENGINE_ECS_METADATA_DISABLED": "true",
        "POLICY_PATH": str(policy),
        **ledger,
        "LEDGER_NAMESPACE": uuid4().hex,
        "RTC_MAX_QPS": "100000",
        "WORKER_LOG": str(tmp_path / "workers.log"),
    }


@pytest.fixture(scope="session")
def fork_port() -> Iterator[int]:
    with fork_server() as port:
        yield port


@pytest.fixture
def start(settings: dict[str, str], fork_port: int) -> Iterator[StartInstances]:
    """Starts so many instances, which are warm; they end with the test."""
    with ExitStack() as stack:

        def start_instances(number: int) -> list[FleetInstance]:
            instances = [FleetInstance(fork_port, settings) for _ in range(number)]
            for instance in instances:
                stack.callback(instance.end)
            return instances

        yield start_instances

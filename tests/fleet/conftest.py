"""A stand-in and the environment of instances that share one ledger."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devkit.rtc_standin import StandIn
from tests.fleet.fleet import POLICY, Instance

StartInstances = Callable[[int], list[Instance]]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(latency=0.005) as standin:
        yield standin


@pytest.fixture
def settings(standin: StandIn, tmp_path: Path) -> dict[str, str]:
    """The instances' environment; a test may change it before it starts them."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return {
        **standin.environment(),
        "VOLCENGINE_ECS_METADATA_DISABLED": "true",
        "POLICY_PATH": str(policy),
        "LEDGER_URL": f"sqlite://{tmp_path}/ledger.db",
        "RTC_MAX_QPS": "100000",
        "WORKER_LOG": str(tmp_path / "workers.log"),
    }


@pytest.fixture
def start(settings: dict[str, str]) -> Iterator[StartInstances]:
    """Starts so many instances and waits until they are warm; they end with the test."""
    with ExitStack() as stack:

        def start_instances(number: int) -> list[Instance]:
            instances = [Instance.start(settings) for _ in range(number)]
            for instance in instances:
                stack.callback(instance.end)
            for instance in instances:
                instance.wait_until_ready()
            return instances

        yield start_instances

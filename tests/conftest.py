"""How the tests are shared out among pytest's processes, and what Hypothesis may not conclude from a busy machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from devkit.rtc_standin import StandIn
from tests.effort import cases

# Many containers set this; then each process of a test run compiles all that it imports, half of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile(
    "shared-machine", max_examples=cases(50), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")

TOGETHER = ("fleet", "runtime")
"""Folders of `tests/` whose tests share servers, or would disturb each other."""


SLOW = (
    "fleet",
    "runtime",
    "simulation",
    "day",
    "deploy",
    "tuner/page",
    "functions/test_console.py",
    "functions/test_init.py",
    "benchmarks",
    "docs/test_site.py",
    "docs/test_tuner_commands.py",
    "test_demo.py",
)
"""Folders and files whose tests `make check` leaves to `make test`, as all that are marked so."""


class FileByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One process runs all tests of a file, or of one of the folders `TOGETHER`, so that what they share is made once.

    pytest-xdist's own `--dist loadgroup` does nothing under pytest 9.2, which no longer reads what it writes its
    groups to.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", 1)[0])
        return next((str(folder) for folder in file.parents if folder.name in TOGETHER), str(file))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    """What `-n 2` shares the tests out with."""
    return FileByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out, and start with it: then no process waits long for the other at the end."""
    root = Path(__file__).parent
    for item in items:
        if any(item.path.is_relative_to(root / slow) for slow in SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The RTC API, with an account of its own."""
    with StandIn() as running:
        yield running

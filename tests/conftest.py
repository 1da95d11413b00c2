"""How the tests are shared out among pytest's processes, and what Hypothesis may not conclude from a busy machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
"""Folders whose tests share servers, or would disturb each other."""


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all tests of a file, or of one of these folders."""
    root = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(root)
        group = path.parts[0] if path.parts[0] in TOGETHER else str(path)
        item.add_marker(pytest.mark.xdist_group(group))
        if any(path.is_relative_to(slow) for slow in SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The RTC API, with an account of its own."""
    with StandIn() as running:
        yield running

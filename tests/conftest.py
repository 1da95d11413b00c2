"""Which tests are slow and come first, and what Hypothesis may not conclude from a busy machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from devkit.rtc_standin import StandIn
from tests.effort import cases

pytest_plugins = ["tests.file_by_file"]

# Many containers set this; then each process of a test run compiles all that it imports, half of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile(
    "shared-machine", max_examples=cases(50), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")

SLOW = (
    "fleet",
    "runtime",
    "simulation",
    "day",
    "deploy",
    "template/test_linter.py",
    "tuner/page",
    "functions/test_console.py",
    "functions/test_init.py",
    "ledger/earlier_version",
    "ledger/redis/test_failover.py",
    "ledger/redis/test_faults.py",
    "ledger/test_clock_steps.py",
    "ledger/test_precedence_model.py",
    "ledger/test_set_aside.py",
    "benchmarks",
    "docs/test_site.py",
    "docs/test_tuner_commands.py",
    "test_demo.py",
)
"""Folders and files whose tests `make check` leaves to `make test`, as all that are marked so."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out, and start with it: then no process waits long for the other at the end."""
    slow = [Path(__file__).parent / each for each in SLOW]
    files = {item.path for item in items}
    slow_files = {file for file in files if any(file.is_relative_to(each) for each in slow)}
    for item in items:
        if item.path in slow_files:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The RTC API, with an account of its own."""
    with StandIn() as running:
        yield running

"""A small day; `make simulate-day` runs one of 10,000 tasks."""

import pytest

from devkit.simulation.day import QUOTA, day
from snapshot_tuner.ledger import precedence
from tests.effort import cases

TASKS = cases(4)
EVERY = 300
"""Seconds: most runs of the reconciler find nothing to do, and take as long as others."""


def test_a_day_of_adjustments_that_end_ends_with_every_task_at_its_base() -> None:
    """Unknown outcomes and restarts among it, within the quota."""
    report = day(TASKS, seed=1, every=EVERY)
    assert report.wrong == ()
    assert report.events == 5 * TASKS
    assert 0 < report.most_calls_in_a_second <= QUOTA
    assert min(report.counts[name] for name in ("due", "asserted", "drifted", "repaired")) > 0


def test_it_notices_adjustments_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger broken on purpose: a day that finds nothing then would prove nothing."""
    monkeypatch.setattr(precedence, "advance_to", lambda state, _: state)
    assert day(2, seed=1, every=EVERY).wrong != ()

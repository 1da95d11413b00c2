"""What a store may cost a batch: counted with a clock that the test moves."""

from contextlib import suppress

import pytest

from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.redis.time_budget import BATCH_SECONDS, FREE_SECONDS, TimeBudget


class HandClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def wall_us(self) -> int:
        raise AssertionError("a budget measures, it does not tell the time")

    def monotonic(self) -> float:
        return self.now


def take(budget: TimeBudget, clock: HandClock, seconds: float) -> None:
    with budget.operation():
        clock.now += seconds


def fail(budget: TimeBudget, clock: HandClock, seconds: float) -> None:
    with suppress(OSError), budget.operation():
        clock.now += seconds
        raise OSError("broken")


def test_quick_answers_are_free() -> None:
    """However many there are."""
    clock = HandClock()
    budget = TimeBudget(clock)
    for _ in range(1000):
        take(budget, clock, FREE_SECONDS)
    with budget.operation():
        assert budget.timeout(10.0) == pytest.approx(BATCH_SECONDS)


def test_slow_answers_pay_for_what_is_beyond_quick() -> None:
    """Until nothing is left; then there is no operation at all."""
    clock = HandClock()
    budget = TimeBudget(clock)
    take(budget, clock, FREE_SECONDS + 1.0)
    with budget.operation():
        assert budget.timeout(10.0) == pytest.approx(BATCH_SECONDS - 1.0)
    take(budget, clock, FREE_SECONDS + BATCH_SECONDS - 1.0 + 0.001)
    with pytest.raises(LedgerUnavailable), budget.operation():
        raise AssertionError("never gets here")


def test_failures_pay_for_all_of_their_time() -> None:
    """Else a store that fails quickly could do so for ever."""
    clock = HandClock()
    budget = TimeBudget(clock)
    for _ in range(10):
        fail(budget, clock, BATCH_SECONDS / 10 + 1e-6)
    with pytest.raises(LedgerUnavailable), budget.operation():
        raise AssertionError("never gets here")


def test_a_step_may_take_what_is_left_of_its_operation() -> None:
    """Or less, where it has a limit of its own; when nothing is left it does not start."""
    clock = HandClock()
    budget = TimeBudget(clock)
    with budget.operation():
        assert budget.timeout(1.0) == 1.0
        clock.now += BATCH_SECONDS - 0.25
        assert budget.timeout(1.0) == pytest.approx(0.25)
        clock.now += 0.25
        with pytest.raises(TimeoutError):
            budget.timeout(1.0)


def test_a_new_batch_has_a_full_budget() -> None:
    """What the last one lost is forgotten."""
    clock = HandClock()
    budget = TimeBudget(clock)
    fail(budget, clock, 5.0)
    budget.open(float("inf"))
    with budget.operation():
        assert budget.timeout(10.0) == pytest.approx(BATCH_SECONDS)


def test_no_step_goes_beyond_the_end_of_the_batch() -> None:
    """However much of the sum is left: whoever invoked it waits no longer."""
    clock = HandClock()
    budget = TimeBudget(clock)
    budget.open(0.8)
    clock.now += 0.5
    with budget.operation():
        assert budget.timeout(1.0) == pytest.approx(0.3)
        clock.now += 0.3
        with pytest.raises(TimeoutError):
            budget.timeout(1.0)

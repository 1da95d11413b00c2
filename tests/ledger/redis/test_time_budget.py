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
        raise AssertionError("an account measures, it does not tell the time")

    def monotonic(self) -> float:
        return self.now


def take(account: TimeBudget, clock: HandClock, seconds: float) -> None:
    with account.operation():
        clock.now += seconds


def fail(account: TimeBudget, clock: HandClock, seconds: float) -> None:
    with suppress(OSError), account.operation():
        clock.now += seconds
        raise OSError("broken")


def test_quick_answers_are_free() -> None:
    """However many there are."""
    clock = HandClock()
    account = TimeBudget(clock)
    for _ in range(1000):
        take(account, clock, FREE_SECONDS)
    with account.operation():
        assert account.timeout(10.0) == pytest.approx(BATCH_SECONDS)


def test_slow_answers_pay_for_what_is_beyond_quick() -> None:
    """Until nothing is left; then there is no operation at all."""
    clock = HandClock()
    account = TimeBudget(clock)
    take(account, clock, FREE_SECONDS + 1.0)
    with account.operation():
        assert account.timeout(10.0) == pytest.approx(BATCH_SECONDS - 1.0)
    take(account, clock, FREE_SECONDS + BATCH_SECONDS - 1.0 + 0.001)
    with pytest.raises(LedgerUnavailable), account.operation():
        raise AssertionError("never gets here")


def test_failures_pay_for_all_of_their_time() -> None:
    """Else a store that fails quickly could do so for ever."""
    clock = HandClock()
    account = TimeBudget(clock)
    for _ in range(10):
        fail(account, clock, BATCH_SECONDS / 10 + 1e-6)
    with pytest.raises(LedgerUnavailable), account.operation():
        raise AssertionError("never gets here")


def test_a_step_may_take_what_is_left_of_its_operation() -> None:
    """Or less, where it has a limit of its own; when nothing is left it does not start."""
    clock = HandClock()
    account = TimeBudget(clock)
    with account.operation():
        assert account.timeout(1.0) == 1.0
        clock.now += BATCH_SECONDS - 0.25
        assert account.timeout(1.0) == pytest.approx(0.25)
        clock.now += 0.25
        with pytest.raises(TimeoutError):
            account.timeout(1.0)


def test_a_new_batch_has_a_full_account() -> None:
    """What the last one lost is forgotten."""
    clock = HandClock()
    account = TimeBudget(clock)
    fail(account, clock, 5.0)
    account.open()
    with account.operation():
        assert account.timeout(10.0) == pytest.approx(BATCH_SECONDS)

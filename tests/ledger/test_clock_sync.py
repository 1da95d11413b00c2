"""The bounds of the store's clock: the true difference is always inside."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snapshot_tuner.ledger.clock_sync import DRIFT, StoreClock
from snapshot_tuner.ledger.timing import SLOT_VALID_SECONDS

BASE = 1.7e9
TICK = 2e-6
"""Whole microseconds, and what a float of this size cannot hold."""

short = st.floats(0, 0.2)
exchanges = st.lists(st.tuples(st.floats(0, 5), short, short), min_size=1, max_size=20)
"""(pause before it, way to the store, way back), in seconds."""


def store_us(store_time: float) -> int:
    return int(store_time * 1e6)


def test_one_reply_bounds_the_difference_from_both_sides() -> None:
    """Sent at 10.00, received at 10.03: the store said 110.01, so it is ahead by 99.98 to 100.01 s."""
    clock = StoreClock()
    clock.observe(10.00, 10.03, 110_010_000)
    slot = clock.slot(111_000_000, SLOT_VALID_SECONDS)
    assert slot.start == pytest.approx(111 - 99.98, abs=TICK)
    assert slot.valid_until == pytest.approx(111 - 100.01 + SLOT_VALID_SECONDS, abs=TICK)
    assert clock.uncertainty == pytest.approx(0.03, abs=TICK)


def test_a_slow_reply_takes_nothing_from_what_quick_ones_said() -> None:
    """The bounds are intersected; in between they part a little."""
    clock = StoreClock()
    clock.observe(10.0, 10.001, 110_000_500)
    clock.observe(11.0, 11.9, 111_450_000)
    assert clock.uncertainty == pytest.approx(0.001 + 2 * DRIFT * 1.9, abs=TICK)


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    """Nothing is common to the old bounds and the new ones."""
    clock = StoreClock()
    clock.observe(10.0, 10.001, 110_000_500)
    clock.observe(11.0, 11.002, 50_000_000)
    assert clock.slot(50_000_000, SLOT_VALID_SECONDS).start == pytest.approx(11.002, abs=TICK)


def test_a_machine_that_wakes_knows_no_bounds() -> None:
    """It may have been frozen since."""
    clock = StoreClock()
    clock.observe(10.0, 10.001, 110_000_500)
    clock.wake()
    assert clock.uncertainty == float("inf")
    with pytest.raises(RuntimeError):
        clock.slot(1, SLOT_VALID_SECONDS)


@example([(0.0, 0.0, 0.125), (0.0, 0.0, 0.015625)], 0.0, 0.0003)  # the first reply was long on its way back
@given(exchanges, st.floats(-1e5, 1e5), st.floats(-DRIFT / 2, DRIFT / 2))
def test_a_slot_never_starts_early_and_is_never_valid_too_long(
    steps: list[tuple[float, float, float]], ahead: float, drift: float
) -> None:
    """Whatever the ways to and from the store take, and while the clocks drift apart as they may."""
    clock = StoreClock()
    local = 1000.0
    for pause, there, back in steps:
        sent = local + pause
        said = sent + there
        local = said + back
        clock.observe(sent, local, store_us(BASE + ahead + said * (1 + drift)))
        difference = BASE + ahead + local * drift
        start_us = store_us(BASE + ahead + local) + 500_000
        slot = clock.slot(start_us, SLOT_VALID_SECONDS)
        true_start = start_us / 1e6 - difference
        moved = DRIFT * (there + back)  # the difference at the time of the answer, not of its arrival
        assert slot.start >= true_start - TICK - moved
        assert slot.valid_until <= true_start + SLOT_VALID_SECONDS + TICK + moved
        assert clock.uncertainty <= there + back + TICK


@given(exchanges, st.floats(1, 1e6), st.sampled_from([-1, 1]))
def test_after_a_clock_was_set_by_more_than_a_replys_way_the_bounds_hold_again(
    steps: list[tuple[float, float, float]], step: float, direction: int
) -> None:
    """At the first reply that the new clock gives."""
    clock = StoreClock()
    local = 1000.0
    for pause, there, back in steps:
        local += pause
        clock.observe(local, local + there + back, store_us(BASE + local + there))
        local += there + back
    there, back = 0.001, 0.002
    said = BASE + direction * step + local + there
    clock.observe(local, local + there + back, store_us(said))
    difference = BASE + direction * step
    slot = clock.slot(store_us(said), SLOT_VALID_SECONDS)
    assert slot.start >= said - difference - TICK
    assert slot.valid_until <= said - difference + SLOT_VALID_SECONDS + TICK

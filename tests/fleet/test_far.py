"""Promise: a ledger that is far away stops nobody, and near and far workers together never exceed the quota.

At which rate, `tests/simulation/test_far.py` tells in virtual time: here other work on the machine counts too.
"""

from contextlib import ExitStack

import pytest

from devkit.far_wire import far_wire
from devkit.rtc_standin import StandIn
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetInstance, messages

QUOTA = 150


@pytest.fixture(autouse=True)
def _quota(settings: dict[str, str]) -> None:
    settings["RTC_MAX_QPS"] = str(QUOTA)


@pytest.mark.parametrize("ledger_name", ["valkey"], indirect=True)
@pytest.mark.parametrize(
    ("round_trips", "tasks"),
    [((each,), 100) for each in (0.0, 0.024, 0.036, 0.05, 0.1, 0.2)] + [((0.0, 0.0, 0.1, 0.1), 400)],
)
def test_everything_is_applied_at_any_distance(
    standin: StandIn, start: StartInstances, settings: dict[str, str], round_trips: tuple[float, ...], tasks: int
) -> None:
    """Behind a wire that delays every byte; one batch for each instance, all at once."""
    port = int(settings["LEDGER_URL"].rpartition(":")[2].partition("/")[0])
    with ExitStack() as wires:
        instances: list[FleetInstance] = []
        for round_trip in round_trips:
            wire = wires.enter_context(far_wire(port, round_trip))
            settings["LEDGER_URL"] = f"redis://127.0.0.1:{wire.port}/0"
            instances += start(1)
        batch, newest = messages(tasks, 1)
        for number, instance in enumerate(instances):
            instance.send(batch[number :: len(instances)])
        assert [instance.answer() for instance in instances] == [[]] * len(instances)
    assert standin.intervals() == newest
    assert standin.peaks().per_second <= QUOTA

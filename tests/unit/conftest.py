"""What more than one file asks for."""

from collections.abc import Iterator

import pytest

from devkit.rtc_standin import StandIn


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server

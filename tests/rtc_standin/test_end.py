"""A stand-in that ends leaves no connection to a later garbage collection, whoever comes in at that moment."""

import gc
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from devkit.rtc_standin import StandIn
from devkit.serving import LOOPBACK


def come_in(port: int) -> None:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=2) as connection:
        connection.recv(1)


def test_who_comes_in_at_the_end_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    left_open: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda left: left_open.append(str(left.exc_value)))
    with ThreadPoolExecutor(8) as pool:
        for _ in range(30):
            with StandIn() as standin:
                coming = [pool.submit(come_in, standin.port) for _ in range(8)]
            for each in coming:
                each.result()
            gc.collect()
    assert left_open == []

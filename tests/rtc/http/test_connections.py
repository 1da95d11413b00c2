"""Opening, keeping and dropping connections: every failure here is before sending, so its outcome is certain."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from devkit.rtc_standin import StandIn
from snapshot_tuner.errors import CallAbandoned
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http import connections
from tests.polling import until
from tests.rtc.api_calls import assert_not_sent, failure, give_up, update
from tests.rtc.api_clients import KEYS, client, connections_used


def test_a_closed_port_is_a_failure_before_sending() -> None:
    """Refused at once; the outcome is certain."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with client(f"http://127.0.0.1:{port}") as api:
        error = failure(api)
    assert_not_sent(error, "ConnectFailed")
    assert "refused" in error.message


def test_a_name_that_does_not_exist_is_a_failure_before_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's answer is in the message."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client("http://nowhere.invalid") as api:
        error = failure(api)
    assert_not_sent(error, "ConnectFailed")
    assert "Name or service not known" in error.message


def test_a_name_that_hangs_releases_the_caller_and_its_late_connection_is_kept(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name resolution cannot be interrupted; the caller is back in time, and what comes later serves the next call."""
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT_SECONDS", 0.3)
    resolve, released = socket.getaddrinfo, threading.Event()

    def hang(*arguments: object, **options: object) -> object:
        released.wait(10)
        return resolve(*arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with client(stand_in.endpoint, pool_size=2) as api:
        for _ in range(3):  # the third finds both attempts still hanging
            began = time.monotonic()
            assert_not_sent(failure(api), "ConnectTimeout")
            assert time.monotonic() - began < 0.3 + 1.5
        assert stand_in.calls() == ()
        assert threads_named("rtc-connect") == 2
        released.set()
        until(lambda: threads_named("rtc-connect") == 0)
        monkeypatch.setattr(socket, "getaddrinfo", give_up)
        update(api)
        assert len(api._connections._idle) == 2


def threads_named(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_a_connection_that_arrives_after_close_is_closed(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaks (an unclosed socket would be a ResourceWarning, which is an error here)."""
    resolve, released = socket.getaddrinfo, threading.Event()

    def hang(*arguments: object, **options: object) -> object:
        released.wait(10)
        return resolve(*arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT_SECONDS", 0.1)
    with client(stand_in.endpoint) as api:
        failure(api)
    released.set()
    until(lambda: threads_named("rtc-connect") == 0)
    assert api._connections._idle == []


def test_calls_one_after_the_other_use_one_connection(stand_in: StandIn) -> None:
    """Keep-alive: no handshake per call."""
    with client(stand_in.endpoint) as api:
        for _ in range(3):
            update(api)
    assert connections_used(stand_in) == [1, 1, 1]


@pytest.mark.parametrize("clock", ["monotonic", "time"])
def test_a_connection_idle_for_half_a_minute_on_either_clock_is_dropped(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """A frozen function's monotonic clock may have stood still; a dead connection would cost a whole timeout."""
    now = getattr(time, clock)
    with client(stand_in.endpoint) as api:
        update(api)
        monkeypatch.setattr(connections, "time", ClockOff(**{clock: lambda: now() + 29}))
        update(api)
        monkeypatch.setattr(connections, "time", ClockOff(**{clock: lambda: now() + 60}))
        update(api)
    assert connections_used(stand_in) == [1, 1, 2]


class ClockOff:
    """The time module with one clock moved."""

    def __init__(
        self, *, monotonic: Callable[[], float] = time.monotonic, time: Callable[[], float] = time.time
    ) -> None:
        self.monotonic = monotonic
        self.time = time


def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    """Seen before sending, so the call goes out on a new one instead of ending unknown."""
    with StandIn() as first:
        api = SnapshotApi(endpoint=first.endpoint, region="cn-north-1", credentials=KEYS, pool_size=1)
        update(api)
        port = first.port
    with StandIn(port=port) as second:
        assert update(api)
        assert connections_used(second) == [1]
    api.close()


def test_a_call_whose_connection_dies_while_it_waits_for_its_slot_is_abandoned() -> None:
    """Nothing was sent: it can be tried again at once, with another slot, on another connection."""
    with StandIn() as stand_in, client(stand_in.endpoint) as api:
        dead = threading.Event()

        def lose() -> None:
            (connection,) = open_connections = tuple(stand_in._site.open_connections)
            assert len(open_connections) == 1
            stand_in._loop.call_soon_threadsafe(connection.abort)
            until(lambda: not stand_in._site.open_connections)
            dead.set()

        update(api)
        with pytest.raises(CallAbandoned, match="the server has closed its connection"):
            update(api, before_send=lose)
        assert dead.is_set()
        assert len(stand_in.calls()) == 1


def test_without_a_thread_to_spare_it_is_a_failure_before_sending_and_nothing_is_left_behind(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call opens one connection, for itself."""

    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with client(stand_in.endpoint) as api:
        with monkeypatch.context() as crowded:
            crowded.setattr(threading.Thread, "start", no_more)
            assert_not_sent(failure(api), "ConnectFailed")
        assert update(api)
        until(lambda: threads_named("rtc-connect") == 0)
        assert len(api._connections._idle) == 1
    assert next(stand_in._site.numbers) == 2

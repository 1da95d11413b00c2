"""Opening, keeping and dropping connections: every failure here is before sending, so its outcome is certain."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider

from devkit.rtc_standin import StandIn
from snapshot_tuner import connections
from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed
from snapshot_tuner.snapshot_api import SnapshotApi
from tests.api_calls import TASK, update

KEYS = StaticCredentialProvider("AKLTstandin", "standin-secret-key")


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@contextmanager
def client(endpoint: str, proxy: str | None = None, pool_size: int = 4) -> Iterator[SnapshotApi]:
    api = SnapshotApi(endpoint=endpoint, region="cn-north-1", credentials=KEYS, proxy=proxy, pool_size=pool_size)
    yield api
    api.close()


def failure(api: SnapshotApi) -> ApiError:
    with pytest.raises(ApiError) as caught:
        update(api)
    return caught.value


def assert_not_sent(error: ApiError, code: str) -> None:
    assert (type(error), error.code, error.outcome_unknown, error.status) == (CallFailed, code, False, None)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.002)


def give_up() -> None:
    raise CallAbandoned("no slot")


def connections_used(stand_in: StandIn) -> list[int]:
    return [call.connection for call in stand_in.calls()]


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


def test_an_http_call_through_a_proxy_is_sent_to_it_in_absolute_form(stand_in: StandIn) -> None:
    """The proxy (here the stand-in itself) sees the whole URL and the endpoint's own Host, which is what is signed."""
    with client("http://rtc.example", proxy=stand_in.endpoint.replace("//", "//user:pass@")) as api:
        assert update(api)
    assert stand_in.intervals() == {TASK: 5}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, self-signed, and its key: one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "stand-in.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(pem))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[StandIn]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with StandIn(tls=context) as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: StandIn) -> None:
    """TLS is verified; and nothing was sent."""
    with client(secure.endpoint) as api:
        error = failure(api)
    assert_not_sent(error, "ConnectFailed")
    assert "certificate verify failed" in error.message
    assert secure.calls() == ()


def test_over_tls_a_connection_given_up_before_its_first_call_is_kept(
    secure: StandIn, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS 1.3's session tickets lie unread on it; they are not mistaken for a server that has hung up."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with client(secure.endpoint) as api:
        for _ in range(2):
            with pytest.raises(CallAbandoned):
                update(api, before_send=give_up)
        update(api)
        update(api)
    assert connections_used(secure) == [1, 1]
    assert next(secure._site.numbers) == 2


def test_an_https_call_through_a_proxy_goes_through_a_tunnel(
    secure: StandIn, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is told host, port and its password, and sees nothing of the call."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with tunnel(secure.port) as (proxy, heard), client(secure.endpoint, proxy=proxy) as api:
        assert update(api)
        assert update(api)
    head = heard[0].decode().split("\r\n")
    assert head[0].startswith(f"CONNECT 127.0.0.1:{secure.port} HTTP/1.")
    assert "proxy-authorization: Basic dXNlcjpwYXNz" in [line.replace("Proxy-A", "proxy-a") for line in head]
    assert len(heard) == 1
    assert connections_used(secure) == [1, 1]


@contextmanager
def tunnel(port: int) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy for one tunnel to the port; what it was asked for is appended to the list."""
    heard: list[bytes] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        near, _ = server.accept()
        with near, socket.create_connection(("127.0.0.1", port)) as far:
            heard.append(near.recv(65536))
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://user:pass@127.0.0.1:{server.getsockname()[1]}", heard
        thread.join(5)
        assert not thread.is_alive()


def test_a_proxy_that_refuses_the_tunnel_is_a_failure_before_sending(secure: StandIn) -> None:
    """A 404 to CONNECT (the stand-in without TLS is no proxy for tunnels)."""
    with StandIn() as no_proxy, client(secure.endpoint, proxy=no_proxy.endpoint) as api:
        error = failure(api)
        assert_not_sent(error, "ConnectFailed")
        assert "Tunnel connection failed" in error.message
    assert secure.calls() == ()


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

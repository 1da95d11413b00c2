"""Connections over TLS and through proxies: who is trusted, and what a proxy gets to see."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devkit.rtc_standin import StandIn
from snapshot_tuner.errors import CallAbandoned
from tests.rtc.api_calls import TASK, assert_not_sent, failure, give_up, update
from tests.rtc.api_clients import client, connections_used


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

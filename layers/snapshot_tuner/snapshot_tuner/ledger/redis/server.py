"""The server behind the Redis ledger: runs one script at a time, in bounded time, and answers or raises."""

import os
import re
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.connection import Connector, TokenProvider
from snapshot_tuner.ledger.redis.redis_py import (
    Connection,
    MovedError,
    NoScriptError,
    RedisConnectionError,
    RedisError,
    ResponseError,
)
from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.redis.time_budget import TimeBudget

_REDIRECTS_MOST = 3
_MESSAGE_CHARACTERS_MOST = 300
_NOT_AVAILABLE = "service is not available"
_WHY_NOT_AVAILABLE = (
    "all that ElastiCache says before a client is let in: the IAM token was refused, or elasticache:Connect is not"
    " granted or throttled; or the store is busy or has too many clients"
)


class WarningLog(Protocol):
    """Where a warning goes: a stable event name with keys."""

    def warning(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value


class Reply(NamedTuple):
    """What a script returned; sent and received on the local monotonic clock, in seconds."""

    value: list[Any]
    sent: float
    received: float


class RedisStore:
    """One connection to the server or to the cluster's node that owns our hash slot; threads take turns.

    After any fault the connection is dropped, so that no late reply is taken for the next operation's.
    While a cluster moves our hash slot to another node it is unavailable (ASK, TRYAGAIN).
    """

    def __init__(self, address: RedisAddress, clock: Clock, log: WarningLog, tokens: TokenProvider | None) -> None:
        self._address = address
        self._connector = Connector(address, tokens)
        self._clock = clock
        self._log = log
        self._budget = TimeBudget(clock)
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._process = 0
        self._node = (address.host, address.port)
        # ElastiCache Serverless evicts only at a limit that was set for it, whatever its policy says.
        self._asked_for_eviction = address.cache is not None

    def open_budget(self) -> None:
        """A batch begins: from here it may lose `time_budget.BATCH_SECONDS` to this store."""
        self._budget.open()

    def close(self) -> None:
        with self._turn:
            self._drop()

    def run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> Reply:
        """One round trip. Raises LedgerUnavailable; then the script may have run, once or twice."""
        with self._turn, self._budget.operation():
            try:
                return self._run(script, keys, args)
            except (RedisError, OSError, ValueError) as error:  # ValueError: a host name that cannot be one
                message = self._describe(error)
                self._drop()
                raise LedgerUnavailable(message) from None
            except BaseException:  # an interrupt: its reply is still to come
                self._drop()
                raise

    def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> Reply:
        was_open = self._connection is not None
        try:
            return self._ask(script, keys, args)
        except RedisConnectionError as error:
            # An idle connection is closed by servers, proxies and failovers: then, and only then, once more.
            # Its subclasses are answers (LOADING, NOAUTH), and a timeout is none of them.
            if not was_open or type(error) is not RedisConnectionError:
                raise
        self._drop()
        return self._ask(script, keys, args)

    def _ask(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> Reply:
        rest = (b"%d" % len(keys), *keys, *args)
        command = _pack(b"EVALSHA", script.digest, *rest)
        for _ in range(_REDIRECTS_MOST):
            try:
                return self._exchange(command)
            except NoScriptError:
                command = _pack(b"EVAL", script.text, *rest)
            except MovedError as moved:
                self._drop()
                # A node that does not know its own name leaves it out.
                self._node = (moved.host if moved.host not in ("", "?") else self._address.host, moved.port)
        return self._exchange(command)

    def _exchange(self, command: bytes) -> Reply:
        connection = self._open()
        ask_for_eviction = not self._asked_for_eviction
        sent = self._clock.monotonic()
        connection.send_packed_command([_INFO + command if ask_for_eviction else command])  # type: ignore[no-untyped-call] # untyped in redis-py
        if ask_for_eviction:
            self._warn_of_eviction(connection)
        value = connection.read_response()
        return Reply(value, sent, self._clock.monotonic())

    def _open(self) -> Connection:
        if self._connection is not None and self._process != os.getpid():
            self._drop()  # the parent's: two processes would read each other's replies
        if self._connection is None:
            self._connection = self._connector.open(self._node, self._budget)
            self._process = os.getpid()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._node = (self._address.host, self._address.port)
        if connection is not None:
            connection.disconnect()  # type: ignore[no-untyped-call] # untyped in redis-py

    def _warn_of_eviction(self, connection: Connection) -> None:
        """Read the reply that goes ahead of the first script's, on the same round trip."""
        try:
            info: bytes = connection.read_response()
        except ResponseError:  # a managed store may forbid INFO: then nobody knows
            info = b""
        self._asked_for_eviction = True
        lines = dict(line.partition(b":")[::2] for line in info.splitlines())
        policy = lines.get(b"maxmemory_policy", b"noeviction").decode()
        if policy != "noeviction":
            self._log.warning("ledger_may_evict", maxmemory_policy=policy, wanted="noeviction")

    def _describe(self, error: Exception) -> str:
        """What went wrong, without password or token: a server quotes a command that it does not know."""
        text = f"{type(error).__name__}: {error}"
        if self._address.password:
            text = text.replace(self._address.password, "***")
        if self._address.cache is not None:
            text = re.sub(re.escape(f"{self._address.cache}/?") + r"\S*", "***", text, flags=re.IGNORECASE)
            text = text.replace(_NOT_AVAILABLE, f"{_NOT_AVAILABLE} ({_WHY_NOT_AVAILABLE})")
        return f"Redis ledger at {self._node[0]}:{self._node[1]}: {text[:_MESSAGE_CHARACTERS_MOST]}"


def _pack(*words: bytes) -> bytes:
    """A command on the wire. redis-py's own packer takes three times as long for thousands of words."""
    return b"".join([b"*%d\r\n" % len(words), *[b"$%d\r\n%b\r\n" % (len(word), word) for word in words]])


_INFO = _pack(b"INFO", b"memory")

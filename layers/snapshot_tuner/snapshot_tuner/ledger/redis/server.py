"""The server behind the Redis ledger: runs one script at a time, in bounded time, and answers or raises."""

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, Protocol

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.clock_sync import StoreClock
from snapshot_tuner.ledger.redis.connection import Connector, Node, TokenProvider
from snapshot_tuner.ledger.redis.redis_py import (
    Connection,
    MovedError,
    NoScriptError,
    RedisConnectionError,
    RedisError,
    RedisTimeoutError,
    ResponseError,
)
from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.redis.time_budget import LIFE_SIGN_SECONDS, READ_SECONDS, TimeBudget

_ANSWERS_MOST = 4
"""To one script: each but the last says to ask elsewhere, or with the whole text."""

_FRESH_SECONDS, _AGREED_SECONDS = 1.0, 0.005
"""A batch begins so soon after the last answer, by clocks that part by less than that: nothing has stood still."""

_NEW_SECONDS = 0.05
"""What was measured so short a time ago is not measured again for the next slots."""

_NODES_MOST = 6
_MESSAGE_CHARACTERS_MOST = 300
_NOT_AVAILABLE = "service is not available"
_WHY_NOT_AVAILABLE = (
    "all that ElastiCache says before a client is let in: the IAM token was refused, or elasticache:Connect is not"
    " granted or throttled; or the store is busy or has too many clients"
)


class WarningLog(Protocol):
    """Where a warning goes: a stable event name with keys."""

    def warning(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value


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
        # In the order in which they are tried: a cluster outlives the node that the URL names.
        self._nodes: list[Node] = [(address.host, address.port)]
        # ElastiCache Serverless evicts only at a limit that was set for it, whatever its policy says.
        self._asked_for_eviction = address.cache is not None
        self._asked_for_nodes = False
        self._is_measured = False
        self._answered_at = (float("-inf"), 0.0)
        self._measured_node = self._nodes[0]
        self._time_is_local = False
        self.clock = StoreClock()

    def open_batch(self, within: float = inf) -> None:
        """A batch begins: it may lose `time_budget.BATCH_SECONDS` to this store, and none after `within` seconds.

        What was known of the store's clock counts no longer, unless both clocks say that hardly any time has passed:
        this machine may have been frozen in between.
        """
        self._budget.open(within)
        now, wall = self._now()
        passed = now - self._answered_at[0], wall - self._answered_at[1]
        self._is_measured = 0 <= passed[0] < _FRESH_SECONDS and abs(passed[1] - passed[0]) < _AGREED_SECONDS
        if not self._is_measured:
            self.clock.forget()

    def close(self) -> None:
        with self._turn:
            self._drop()

    def measure(self) -> None:
        """Look at the store's clock once more. Raises LedgerUnavailable."""
        with self._turn, self._budget.operation(), self._faults_named():
            self._measure(self._open())

    def run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes], *, measure: bool = False) -> list[Any]:
        """What the script returned, in one round trip; the first of a batch or a connection measures the clock before.

        `measure` is for a script that tells slots: what is known of the clock has to be new then; to ask for it with
        the script takes no round trip more. Raises LedgerUnavailable; then the script may have run, once or twice.
        """
        with self._turn, self._budget.operation(), self._faults_named():
            was_open, was_measured = self._connection is not None, self._is_measured
            try:
                return self._ask(script, keys, args, measure=measure)
            except (RedisConnectionError, RedisTimeoutError) as error:
                # An idle connection is closed by servers, proxies and failovers, or dies without a word while this
                # machine is frozen: then, and only then, once more. Other subclasses are answers (LOADING, NOAUTH).
                has_died = isinstance(error, RedisTimeoutError) and not was_measured
                if not was_open or not (has_died or type(error) is RedisConnectionError):
                    raise
            self._drop()
            return self._ask(script, keys, args, measure=measure)

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError, ValueError) as error:  # ValueError: a host name that cannot be one
            message = self._describe(error)
            self._drop()
            self._nodes.append(self._nodes.pop(0))
            raise LedgerUnavailable(message) from None
        except BaseException:  # an interrupt: its reply is still to come
            self._drop()
            raise

    def _ask(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes], *, measure: bool) -> list[Any]:
        how = (b"EVALSHA", script.digest)
        for _ in range(_ANSWERS_MOST):
            connection = self._open()
            if not self._is_measured:
                self._measure(connection)
            now_us = self.clock.now_us(self._clock.monotonic())
            command = _pack(*how, b"%d" % len(keys), *keys, *args, b"%d" % now_us)
            try:
                if measure and self._clock.monotonic() - self.clock.observed >= _NEW_SECONDS:
                    self._measure(connection, command)
                else:
                    _send(connection, command)
                answer: list[Any] = connection.read_response()
            except NoScriptError:
                how = (b"EVAL", script.text)
            except MovedError as moved:
                self._drop()
                self._know((moved.host, moved.port), at=0)
            else:
                self._answered_at = self._now()
                return answer
        raise RedisError("the cluster's nodes name each other as the owner of our hash slot")

    def _measure(self, connection: Connection, behind: bytes = b"") -> None:
        """Ask for the store's time, and on the same way for what else is to be known of a server.

        `behind` is a command that goes with it; its reply is left to be read.
        """
        is_new, ask_for_eviction, ask_for_time = (
            not self._asked_for_nodes,
            not self._asked_for_eviction,
            not self._time_is_local,
        )
        packet = _INFO * ask_for_eviction + _CLUSTER_SLOTS * is_new + _TIME * ask_for_time + behind
        # A connection of an earlier batch may have died without a word: there has to be time for another one.
        self._budget.patience = READ_SECONDS if self._is_measured or is_new else LIFE_SIGN_SECONDS
        sent = self._clock.monotonic()
        if packet:
            _send(connection, packet)
        if ask_for_eviction:
            self._warn_of_eviction(connection)
        if is_new:
            self._learn_nodes(connection)
        if ask_for_time:
            self._observe_time(connection, sent)
        self._budget.patience = READ_SECONDS
        if self._time_is_local:
            sent, wall_us = self._clock.monotonic(), self._clock.wall_us()
            self.clock.observe(sent, self._clock.monotonic(), wall_us)
        self._is_measured = True

    def _observe_time(self, connection: Connection, sent: float) -> None:
        try:
            time_us = self._read_time(connection)
        except ResponseError as error:
            self._time_is_local = True
            self._log.warning("ledger_clock_is_local", reason=str(error)[:_MESSAGE_CHARACTERS_MOST])
        else:
            self.clock.observe(sent, self._clock.monotonic(), time_us)

    def _read_time(self, connection: Connection) -> int:
        seconds, microseconds = connection.read_response()
        return int(seconds) * 1_000_000 + int(microseconds)

    def _warn_of_eviction(self, connection: Connection) -> None:
        try:
            info: bytes = connection.read_response()
        except ResponseError:  # a managed store may forbid INFO: then nobody knows
            info = b""
        self._asked_for_eviction = True
        lines = dict(line.partition(b":")[::2] for line in info.splitlines())
        policy = lines.get(b"maxmemory_policy", b"noeviction").decode()
        if policy != "noeviction":
            self._log.warning("ledger_may_evict", maxmemory_policy=policy, wanted="noeviction")

    def _learn_nodes(self, connection: Connection) -> None:
        """Where to ask when the nodes known so far are gone; nothing where there is no cluster, or it is not told."""
        self._asked_for_nodes = True
        with suppress(ResponseError):
            for _, _, *nodes in connection.read_response():
                for host, port, *_ in nodes:
                    self._know((host.decode() if host else "", int(port)), at=len(self._nodes))

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.wall_us() / 1e6

    def _know(self, node: Node, at: int) -> None:
        host, port = node
        # A node that does not know its own name leaves it out.
        node = (host if host not in ("", "?") else self._address.host, port)
        if at == 0 and node in self._nodes:
            self._nodes.remove(node)
        if node not in self._nodes:
            self._nodes.insert(at, node)
            del self._nodes[_NODES_MOST:]

    def _open(self) -> Connection:
        if self._connection is not None and self._process != os.getpid():
            self._drop()  # the parent's: two processes would read each other's replies
        if self._connection is None:
            self._connection = self._connect()
            self._process = os.getpid()
            if self._nodes[0] != self._measured_node:
                self._measured_node = self._nodes[0]
                self.clock.forget()  # it was another server's
            self._asked_for_nodes = self._is_measured = False
        return self._connection

    def _connect(self) -> Connection:
        """To the first node that can be reached, within the budget."""
        for _ in self._nodes[1:]:
            try:
                return self._connector.open(self._nodes[0], self._budget)
            except (RedisConnectionError, RedisTimeoutError) as error:
                if type(error) not in (RedisConnectionError, RedisTimeoutError):
                    raise  # it was reached, and refused us
            self._nodes.append(self._nodes.pop(0))
        return self._connector.open(self._nodes[0], self._budget)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()  # type: ignore[no-untyped-call] # untyped in redis-py

    def _describe(self, error: Exception) -> str:
        """What went wrong, without password or token: a server quotes a command that it does not know."""
        text = f"{type(error).__name__}: {error}"
        if self._address.password:
            text = text.replace(self._address.password, "***")
        if self._address.cache is not None:
            text = re.sub(re.escape(f"{self._address.cache}/?") + r"\S*", "***", text, flags=re.IGNORECASE)
            text = text.replace(_NOT_AVAILABLE, f"{_NOT_AVAILABLE} ({_WHY_NOT_AVAILABLE})")
        host, port = self._nodes[0]
        return f"Redis ledger at {host}:{port}: {text[:_MESSAGE_CHARACTERS_MOST]}"


def _send(connection: Connection, packet: bytes) -> None:
    connection.send_packed_command([packet])  # type: ignore[no-untyped-call] # untyped in redis-py


def _pack(*words: bytes) -> bytes:
    """A command on the wire. redis-py's own packer takes three times as long for thousands of words."""
    return b"".join([b"*%d\r\n" % len(words), *[b"$%d\r\n%b\r\n" % (len(word), word) for word in words]])


_INFO, _CLUSTER_SLOTS, _TIME = _pack(b"INFO", b"memory"), _pack(b"CLUSTER", b"SLOTS"), _pack(b"TIME")

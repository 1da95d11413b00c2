"""The server behind the Redis ledger: runs one script at a time, in bounded time, and answers or raises."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import LedgerTakesNoWrite, LedgerUnavailable
from snapshot_tuner.ledger.clock_sync import StoreClock
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.commands import (
    CLUSTER_SLOTS,
    INFO,
    REASON_CHARACTERS_MOST,
    TIME,
    describe,
    pack,
    send,
    takes_no_write,
)
from snapshot_tuner.ledger.redis.connection import Connector, Meanwhile, TokenProvider
from snapshot_tuner.ledger.redis.identity import Identity
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
from snapshot_tuner.ledger.timing import CLOCK_BEHIND_SECONDS

_ANSWERS_MOST = 6
"""To one script: each but the last says to ask elsewhere, or with the whole text."""

_FRESH_SECONDS, _AGREED_SECONDS = 1.0, 0.005
"""A batch begins so soon after the last answer, by clocks that part by less than that: nothing has stood still."""

_NEW_SECONDS = 0.05
"""What was measured so short a time ago is not measured again for the next slots."""

_BEHIND_US = round(CLOCK_BEHIND_SECONDS * 1e6)


class RedisStore:
    """One connection to the server or to the cluster's node that owns our hash slot; threads take turns.

    After any fault the connection is dropped, so that no late reply is taken for the next operation's.
    While a cluster moves our hash slot to another node it is unavailable (ASK, TRYAGAIN).
    """

    def __init__(
        self,
        address: RedisAddress,
        clock: Clock,
        log: WarningLog,
        tokens: TokenProvider | None,
        keys_of_time: Sequence[bytes],
        *,
        meanwhile: Meanwhile | None = None,
    ) -> None:
        """`keys_of_time`: of what lies in time, then of what was set aside, last of the ledger's clock."""
        self._address = address
        self._connector = Connector(address, tokens, meanwhile)
        self._clock = clock
        self._log = log
        self._budget = TimeBudget(clock)
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._process = 0
        # ElastiCache Serverless evicts only at a limit that was set for it, whatever its policy says.
        self._asked_for_eviction = address.cache is not None
        self._asked_for_nodes = False
        self._is_measured = False
        self._keys_of_time = keys_of_time
        self._correct = Script.load("record", "aside", "rate_limit", "correct")
        self._answered_at = (float("-inf"), 0.0)
        self._time_is_local = False
        self.clock = StoreClock()
        self.identity = Identity(keys_of_time, clock, log)

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
            self.clock.wake()

    @property
    def round_trip(self) -> float:
        """Seconds; 0 before the first answer."""
        return self._budget.round_trip

    def close(self) -> None:
        with self._turn:
            self._drop()

    def measure(self) -> None:
        """Look at the store's clock once more. Raises LedgerUnavailable."""
        with self._turn, self._budget.operation(), self._faults_named():
            connection = self._open()
            self._look(connection)

    def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes],
        *,
        measure: bool = False,
        goes_on: bool = False,
    ) -> list[Any]:
        """What the script returned, in one round trip; the first of a batch or a connection measures the clock before.

        `measure` is for a script that tells slots: what is known of the clock has to be new then; to ask for it with
        the script takes no round trip more. `goes_on` is for one that builds on what the batch has told the store: it
        is not run where that may be forgotten. Raises LedgerUnavailable; then the script may have run, once or twice.
        """
        with self._turn, self._budget.operation(), self._faults_named():
            was_open, was_measured = self._connection is not None, self._is_measured
            lost_us = self.identity.lost_us if goes_on else None
            try:
                return self._ask(script, keys, args, lost_us, measure=measure)
            except (RedisConnectionError, RedisTimeoutError) as error:
                # An idle connection is closed by servers, proxies and failovers, or dies without a word while this
                # machine is frozen: then, and only then, once more. Other subclasses are answers (LOADING, NOAUTH).
                has_died = isinstance(error, RedisTimeoutError) and not was_measured
                if not was_open or not (has_died or type(error) is RedisConnectionError):
                    raise
            self._drop()
            return self._ask(script, keys, args, lost_us, measure=measure)

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError, ValueError) as error:  # ValueError: a host name that cannot be one
            message = describe(error, self._address, self._connector.node)
            self._drop()
            self._connector.turn_to_next()
            raise (LedgerTakesNoWrite if takes_no_write(error) else LedgerUnavailable)(message) from None
        except BaseException:  # an interrupt: its reply is still to come
            self._drop()
            raise

    def _ask(
        self, script: Script, keys: Sequence[bytes], args: Sequence[bytes], lost_us: int | None, *, measure: bool
    ) -> list[Any]:
        """`lost_us` is what was known of it when the batch began, for a step that goes on with that."""
        how = (b"EVALSHA", script.digest)
        for _ in range(_ANSWERS_MOST):
            connection, step_us = self._open(), 0
            try:
                if not self._is_measured:
                    self._look(connection)
                self.identity.require(lost_us)
                correction = b"local" if self._time_is_local else b"%d" % self.clock.correction_us
                now_us = self.clock.now_us(self._clock.monotonic())
                marks = self.identity.marks(writes=script.writes)
                of_every_script = (self.identity.mark, *self._keys_of_time[-2:])
                names = (b"%d" % (len(keys) + len(of_every_script)), *keys, *of_every_script)
                command = pack(*how, *names, *args, *marks, b"%d" % now_us, correction)
                if measure and self._clock.monotonic() - self.clock.observed >= _NEW_SECONDS:
                    step_us = self._measure(connection, command)
                else:
                    send(connection, command)
                answer: list[Any] = connection.read_response()
            except NoScriptError:
                how = (b"EVAL", script.text)
                self._follow(connection, step_us)  # what was seen of the clock on the same way
            except MovedError as moved:
                self._drop()
                self._connector.turn_to(moved.host, moved.port)
            else:
                self._answered_at = self._now()
                if answer == [None]:
                    self.identity.check(connection, now_us, mark_is_gone=True)
                elif answer[0] is None:
                    self._look_again(connection, step_us, *answer[1:])
                else:
                    self.identity.has_marked(now_us, writes=script.writes)
                    if not step_us:
                        return answer
                    self._follow(connection, step_us)  # what it said was by the clock as it was
        raise RedisError("its nodes name each other as the owner of our hash slot, or its clock does not come to rest")

    def _look(self, connection: Connection) -> None:
        """At the store's clock, and whether it is the store that it was."""
        self._follow(connection, self._measure(connection))
        self.identity.check(connection, self.clock.now_us(self._clock.monotonic()))

    def _look_again(self, connection: Connection, step_us: int, correction: bytes, greatest: bytes) -> None:
        """At the store's clock, as the namespace has another correction, or somebody has seen a later time."""
        is_other, self.clock.correction_us = int(correction) != self.clock.correction_us, int(correction)
        step_us += self._measure(connection)
        behind_us = int(greatest) - self.clock.now_us(self._clock.monotonic())
        if is_other:
            step_us = 0  # somebody was faster
        if not step_us and behind_us > _BEHIND_US:
            step_us = -behind_us
        self._follow(connection, step_us)

    def _follow(self, connection: Connection, step_us: int) -> None:
        """The store's clock was set: the ledger's time goes on as before, unless somebody else has seen to that."""
        if not step_us:
            return
        before, after = self.clock.correction_us, self.clock.correction_us - step_us
        self.clock.correction_us = after
        numbers = (before, after, self.clock.now_us(self._clock.monotonic()))
        keys = (b"%d" % len(self._keys_of_time), *self._keys_of_time)
        send(connection, pack(b"EVAL", self._correct.text, *keys, *(b"%d" % number for number in numbers)))
        self.clock.correction_us = int(connection.read_response())
        if self.clock.correction_us == after:
            self._log.warning("ledger_clock_stepped", seconds=step_us / 1e6, correction=after / 1e6)

    def _measure(self, connection: Connection, behind: bytes = b"") -> int:
        """Ask for the store's time, and on the same way for what else is to be known of a server.

        `behind` is a command that goes with it; its reply is left to be read.
        """
        is_new, ask_for_eviction = not self._asked_for_nodes, not self._asked_for_eviction
        ask_for_time, ask_for_identity = not self._time_is_local, not self._is_measured
        packet = INFO * ask_for_eviction + CLUSTER_SLOTS * is_new + self.identity.question * ask_for_identity
        packet += TIME * ask_for_time + behind
        # A connection of an earlier batch may have died without a word: there has to be time for another one.
        self._budget.patience = READ_SECONDS if self._is_measured or is_new else LIFE_SIGN_SECONDS
        sent = self._clock.monotonic()
        if packet:
            send(connection, packet)
        if ask_for_eviction:
            self._warn_of_eviction(connection)
        if is_new:
            self._asked_for_nodes = True
            self._connector.learn_nodes(connection)
        if ask_for_identity:
            self.identity.read(connection)
        step_us = self._observe_time(connection, sent) if ask_for_time else 0
        self._budget.patience = READ_SECONDS
        if self._time_is_local:
            sent, wall_us = self._clock.monotonic(), self._clock.wall_us()
            self.clock.observe(sent, self._clock.monotonic(), wall_us)
        self._is_measured = True
        return step_us

    def _observe_time(self, connection: Connection, sent: float) -> int:
        try:
            time_us = self._read_time(connection)
        except ResponseError as error:
            self._time_is_local = True
            self._log.warning("ledger_clock_is_local", reason=str(error)[:REASON_CHARACTERS_MOST])
            return 0
        received = self._clock.monotonic()
        self._budget.see_round_trip(received - sent)
        return self.clock.observe(sent, received, time_us)

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

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), self._clock.wall_us() / 1e6

    def _open(self) -> Connection:
        if self._process not in (0, os.getpid()):
            self._drop()  # the parent's: two processes would read each other's replies
            self.identity.renew()
        if self._connection is None:
            self._connection = self._connector.open(self._budget)
            self._process = os.getpid()
            self._asked_for_nodes = self._is_measured = False
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()  # type: ignore[no-untyped-call] # untyped in redis-py

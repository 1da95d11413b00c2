"""The Redis/Valkey ledger on virtual time: real client, scripts and server; what it says of its time and id is ours."""

from collections.abc import Callable

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.redis.redis_py import Connection
from snapshot_tuner.ledger.redis.server import RedisStore
from snapshot_tuner.ledger.types import Limits, ReportSetAside, no_report


class VirtualValkeyLedger(RedisLedger):
    """A `RedisLedger` whose store's clock is ours: `store_clock`, or the client's own.

    `failovers` says how often another server has taken over: its connections end then, and it has another id.
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        limits: Limits,
        clock: Clock,
        log: WarningLog,
        *,
        store_clock: Clock | None = None,
        failovers: Callable[[], int] | None = None,
        report_set_aside: ReportSetAside = no_report,
    ) -> None:
        super().__init__(url, namespace, limits, clock, log, report_set_aside=report_set_aside)
        store = _StoreOnVirtualTime(RedisAddress.parse(url), clock, log, None, self._keys.of_store)
        store.store_clock = store_clock or clock
        store.failovers = failovers
        self._store = self._namespace.store = store


class _StoreOnVirtualTime(RedisStore):
    """Its answers to TIME and, where `failovers` is there, to INFO are put in the place of the server's."""

    store_clock: Clock
    failovers: Callable[[], int] | None
    _failovers_seen = 0

    def _open(self) -> Connection:
        if self.failovers is not None and self.failovers() != self._failovers_seen:
            self._failovers_seen = self.failovers()
            self._drop()
        return super()._open()

    def _measure(self, connection: Connection, behind: bytes = b"") -> int:
        step_us = super()._measure(connection, behind)
        if self.failovers is not None:
            self.identity._seen = b"server%d" % self._failovers_seen  # noqa: SLF001 - in the place of what INFO has told
        return step_us

    def _read_time(self, connection: Connection) -> int:
        super()._read_time(connection)
        return self.store_clock.wall_us()

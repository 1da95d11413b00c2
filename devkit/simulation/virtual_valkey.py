"""The Redis/Valkey ledger on virtual time: the real client, scripts and server; only the store's clock is ours."""

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.redis.redis_py import Connection
from snapshot_tuner.ledger.redis.server import RedisStore
from snapshot_tuner.ledger.types import Limits, ReportSetAside, no_report


class VirtualValkeyLedger(RedisLedger):
    """A `RedisLedger` whose store's clock is ours: `store_clock`, or the client's own."""

    def __init__(
        self,
        url: str,
        namespace: str,
        limits: Limits,
        clock: Clock,
        log: WarningLog,
        *,
        store_clock: Clock | None = None,
        report_set_aside: ReportSetAside = no_report,
    ) -> None:
        super().__init__(url, namespace, limits, clock, log, report_set_aside=report_set_aside)
        store = _StoreOnVirtualTime(RedisAddress.parse(url), clock, log, None, self._keys.of_store)
        store.store_clock = store_clock or clock
        self._store = store


class _StoreOnVirtualTime(RedisStore):
    """Its answer to TIME is put in the place of the server's."""

    store_clock: Clock

    def _read_time(self, connection: Connection) -> int:
        super()._read_time(connection)
        return self.store_clock.wall_us()

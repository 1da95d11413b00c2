"""The Redis/Valkey ledger on virtual time: the real client, scripts and server; only the store's clock is ours."""

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.redis.redis_py import Connection
from snapshot_tuner.ledger.redis.server import RedisStore, WarningLog
from snapshot_tuner.ledger.types import Limits


class VirtualValkeyLedger(RedisLedger):
    """A `RedisLedger` whose store's clock is the wall clock that it is given."""

    def __init__(self, url: str, namespace: str, limits: Limits, clock: Clock, log: WarningLog) -> None:
        super().__init__(url, namespace, limits, clock, log)
        self._store = _StoreOnVirtualTime(RedisAddress.parse(url), clock, log, None)


class _StoreOnVirtualTime(RedisStore):
    """Its answer to TIME is put in the place of the server's."""

    def _read_time(self, connection: Connection) -> int:
        super()._read_time(connection)
        return self._clock.wall_us()

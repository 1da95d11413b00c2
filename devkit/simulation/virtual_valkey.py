"""The Redis/Valkey ledger on virtual time: the real client, scripts and server; only the server's clock is ours."""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from redis import Redis

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.redis.server import WarningLog
from snapshot_tuner.ledger.types import Limits

_REAL_TIME = b"""\
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
"""


class VirtualValkeyLedger(RedisLedger):
    """A `RedisLedger` whose scripts ask a key of ours what time it is."""

    def __init__(self, url: str, namespace: str, limits: Limits, clock: Clock, log: WarningLog) -> None:
        super().__init__(url, namespace, limits, clock, log)
        self._now_name = f"{{{namespace}}}:now".encode()
        self._server: Redis = Redis.from_url(url)

    def close(self) -> None:
        super().close()
        self._server.close()

    def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes]) -> list[Any]:
        self._server.set(self._now_name, self._clock.wall_us(), ex=3600)
        return super()._run(self._on_virtual_time(script), keys, args)

    def _on_virtual_time(self, script: Script) -> Script:
        if _REAL_TIME not in script.text:
            raise RuntimeError("the scripts read the store's clock in another way than this simulation knows")
        text = script.text.replace(_REAL_TIME, b"  return redis.call('GET', '%b') + 0\n" % self._now_name)
        return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode())

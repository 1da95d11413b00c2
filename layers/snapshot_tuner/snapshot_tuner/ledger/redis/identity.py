"""Which store this is, by its replication id: a replica that took over may not have all that its primary had."""

from collections.abc import Sequence

from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis.commands import pack, send
from snapshot_tuner.ledger.redis.redis_py import Connection, OutOfMemoryError, ReadOnlyError, ResponseError
from snapshot_tuner.ledger.redis.scripts import Script


class Identity:
    """As one client has seen it; what the namespace keeps of it is in lua/identity.lua."""

    def __init__(self, keys_of_time: Sequence[bytes], log: WarningLog) -> None:
        """`keys_of_time` are those of the cursors, of what is set aside, and of the clock."""
        identity = keys_of_time[-1].removesuffix(b"clock") + b"store"
        self._keys = (*keys_of_time[:-2], identity, *keys_of_time[-2:])
        self._log = log
        self._script = Script.load("record", "aside", "rate_limit", "identity")
        self._seen = self._checked = b""
        self.is_told = True
        self.lost_us = 0  # when the store may have forgotten something, in the ledger's time; 0 is never

    def read(self, connection: Connection) -> None:
        """The reply to REPLICATION."""
        try:
            info: bytes = connection.read_response()
        except ResponseError:  # a managed store may forbid INFO: then nobody knows
            self.is_told = False
            return
        lines = dict(line.partition(b":")[::2] for line in info.splitlines())
        self._seen = lines.get(b"master_replid", b"")

    def check(self, connection: Connection, now_us: int) -> None:
        """Against the one that the namespace keeps, where it is another than before."""
        if self._seen == self._checked:
            return
        words = (b"EVAL", self._script.text, b"%d" % len(self._keys), *self._keys)
        send(connection, pack(*words, self._seen, self._checked, b"%d" % now_us))
        try:
            is_found, self.lost_us = connection.read_response()
        except (OutOfMemoryError, ReadOnlyError):  # it takes no event either, but answers questions
            return
        before, self._checked = self._checked, self._seen
        if is_found:
            ids = {"replication_id": self._seen.decode(), "before": before.decode() or None}
            self._log.warning("ledger_may_have_forgotten", **ids)

"""Which store this is, and whether it still has what it once took.

A replica that took over may not have all that its primary had; nor has a store that was emptied, or restored. Two
things tell: the replication id, where the server answers INFO, and each client's own mark, a number that grows with
each of its steps that writes. `{namespace}:store` keeps the id, and when something may have been forgotten.
"""

import os
from collections.abc import Sequence

from snapshot_tuner.clock import Clock, Moment, moment, seconds_since
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.redis.commands import REPLICATION, pack, send, takes_no_write
from snapshot_tuner.ledger.redis.redis_py import Connection, RedisError, ResponseError
from snapshot_tuner.ledger.redis.scripts import Script
from snapshot_tuner.ledger.timing import MARK_TRUSTED_SECONDS

_NEVER: Moment = (float("-inf"), 0)


class Identity:
    """As one client has seen it; what the namespace keeps of it is in lua/identity.lua."""

    def __init__(self, keys_of_time: Sequence[bytes], clock: Clock, log: WarningLog) -> None:
        """`keys_of_time` are those of the cursors, of what is set aside, and of the clock."""
        self._prefix = keys_of_time[-1].removesuffix(b"clock")
        self._name = self._prefix + b"store"
        self._keys = (*keys_of_time[:-2], self._name, *keys_of_time[-2:])
        self._clock = clock
        self._log = log
        self._script = Script.load("record", "aside", "rate_limit", "identity")
        self._info_is_allowed = True
        self._seen = self._checked = b""
        self._kept: tuple[bytes, int] | None = None
        self._sent = 0
        self.lost_us = 0  # when the store may have forgotten something, in the ledger's time; 0 is never
        self.renew()

    def renew(self) -> None:
        """A mark of one's own: two processes that share one would each miss what the other has written."""
        self.mark = self._prefix + b"mark:" + os.urandom(8).hex().encode()
        self._marked, self._marked_us, self._marked_at = 0, 0, _NEVER

    def marks(self, *, writes: bool) -> tuple[bytes, bytes]:
        """What the mark has to be at least, and what it will be; only a step that `writes` looks at it."""
        if not writes:
            return b"0", b"0"
        if seconds_since(self._marked_at, self._clock) > MARK_TRUSTED_SECONDS:
            self._marked = 0
        self._sent += 1
        return b"%d" % self._marked, b"%d" % self._sent

    def has_marked(self, now_us: int, *, writes: bool) -> None:
        """The step has been taken: if it `writes`, its mark is in the store."""
        if not writes:
            return
        self._marked, self._marked_us, self._marked_at = self._sent, now_us, moment(self._clock)

    @property
    def question(self) -> bytes:
        """What to ask a server; `read` reads the replies."""
        return REPLICATION * self._info_is_allowed + pack(b"GET", self._name)

    def read(self, connection: Connection) -> None:
        if self._info_is_allowed:
            info = _reply(connection)
            self._info_is_allowed = info is not None  # a managed store may forbid INFO
            lines = dict(line.partition(b":")[::2] for line in (info or b"").splitlines())
            self._seen = lines.get(b"master_replid", b"")
        words = (_reply(connection) or b"").split(b" ")
        is_read = len(words) == len(("id", "lost")) and words[1].isdigit()
        self._kept = (words[0], int(words[1])) if is_read else None

    def require(self, lost_us: int | None) -> None:
        """That nothing may have been forgotten since then. Raises RedisError."""
        if lost_us not in (None, self.lost_us):
            raise RedisError("it may have forgotten what this batch has told it")

    def check(self, connection: Connection, now_us: int, *, mark_is_gone: bool = False) -> None:
        """Against what the namespace keeps; `mark_is_gone` where the store has forgotten one's own."""
        if not mark_is_gone:
            if self._kept is not None and self._seen in (b"", self._kept[0]):
                self._checked, self.lost_us = self._kept
                return
            if self._kept is None and not self._seen and not self._checked:
                return  # nobody has ever said who it is
        words = (b"EVAL", self._script.text, b"%d" % len(self._keys), *self._keys)
        numbers = (now_us, self._marked_us if mark_is_gone else 0)
        send(connection, pack(*words, self._seen, self._checked, *(b"%d" % number for number in numbers)))
        try:
            is_found, self.lost_us = connection.read_response()
        except ResponseError as error:
            if mark_is_gone or not takes_no_write(error):
                raise
            return  # it takes no event either, but answers questions
        before, self._checked, self._marked = self._checked, self._seen, 0
        if is_found:
            ids = {"replication_id": self._seen.decode() or None, "before": before.decode() or None}
            self._log.warning("ledger_may_have_forgotten", **ids, mark_is_gone=mark_is_gone)


def _reply(connection: Connection) -> bytes | None:
    """None where there is nothing to say, or it is not told."""
    try:
        reply: bytes | None = connection.read_response()
    except ResponseError:
        return None
    return reply

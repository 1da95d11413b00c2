"""Commands on the wire, and what went wrong with one in words for the log."""

import re

from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.connection import Node
from snapshot_tuner.ledger.redis.redis_py import Connection, OutOfMemoryError, ReadOnlyError

REASON_CHARACTERS_MOST = 300
_NOT_AVAILABLE = "service is not available"
_WHY_NOT_AVAILABLE = (
    "all that ElastiCache says before a client is let in: the IAM token was refused, or elasticache:Connect is not"
    " granted or throttled; or the store is busy or has too many clients"
)

_NO_WRITE = re.compile(
    r"(?:Error running script .*@user_script: \d+: -(?:OOM|READONLY|MISCONF|NOREPLICAS)|MISCONF|NOREPLICAS) "
)
"""Redis before 7 puts the place in the script before a script's error; redis-py knows the class of no such answer."""


def send(connection: Connection, packet: bytes) -> None:
    connection.send_packed_command([packet])  # type: ignore[no-untyped-call] # untyped in redis-py


def pack(*words: bytes) -> bytes:
    """A command on the wire. redis-py's own packer takes three times as long for thousands of words."""
    return b"".join([b"*%d\r\n" % len(words), *[b"$%d\r\n%b\r\n" % (len(word), word) for word in words]])


INFO, CLUSTER_SLOTS, TIME = pack(b"INFO", b"memory"), pack(b"CLUSTER", b"SLOTS"), pack(b"TIME")
REPLICATION = pack(b"INFO", b"replication")


def takes_no_write(error: Exception) -> bool:
    """Whether the server answers, and refuses to write: it is full, a replica, cannot save, or lacks replicas."""
    return isinstance(error, OutOfMemoryError | ReadOnlyError) or _NO_WRITE.match(str(error)) is not None


def describe(error: Exception, address: RedisAddress, node: Node) -> str:
    """What went wrong, without password or token: a server quotes a command that it does not know."""
    text = f"{type(error).__name__}: {error}"
    if address.password:
        text = text.replace(address.password, "***")
    if address.cache is not None:
        text = re.sub(re.escape(f"{address.cache}/?") + r"\S*", "***", text, flags=re.IGNORECASE)
        text = text.replace(_NOT_AVAILABLE, f"{_NOT_AVAILABLE} ({_WHY_NOT_AVAILABLE})")
    host, port = node
    return f"Redis ledger at {host}:{port}: {text[:REASON_CHARACTERS_MOST]}"

"""All that is used of redis-py: its connections, its reading of addresses and its errors.

Without its `__init__`, which takes another 50 ms of processor time of a cold start without SnapStart.
"""

from snapshot_tuner.lean_import import without_init

with without_init("redis"):
    from redis.connection import Connection, SSLConnection, parse_url
    from redis.credentials import CredentialProvider
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import (
        MovedError,
        NoScriptError,
        OutOfMemoryError,
        ReadOnlyError,
        RedisError,
        ResponseError,
    )
    from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = [
    "Connection",
    "CredentialProvider",
    "MovedError",
    "NoScriptError",
    "OutOfMemoryError",
    "ReadOnlyError",
    "RedisConnectionError",
    "RedisError",
    "RedisTimeoutError",
    "ResponseError",
    "SSLConnection",
    "parse_url",
]

"""One connection of redis-py whose every step is limited by the batch's time account."""

import socket
from typing import Any

from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.redis_py import Connection, SSLConnection
from snapshot_tuner.ledger.redis.time_budget import TimeBudget

CONNECT_SECONDS = 0.5
READ_SECONDS = 1.0


class _TimedSocket:
    """A socket that may take as long as the account allows, however slowly the bytes trickle.

    redis-py sets a timeout once per connection, and it counts anew with every byte that arrives.
    """

    def __init__(self, wrapped: socket.socket, account: TimeBudget) -> None:
        self._wrapped = wrapped
        self._account = account
        self._timeout = 0.0

    def recv(self, size: int) -> bytes:
        self._limit()
        return self._wrapped.recv(size)

    def sendall(self, data: bytes) -> None:
        self._limit()
        self._wrapped.sendall(data)

    def _limit(self) -> None:
        timeout = self._account.timeout(READ_SECONDS)
        if timeout != self._timeout:  # a system call
            self._wrapped.settimeout(timeout)
            self._timeout = timeout

    def shutdown(self, how: int) -> None:
        self._wrapped.shutdown(how)

    def close(self) -> None:
        self._wrapped.close()


class _Timed(Connection):
    """What redis-py asks of its settings at each step is answered by the account."""

    def __init__(self, account: TimeBudget, **settings: Any) -> None:  # noqa: ANN401 - redis-py's own, passed on
        self._account = account
        super().__init__(**settings)  # type: ignore[no-untyped-call] # untyped in redis-py

    @property  # type: ignore[misc] # nothing sets it
    def socket_connect_timeout(self) -> float:
        """For each address that the host's name has."""
        return self._account.timeout(CONNECT_SECONDS)

    @property  # type: ignore[misc] # nothing sets it
    def socket_timeout(self) -> float:
        """For the TLS handshake, among others."""
        return self._account.timeout(CONNECT_SECONDS)

    def _connect(self) -> Any:  # noqa: ANN401 - untyped in redis-py
        return _TimedSocket(super()._connect(), self._account)  # type: ignore[no-untyped-call] # untyped in redis-py


class _TimedTls(_Timed, SSLConnection):
    pass


def open_connection(address: RedisAddress, node: tuple[str, int], account: TimeBudget) -> Connection:
    """Connected to `node` and authenticated. Raises what redis-py raises; never retries.

    Only the look-up of the host's name is not limited here: the resolver has a timeout of its own.
    """
    host, port = node
    settings = {
        "host": host,
        "port": port,
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "protocol": 2,  # no HELLO: one round trip less
        "driver_info": None,  # nor CLIENT SETINFO: two less
    }
    kind: type[_Timed] = _Timed
    if address.tls is not None:
        kind = _TimedTls
        settings |= address.tls
    connection = kind(account, **settings)
    connection.connect()  # type: ignore[no-untyped-call] # untyped in redis-py
    return connection

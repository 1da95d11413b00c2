"""To whom to connect, and one connection of redis-py whose every step is limited by the batch's time budget."""

import socket
import ssl
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Protocol, TypeAlias

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.redis.address import RedisAddress
from snapshot_tuner.ledger.redis.redis_py import (
    Connection,
    CredentialProvider,
    RedisConnectionError,
    RedisTimeoutError,
    ResponseError,
    SSLConnection,
)
from snapshot_tuner.ledger.redis.time_budget import TimeBudget

CONNECT_SECONDS = 0.5

Node: TypeAlias = tuple[str, int]
"""Host and port."""

_NODES_MOST = 6

_AT_ONCE_SECONDS = 0.002
"""An answer of a store that is near is there by then: until then nothing else goes on."""


class Meanwhile(Protocol):
    """What else goes on in this thread."""

    def wait_for(self, sock: socket.socket, until: float) -> None:
        """Go on with it until the socket can be read from, or until `until` (local monotonic clock)."""
        ...


class _TimedSocket:
    """A socket that may take as long as the budget allows, however slowly the bytes trickle.

    redis-py sets a timeout once per connection, and it counts anew with every byte that arrives.
    """

    def __init__(self, wrapped: socket.socket, budget: TimeBudget, meanwhile: Meanwhile | None) -> None:
        self._wrapped = wrapped
        self._budget = budget
        self._meanwhile = meanwhile
        self._timeout = 0.0

    def recv(self, size: int) -> bytes:
        seconds = self._budget.timeout(self._budget.patience)
        if self._meanwhile is None or seconds <= _AT_ONCE_SECONDS:
            self._limit(seconds)
            return self._wrapped.recv(size)
        until = self._budget.now() + seconds
        self._limit(_AT_ONCE_SECONDS)
        while True:
            with suppress(TimeoutError):  # TLS may have read a part of a record
                return self._wrapped.recv(size)
            if self._budget.now() >= until:
                raise TimeoutError
            self._meanwhile.wait_for(self._wrapped, until)

    def sendall(self, data: bytes) -> None:
        self._limit(self._budget.timeout(self._budget.patience))
        self._wrapped.sendall(data)

    def _limit(self, timeout: float) -> None:
        if timeout != self._timeout:  # a system call
            self._wrapped.settimeout(timeout)
            self._timeout = timeout

    def shutdown(self, how: int) -> None:
        self._wrapped.shutdown(how)

    def close(self) -> None:
        self._wrapped.close()


class _Timed(Connection):
    """What redis-py asks of its settings at each step is answered by the budget."""

    def __init__(self, budget: TimeBudget, meanwhile: Meanwhile | None, **settings: Any) -> None:  # noqa: ANN401 - redis-py's own, passed on
        self._budget = budget
        self._meanwhile = meanwhile
        super().__init__(**settings)  # type: ignore[no-untyped-call] # untyped in redis-py

    @property  # type: ignore[misc] # nothing sets it
    def socket_connect_timeout(self) -> float:
        """For each address that the host's name has."""
        return self._budget.timeout(CONNECT_SECONDS)

    @property  # type: ignore[misc] # nothing sets it
    def socket_timeout(self) -> float:
        """For the TLS handshake, among others."""
        return self._budget.timeout(CONNECT_SECONDS)

    def _connect(self) -> Any:  # noqa: ANN401 - untyped in redis-py
        return _TimedSocket(super()._connect(), self._budget, self._meanwhile)  # type: ignore[no-untyped-call] # untyped in redis-py


class _TimedTls(_Timed, SSLConnection):
    """With the store's TLS context: redis-py would read the certificates of all authorities for each connection."""

    def __init__(
        self,
        budget: TimeBudget,
        meanwhile: Meanwhile | None,
        context: ssl.SSLContext,
        name: str,
        **settings: Any,  # noqa: ANN401 - redis-py's own, passed on
    ) -> None:
        self._context = context
        self._name = name  # that the certificate has to have
        super().__init__(budget, meanwhile, **settings)

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_hostname=self._name)


class TokenProvider(Protocol):
    """Who makes passwords for a user of an ElastiCache cache."""

    def token(self, user: str, cache: str) -> str:
        """A fresh one. Raises LedgerUnavailable where there is none to be had, SettingsError where there never will."""
        ...


class _FreshToken(CredentialProvider):
    """What redis-py asks for each new connection."""

    def __init__(self, tokens: TokenProvider, user: str, cache: str) -> None:
        self._tokens = tokens
        self._user = user
        self._cache = cache

    def get_credentials(self) -> tuple[str, str]:
        return self._user, self._tokens.token(self._user, self._cache)


class Connector:
    """Opens connections to a store, with all that does not change from one to the next."""

    def __init__(self, address: RedisAddress, tokens: TokenProvider | None, meanwhile: Meanwhile | None) -> None:
        """`tokens` is for an address with a cache. Raises SettingsError for certificates that cannot be read."""
        # In the order in which they are tried: a cluster outlives the node that the URL names.
        self._nodes: list[Node] = [(address.host, address.port)]
        self._address = address
        self._meanwhile = meanwhile
        self._context = None if address.tls is None else _context(address.tls, is_iam=address.cache is not None)
        self._who: dict[str, Any] = {"username": address.username, "password": address.password}
        if address.cache is not None and address.username is not None and tokens is not None:
            self._who = {"credential_provider": _FreshToken(tokens, address.username, address.cache)}

    @property
    def node(self) -> Node:
        """Whose turn it is."""
        return self._nodes[0]

    def turn_to_next(self) -> None:
        """The node whose turn it is has failed."""
        self._nodes.append(self._nodes.pop(0))

    def turn_to(self, host: str, port: int) -> None:
        """The node that owns our hash slot, as another one says."""
        self._learn(host, port, at=0)

    def learn_nodes(self, connection: Connection) -> None:
        """From the reply to CLUSTER SLOTS; nothing where there is no cluster, or it is not told."""
        with suppress(ResponseError):
            for _, _, *nodes in connection.read_response():
                for host, port, *_ in nodes:
                    self._learn(host.decode() if host else "", int(port), at=len(self._nodes))

    def _learn(self, host: str, port: int, at: int) -> None:
        # A node that does not know its own name leaves it out.
        node = (host if host not in ("", "?") else self._address.host, port)
        if at == 0 and node in self._nodes:
            self._nodes.remove(node)
        if node not in self._nodes:
            self._nodes.insert(at, node)
            del self._nodes[_NODES_MOST:]

    def open(self, budget: TimeBudget) -> Connection:
        """Connected to the first node that can be reached, and authenticated; never retries.

        Raises what redis-py raises, and what `tokens` does. Only the look-up of the host's name is not limited here:
        the resolver has a timeout of its own.
        """
        for _ in self._nodes[1:]:
            try:
                return self._open(self.node, budget)
            except (RedisConnectionError, RedisTimeoutError) as error:
                if type(error) not in (RedisConnectionError, RedisTimeoutError):
                    raise  # it was reached, and refused us
            self.turn_to_next()
        return self._open(self.node, budget)

    def _open(self, node: Node, budget: TimeBudget) -> Connection:
        host, port = node
        settings = {
            "host": host,
            "port": port,
            "db": self._address.db,
            "protocol": 2,  # no HELLO: one round trip less
            "driver_info": None,  # nor CLIENT SETINFO: two less
            **self._who,
        }
        if self._context is None:
            connection: Connection = _Timed(budget, self._meanwhile, **settings)
        else:
            # A cluster that announces its nodes by address: the certificate has the name that the URL gives.
            name = self._address.host if _is_address(host) else host
            connection = _TimedTls(budget, self._meanwhile, self._context, name, **settings)
        try:
            connection.connect()  # type: ignore[no-untyped-call] # untyped in redis-py
        except BaseException:  # redis-py closes its socket after errors of its own only
            connection.disconnect()  # type: ignore[no-untyped-call] # untyped in redis-py
            raise
        return connection


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(host))
    return False


def _context(files: dict[str, str], *, is_iam: bool) -> ssl.SSLContext:
    """Takes some 25 ms, for the certificates of all authorities."""
    context = ssl.create_default_context()
    if is_iam:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # ElastiCache's public endpoints take nothing less
    try:
        if "ssl_certfile" in files or "ssl_keyfile" in files:
            context.load_cert_chain(files.get("ssl_certfile", ""), files.get("ssl_keyfile"))
        if "ssl_ca_certs" in files or "ssl_ca_path" in files:
            context.load_verify_locations(files.get("ssl_ca_certs"), files.get("ssl_ca_path"))
    except OSError as error:
        raise SettingsError("LEDGER_URL", f"{', '.join(files)}: {error.strerror or type(error).__name__}") from None
    return context

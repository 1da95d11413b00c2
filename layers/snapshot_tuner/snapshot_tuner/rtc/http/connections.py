"""Connections to the API: how one is opened, and those that wait for their next call.

urllib3 opens them (TCP without delay, TLS, a proxy's tunnel). Its pool is not used: a call needs a moment
between "the connection is open" and "the first byte is sent", in which it waits for its slot.
"""

import encodings.idna  # noqa: F401 - else the first look-up of a host's name imports it, while an event waits
import ssl
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError
from urllib3.util import Url, make_headers, parse_url

from snapshot_tuner.errors import MESSAGE_LIMIT, CallFailed, LocalCode
from snapshot_tuner.rtc.http.tasks import Task, Wait

CONNECT_TIMEOUT_SECONDS = 2.0
"""For all of it: name resolution, TCP, tunnel and TLS."""

IDLE_LIMIT_SECONDS = 30.0
"""After that, a load balancer, a NAT gateway or a frozen function may have silently lost the connection; a call on it
would wait for its whole timeout and end with an unknown outcome."""


class Route:
    """The way to the API: straight, or through a proxy.

    A proxy is asked for a tunnel to an https endpoint, and to forward to an http one.
    Raises ValueError where `endpoint` or `proxy` is not a URL that can be used.
    """

    def __init__(self, endpoint: str, proxy: str | None) -> None:
        self._endpoint = _server(endpoint, {"http": 80, "https": 443})
        self._proxy = _server(proxy, {"http": 80}) if proxy is not None else None
        if self._endpoint.auth:
            raise ValueError("an endpoint takes no user and password")
        self._tls = _tls_context(ssl.get_default_verify_paths()) if self._endpoint.scheme == "https" else None
        proxy_auth = self._proxy.auth if self._proxy else None
        self._proxy_headers = dict(make_headers(proxy_basic_auth=proxy_auth)) if proxy_auth else {}
        self.host = self._endpoint.netloc or ""
        """The Host header: it includes the port unless that is the scheme's own."""

    @property
    def forwarding(self) -> bool:
        """Whether the requests themselves go to a proxy."""
        return self._proxy is not None and self._tls is None

    def without_names(self, text: str) -> str:
        """What went wrong, without the hosts: it becomes an event's reason, which senders see."""
        for server in (self._proxy, self._endpoint):
            if server is not None and server.host:
                text = text.replace(server.host, "…")
        return text

    def target(self, path_and_query: str) -> str:
        """The request line's target: in absolute form where a proxy is to forward it."""
        return f"http://{self.host}{path_and_query}" if self.forwarding else path_and_query

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy that forwards a request wants to see in it."""
        return dict(self._proxy_headers) if self.forwarding else {}

    def new_connection(self) -> HTTPConnection:
        """A connection that is yet to be opened."""
        first_stop = self._proxy or self._endpoint
        host, port = first_stop.host or "", first_stop.port
        if self._tls is None:
            return HTTPConnection(host, port or 80, timeout=CONNECT_TIMEOUT_SECONDS, proxy=self._proxy)
        connection = HTTPSConnection(
            host,
            port or (443 if self._proxy is None else 80),
            timeout=CONNECT_TIMEOUT_SECONDS,
            proxy=self._proxy,
            ssl_context=self._tls,
        )
        if self._proxy is not None:
            connection.set_tunnel(self._endpoint.host or "", self._endpoint.port or 443, headers=self._proxy_headers)
        return connection


class ConnectionPool:
    """At most `size` idle connections, the one used last on top. For as many calls at once as `size`."""

    def __init__(self, route: Route, size: int) -> None:
        self._route = route
        self._size = size
        self._lock = Lock()
        self._idle: list[_Idle] = []
        self._closed = False
        # A name that does not resolve holds its thread for longer than the caller waits.
        self._threads = 0
        self._waiting: deque[_Attempt] = deque()

    def take(self) -> Task[HTTPConnection]:
        """An open connection. Raises CallFailed after the connect timeout at the latest; nothing was sent."""
        while (idle := self._pop()) is not None:
            if idle.is_fresh() and is_alive(idle.connection):
                return idle.connection
            idle.connection.close()
        return (yield from self._open())

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep an open connection on which no answer is outstanding for the next call."""
        with self._lock:
            if not self._closed and len(self._idle) < self._size:
                self._idle.append(_Idle(connection, time.monotonic(), time.time()))
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now, and what is given back later."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection, _, _ in idle:
            connection.close()

    def _pop(self) -> "_Idle | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self) -> Task[HTTPConnection]:
        deadline = time.monotonic() + CONNECT_TIMEOUT_SECONDS
        attempt: _Attempt = Future()
        self._start(attempt)
        while not attempt.done() and time.monotonic() < deadline:
            yield Wait(deadline, future=attempt)
        if attempt.cancel():
            raise _timed_out()
        try:
            return attempt.result()
        except (OSError, HTTPError, HTTPException) as error:
            if _is_timeout(error):
                raise _timed_out() from error
            reason = self._route.without_names(str(error))[:MESSAGE_LIMIT]
            raise CallFailed(LocalCode.CONNECT_FAILED, reason) from error

    def _start(self, attempt: "_Attempt") -> None:
        with self._lock:
            self._waiting.append(attempt)
            if self._threads == self._size:
                return
            self._threads += 1
        # Name resolution cannot be interrupted; in a thread of its own it cannot hold the caller.
        thread = Thread(target=self._connect_those_waiting, name="rtc-connect", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            with self._lock:
                self._threads -= 1
            attempt.cancel()
            raise CallFailed(LocalCode.CONNECT_FAILED, str(error)) from error

    def _connect_those_waiting(self) -> None:
        while (attempt := self._next_waiting()) is not None:
            self._connect(attempt)

    def _next_waiting(self) -> "_Attempt | None":
        with self._lock:
            while self._waiting:
                attempt = self._waiting.popleft()
                if not attempt.cancelled():
                    return attempt
            self._threads -= 1
        return None

    def _connect(self, attempt: "_Attempt") -> None:
        connection = self._route.new_connection()
        try:
            connection.connect()
        except Exception as error:  # noqa: BLE001 -- handed over: the caller decides what it means
            connection.close()
            if attempt.set_running_or_notify_cancel():
                attempt.set_exception(error)
        else:
            if attempt.set_running_or_notify_cancel():
                attempt.set_result(connection)
            else:
                self.give_back(connection)


_Attempt = Future[HTTPConnection]


class _Idle(NamedTuple):
    connection: HTTPConnection
    since_monotonic: float
    since_wall: float

    def is_fresh(self) -> bool:
        # The monotonic clock may have stopped with the machine, the wall clock may have been set.
        idle_for = max(time.monotonic() - self.since_monotonic, time.time() - self.since_wall)
        return idle_for < IDLE_LIMIT_SECONDS


def is_alive(connection: HTTPConnection) -> bool:
    """Whether an idle connection is open and silent, as far as this side knows."""
    if connection.is_connected:
        return True
    if not isinstance(connection.sock, ssl.SSLSocket):
        return False
    # Readable, but perhaps only TLS 1.3's session tickets, which follow the handshake: no data in them.
    connection.sock.settimeout(0)
    try:
        connection.sock.recv(1)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    return False


def _server(url: str, schemes: Mapping[str, int]) -> Url:
    """The parts of a URL that names a server; `schemes` maps those allowed to their default port."""
    allowed = " or ".join(f"{scheme}://host[:port]" for scheme in schemes)
    try:
        parts = parse_url(url)
        default_port = schemes[parts.scheme or ""]
    except (LocationParseError, KeyError):
        # Not the URL itself, and no cause: a proxy's may hold a password.
        raise ValueError(f"a URL of the form {allowed} is needed") from None
    if not parts.host or parts.path not in (None, "/") or parts.query or parts.fragment:
        raise ValueError(f"a URL of the form {allowed} is needed")
    return parts._replace(port=None) if parts.port == default_port else parts


@lru_cache(maxsize=1)
def _tls_context(paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """The system's certificates (or SSL_CERT_FILE, SSL_CERT_DIR), certifi's if the system has none.

    Made once: reading them takes longer than everything else that an event does.
    """
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _is_timeout(error: Exception) -> bool:
    # In urllib3 a refused connection is a kind of timeout, for the sake of its old callers.
    if isinstance(error, NewConnectionError):
        return False
    return isinstance(error, (TimeoutError, ConnectTimeoutError))


def _timed_out() -> CallFailed:
    return CallFailed(LocalCode.CONNECT_TIMEOUT, f"no connection within {CONNECT_TIMEOUT_SECONDS:g} s")

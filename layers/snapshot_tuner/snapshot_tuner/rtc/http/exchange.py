"""One request and its answer on an open connection, within one deadline, as `Task`.

A socket's own timeout is per receive: a server that sends a byte now and then could hold a call forever.
"""

import socket
import ssl
import time
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from snapshot_tuner.errors import CallFailed, LocalCode
from snapshot_tuner.rtc.http.tasks import Task, Wait

READ_TIMEOUT_SECONDS = 5.0
"""For each receive, within the whole."""

BODY_LIMIT_BYTES = 64 * 1024
"""A real answer has less than one."""

ANSWER_LIMIT_BYTES = 2 * BODY_LIMIT_BYTES
"""With its header, and with what chunks take besides."""

_RECEIVE_BYTES = 16 * 1024
_FIRST_FINAL_STATUS = 200


class HttpResponse(NamedTuple):
    """An answer that has been read to its end. `reusable` says whether the connection can take another call."""

    status: int
    body: bytes
    reusable: bool


def exchange(sock: socket.socket, request: bytes, *, deadline: float) -> Task[HttpResponse]:
    """Send the request and read the answer. `deadline` is on the monotonic clock, in seconds.

    The socket is one that does not block, from now on. Raises CallFailed, always with `outcome_unknown`: what was
    sent may have arrived.
    """
    try:
        sock.setblocking(False)
        yield from _send(sock, request, deadline)
        return (yield from _receive(sock, deadline))
    except TimeoutError:
        raise _failed(LocalCode.TIMEOUT, "no complete answer in time") from None
    except (OSError, HttpParserError) as error:
        # Only the type is given: the text may quote what the server sent.
        raise _failed(LocalCode.CONNECTION_LOST, f"{type(error).__name__} before the end of the answer") from None


def _send(sock: socket.socket, request: bytes, deadline: float) -> Task[None]:
    unsent = memoryview(request)
    while unsent:
        try:
            unsent = unsent[sock.send(unsent) :]
        except ssl.SSLWantReadError:
            yield _no_longer_than(deadline, sock)
        except (BlockingIOError, ssl.SSLWantWriteError):
            yield _no_longer_than(deadline, sock, to_send=True)


def _receive(sock: socket.socket, deadline: float) -> Task[HttpResponse]:
    reader = _AnswerReader()
    wait = _no_longer_than(deadline, sock)
    while True:
        yield wait
        try:
            received = sock.recv(_RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            # Nothing came, or it was TLS's own. Asked first, so that a machine's pause costs no answer that is there.
            if time.monotonic() >= wait.until:
                raise TimeoutError from None
            continue
        answer = reader.feed(received) if received else reader.end()
        if answer is not None:
            return answer
        wait = _no_longer_than(deadline, sock)


def _no_longer_than(deadline: float, sock: socket.socket, *, to_send: bool = False) -> Wait:
    now = time.monotonic()
    if now >= deadline:
        raise TimeoutError
    return Wait(min(deadline, now + READ_TIMEOUT_SECONDS), sock, to_send)


class _AnswerReader:
    """Pieces in, and the answer once it is whole. The methods `on_...` are the parser's to call."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._received = 0
        self._status = 0
        self._body = b""
        self._has_length = False
        self._answer: HttpResponse | None = None

    def feed(self, received: bytes) -> HttpResponse | None:
        """Raises HttpParserError for what is not HTTP, and CallFailed for an answer that is too long."""
        self._received += len(received)
        try:
            self._parser.feed_data(received)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._answer is None:
                raise HttpParserError from error
            self._answer = self._answer._replace(reusable=False)
        if len(self._body) > BODY_LIMIT_BYTES or self._received > ANSWER_LIMIT_BYTES:
            raise _failed(LocalCode.MALFORMED_ANSWER, f"the answer is longer than {BODY_LIMIT_BYTES} bytes")
        return self._answer

    def end(self) -> HttpResponse:
        """The connection has ended, and with it an answer that did not give its length."""
        if not self._status or self._has_length:
            raise ConnectionResetError
        return HttpResponse(self._status, self._body, reusable=False)

    def on_message_begin(self) -> None:
        if self._answer is not None:  # nobody asked for another
            self._answer = self._answer._replace(reusable=False)

    def on_header(self, name: bytes, _value: bytes) -> None:
        self._has_length |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._status < _FIRST_FINAL_STATUS:  # it announces the answer
            self._status, self._has_length = 0, False
        elif self._answer is None:
            self._answer = HttpResponse(self._status, self._body, self._parser.should_keep_alive())


def _failed(code: LocalCode, message: str) -> CallFailed:
    return CallFailed(code, message, outcome_unknown=True)

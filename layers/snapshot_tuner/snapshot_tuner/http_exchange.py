"""One request and its answer on an open connection, within one deadline.

A socket's own timeout is per receive: a server that sends a byte now and then could hold a call forever.
"""

import http.client
import io
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from snapshot_tuner.api_answers import LocalCode
from snapshot_tuner.errors import CallFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_TIMEOUT_SECONDS = 5.0
"""For each receive, within the whole."""

BODY_LIMIT_BYTES = 64 * 1024
"""A real answer has less than one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has been read to its end. `reusable` says whether the connection can take another call."""

    status: int
    body: bytes
    reusable: bool


def exchange(sock: socket.socket, request: bytes, *, deadline: float) -> Answer:
    """Send the request and read the answer. `deadline` is on the monotonic clock, in seconds.

    Raises CallFailed, always with `outcome_unknown`: what was sent may have arrived.
    """
    stream = _Stream(sock, deadline)
    # All that HTTPResponse asks of a socket is makefile.
    response = http.client.HTTPResponse(cast("socket.socket", stream), method="POST")
    try:
        stream.send(request)
        response.begin()
        expected = response.length
        body = response.read(BODY_LIMIT_BYTES + 1)
    except TimeoutError:
        raise _failed(LocalCode.TIMEOUT, "no whole answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        # The type is all that is told: the text may quote what the server sent.
        raise _failed(LocalCode.CONNECTION_LOST, f"{type(error).__name__} before the end of the answer") from None
    finally:
        response.close()
    if len(body) > BODY_LIMIT_BYTES:
        raise _failed(LocalCode.MALFORMED_ANSWER, f"the answer is longer than {BODY_LIMIT_BYTES} bytes")
    if expected is not None and len(body) < expected:
        raise _failed(LocalCode.CONNECTION_LOST, "closed before the end of the answer")
    return Answer(response.status, body, reusable=not response.will_close)


class _Stream(io.RawIOBase):
    """A socket whose every operation ends at the deadline. Closing it leaves the socket open."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._limit()
        return self._sock.recv_into(buffer)

    def send(self, data: bytes) -> None:
        self._limit()
        self._sock.sendall(data)

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, READ_TIMEOUT_SECONDS))


def _failed(code: LocalCode, message: str) -> CallFailed:
    return CallFailed(code, message, outcome_unknown=True)

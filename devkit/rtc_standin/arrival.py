"""When bytes arrived, as the kernel stamped them: later than that, a busy machine may let us wait to look."""

import os
import socket
import struct
import sys
import time
from asyncio import BaseTransport

_SO_TIMESTAMPNS = 35
"""Linux's number, which the socket module does not name. TCP sockets stamp too (tcp_recv_timestamp)."""

_TIMESPEC = struct.Struct("qq")


def stamp_from_now_on(listener: socket.socket) -> None:
    """Connections stamp from their first byte on.

    The kernel begins some time after the first socket asks it to, and stops with the last: so a listener asks first.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class ArrivalClock:
    """Says when the first byte that waits on a connection arrived; without stamps, that is now.

    There are none outside Linux, and with TLS what waits is not what is read.
    """

    def __init__(self, transport: BaseTransport) -> None:
        self._socket: socket.socket | None = None
        if sys.platform == "linux" and transport.get_extra_info("ssl_object") is None:
            # A second descriptor of the same socket: the transport's own does not read with `recvmsg`.
            self._socket = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def now(self) -> tuple[float, float]:
        """(monotonic, wall), in seconds."""
        monotonic, wall = time.monotonic(), time.time()
        stamped = self._stamp()
        return (monotonic, wall) if stamped is None else (monotonic - (wall - stamped), stamped)

    def _stamp(self) -> float | None:
        if self._socket is None:
            return None
        try:
            _, notes, _, _ = self._socket.recvmsg(1, 64, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:  # nothing waits any more, or the connection is gone: the caller will see
            return None
        for level, kind, data in notes:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                return float(seconds + nanoseconds / 1e9)
        return None

"""A network of some length: a TCP proxy that lets every byte through, each a while later."""

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select

from devkit.serving import LOOPBACK

_BYTES = 1 << 20


class FarWire:
    """To a port of this machine; an answer takes `round_trip` seconds longer than without it."""

    def __init__(self, port: int, round_trip: float) -> None:
        self.round_trip = round_trip
        self._upstream_port = port
        self._closing = threading.Event()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            with suppress(OSError):  # closed by the end of its use
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._carry, args=(client,), daemon=True))
                self._threads[-1].start()

    def _carry(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection((LOOPBACK, self._upstream_port)) as upstream:
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            others = {client: upstream, upstream: client}
            on_the_way: deque[tuple[float, socket.socket, bytes]] = deque()
            while not self._closing.is_set():
                wait = on_the_way[0][0] - time.monotonic() if on_the_way else 0.05
                readable, _, _ = select([client, upstream], [], [], min(max(wait, 0.0), 0.05))
                for end in readable:
                    read = end.recv(_BYTES)
                    if not read:
                        return
                    on_the_way.append((time.monotonic() + self.round_trip / 2, others[end], read))
                while on_the_way and on_the_way[0][0] <= time.monotonic():
                    _, end, read = on_the_way.popleft()
                    end.sendall(read)


@contextmanager
def far_wire(port: int, round_trip: float) -> Iterator[FarWire]:
    """In front of a server on that port, until the end of the block."""
    wire = FarWire(port, round_trip)
    try:
        yield wire
    finally:
        wire.close()

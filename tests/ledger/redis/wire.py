"""A network that a test can break: a TCP proxy in front of a real server."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from select import select


class WireFault(Enum):
    """What happens to the server's replies."""

    NONE = auto()
    LOST_ONCE = auto()  # the next one: the connection closes instead
    SILENT = auto()
    SLOW = auto()  # 0.3 s late, each
    TRICKLING = auto()  # a byte every 0.1 s


class FaultyWire:
    """Everything passes through, but for the fault that is set."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self.fault = WireFault.NONE
        self._deaths = 0
        self._moves = 0
        self._upstream_port = port
        self._tls = tls
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def let_connections_die(self) -> None:
        """Those that are open carry nothing any more, and nobody is told."""
        self._deaths += 1

    def lead_to(self, port: int) -> None:
        """Another server; the connections to this one close."""
        self._upstream_port = port
        self._moves += 1

    def _accept(self) -> None:
        while not self._closing.is_set():
            with suppress(OSError):  # closed by the test's end
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._carry, args=(client,)))
                self._threads[-1].start()

    def _carry(self, plain: socket.socket) -> None:
        deaths, moves = self._deaths, self._moves
        with suppress(OSError), plain, socket.create_connection(("127.0.0.1", self._upstream_port)) as upstream:
            client = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with client:
                while not self._closing.is_set():
                    readable, _, _ = select([client, upstream], [], [], 0.05)
                    if self._moves > moves:
                        return
                    if client in readable:
                        request = client.recv(1 << 20)
                        if not request:
                            return
                        if self._deaths > deaths:
                            continue
                        upstream.sendall(request)
                    if upstream in readable:
                        reply = upstream.recv(1 << 20)
                        if not reply or not self._answer(client, reply):
                            return

    def _answer(self, client: socket.socket, reply: bytes) -> bool:
        """Whether the connection stays."""
        match self.fault:
            case WireFault.NONE:
                client.sendall(reply)
            case WireFault.LOST_ONCE:
                self.fault = WireFault.NONE
                return False
            case WireFault.SILENT:
                pass
            case WireFault.SLOW:
                self._closing.wait(0.3)
                client.sendall(reply)
            case WireFault.TRICKLING:
                for byte in reply:
                    self._closing.wait(0.1)
                    client.sendall(bytes([byte]))
        return True


@contextmanager
def wire_to(port: int, tls: ssl.SSLContext | None = None) -> Iterator[FaultyWire]:
    wire = FaultyWire(port, tls)
    try:
        yield wire
    finally:
        wire.close()

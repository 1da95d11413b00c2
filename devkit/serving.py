"""A server of this process on a thread of its own, for as long as a block lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer

LOOPBACK = "127.0.0.1"


@contextmanager
def serving(server: TCPServer) -> Iterator[str]:
    """Its address as `http://host:port`; it is closed at the end of the block, however that ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()

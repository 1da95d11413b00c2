"""The Function URL's HTTP server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devkit.local_runtime import function_url
from devkit.local_runtime.function import Function
from devkit.local_runtime.function_url import HttpRequest, UrlResponse
from devkit.serving import LOOPBACK, serving

BODY_MOST_BYTES = 6 * 1024 * 1024
"""Lambda's limit of a synchronous invocation's payload."""

_TOO_LARGE = UrlResponse(413, [], b"")
_NO_LENGTH = UrlResponse(411, [], b"")


@contextmanager
def serve_function_url(function: Function) -> Iterator[str]:
    """The URL, without a slash at its end, until the end of the block."""
    server = _Server((LOOPBACK, 0), _Handler)
    server.function = function
    with serving(server) as url:
        yield url


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    function: Function


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True  # header and body are two writes: the second would wait for the first's ACK
    server: _Server

    def _serve(self) -> None:
        self._send(self._answer())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = _serve  # noqa: N815 - http.server's names

    def _answer(self) -> UrlResponse:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return _NO_LENGTH
        given = self.headers.get("Content-Length", "0")
        if not given.isdecimal():
            self.close_connection = True
            return _NO_LENGTH
        length = int(given)
        if length > BODY_MOST_BYTES:
            self.close_connection = True
            return _TOO_LARGE
        request = HttpRequest(
            method=self.command,
            target=self.path,
            headers=self.headers.items(),
            body=self.rfile.read(length),
            sender_ip=self.client_address[0],
        )
        return function_url.to_response(self.server.function.invoke(function_url.to_event(request, datetime.now(UTC))))

    def _send(self, response: UrlResponse) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing: the function's log says what came of the request."""

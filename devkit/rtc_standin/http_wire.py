"""As much of HTTP/1.1 as a server of small JSON bodies needs: requests out of bytes, answers into bytes."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024


class MalformedRequest(Exception):
    """The bytes are no request that this server takes; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request; header names are in lower case, `query` is as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Incoming:
    """A request whose header has arrived; its body is on the way."""

    header: WireRequest
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False


class RequestParser:
    """Feed it bytes; it gives one request at a time and keeps what belongs to the next."""

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._incoming: deque[_Incoming] = deque()
        self._target = bytearray()
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._in_header = False
        self._malformed: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self._incoming and not self._in_header and self._malformed is None

    def feed(self, data: bytes) -> None:
        if self._malformed is not None:
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._refuse(f"not an HTTP/1.1 request: {error}")
        self._header_bytes += len(data)
        if not self._in_header:
            self._header_bytes = 0
        elif self._header_bytes > MAX_HEADER_BYTES:
            self._refuse("the header is too long")

    def read_header(self) -> WireRequest | None:
        """The next request without its body, once its header has arrived. Raises MalformedRequest."""
        if self._incoming:
            return self._incoming[0].header
        if self._malformed is not None:
            raise MalformedRequest(self._malformed)
        return None

    def read_request(self) -> WireRequest | None:
        """The next request once its body has arrived, too. Raises MalformedRequest."""
        if self._incoming and self._incoming[0].is_complete:
            first = self._incoming.popleft()
            return replace(first.header, body=bytes(first.body))
        if self._malformed is not None:
            raise MalformedRequest(self._malformed)
        return None

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._in_header = True
        self._target.clear()
        self._headers.clear()

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        self._in_header = False
        headers = dict(self._headers)
        self._refuse(self._what_is_wrong(headers))
        if self._malformed is None:
            # A proxy is asked for the absolute form; every server has to take it (RFC 9112, 3.2.2).
            parts = urlsplit(self._target.decode("latin-1"))
            method = self._parser.get_method().decode()
            request = WireRequest(method, parts.path or "/", parts.query, MappingProxyType(headers), b"")
            self._incoming.append(_Incoming(request))

    def on_body(self, piece: bytes) -> None:
        if self._malformed is None:
            self._incoming[-1].body.extend(piece)

    def on_message_complete(self) -> None:
        if self._malformed is None:
            self._incoming[-1].is_complete = True

    def _refuse(self, reason: str | None) -> None:
        self._malformed = self._malformed or reason  # the first is why

    def _what_is_wrong(self, headers: Mapping[str, str]) -> str | None:
        """What httptools takes, and this server does not."""
        if self._parser.get_http_version() != "1.1":
            return "not an HTTP/1.1 request"
        if len(headers) < len(self._headers):
            return "a header twice"
        if "host" not in headers:
            return "no Host header"
        if self._parser.should_upgrade():
            return "no other protocol is spoken"
        if "transfer-encoding" in headers:
            return "a body needs a Content-Length"
        if int(headers.get("content-length", "0")) > MAX_BODY_BYTES:
            return "the body is too long"
        return None


def answer(status: int, body: bytes, content_type: str = "application/json") -> tuple[bytes, bytes]:
    """Header and body of an answer, ready to send one after the other."""
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode(), body

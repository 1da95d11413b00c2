"""As much of HTTP/1.1 as a server of small JSON bodies needs: requests out of bytes, answers into bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
_END_OF_HEADER = b"\r\n\r\n"


class MalformedRequest(Exception):
    """The bytes are no request that this server takes; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case, `query` is as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class RequestParser:
    """Feed it bytes; it gives one request at a time and keeps what belongs to the next."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header: Request | None = None

    @property
    def is_empty(self) -> bool:
        return not self._buffer and self._header is None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def read_header(self) -> Request | None:
        """The next request without its body, once its header is there. Raises MalformedRequest."""
        if self._header is None:
            end = self._buffer.find(_END_OF_HEADER)
            if end < 0:
                if len(self._buffer) > MAX_HEADER_BYTES:
                    raise MalformedRequest("the header is too long")
                return None
            self._header = _parse_header(bytes(self._buffer[:end]))
            del self._buffer[: end + len(_END_OF_HEADER)]
        return self._header

    def read_request(self) -> Request | None:
        """The next request once its body is there, too. Raises MalformedRequest."""
        header = self.read_header()
        if header is None:
            return None
        length = header.headers.get("content-length", "0")
        if "transfer-encoding" in header.headers or not (length.isascii() and length.isdigit()):
            raise MalformedRequest("a body needs a Content-Length")
        size = int(length)
        if size > MAX_BODY_BYTES:
            raise MalformedRequest("the body is too long")
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._header = None
        return replace(header, body=body)


def _parse_header(data: bytes) -> Request:
    first, *lines = data.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    if version != "HTTP/1.1":
        raise MalformedRequest("not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if not colon or name.lower() in headers:
            raise MalformedRequest("a header without a colon, or twice")
        headers[name.lower()] = text.strip()
    if "host" not in headers:
        raise MalformedRequest("no Host header")
    # A proxy is asked for the absolute form; every server has to take it (RFC 9112, 3.2.2).
    parts = urlsplit(target)
    return Request(method, parts.path or "/", parts.query, MappingProxyType(headers), b"")


def answer(status: int, body: bytes, content_type: str = "application/json") -> tuple[bytes, bytes]:
    """Header and body of an answer, ready to send one after the other."""
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode(), body

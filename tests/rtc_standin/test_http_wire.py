"""Requests out of bytes, in whatever pieces they come."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.rtc_standin.http_wire import MAX_BODY_BYTES, MAX_HEADER_BYTES, MalformedRequest, RequestParser, WireRequest

POST = b"POST /?Action=A&Version=1 HTTP/1.1\r\nHost: x\r\nX-Date:  now \r\nContent-Length: 5\r\n\r\nhello"
POSTED = WireRequest(
    "POST", "/", "Action=A&Version=1", MappingProxyType({"host": "x", "x-date": "now", "content-length": "5"}), b"hello"
)
GET = b"GET http://rtc.test/_standin/state?x=%20 HTTP/1.1\r\nhost: rtc.test\r\n\r\n"
GOT = WireRequest("GET", "/_standin/state", "x=%20", MappingProxyType({"host": "rtc.test"}), b"")


@given(st.lists(st.integers(0, len(POST + GET + POST)), max_size=8))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    """Three requests, cut anywhere: each comes once, whole, in its turn, and then nothing is left."""
    data = POST + GET + POST
    parser = RequestParser()
    read = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        parser.feed(data[begin:end])
        while (request := parser.read_request()) is not None:
            read.append(request)
    assert read == [POSTED, GOT, POSTED]
    assert parser.is_empty


def test_a_header_is_there_before_its_body() -> None:
    """So that a call has arrived when its first part has; until the rest comes there is no request."""
    parser = RequestParser()
    parser.feed(POST[:-1])
    header = parser.read_header()
    assert header is not None
    assert (header.query, header.body) == (POSTED.query, b"")
    assert parser.read_request() is None
    assert not parser.is_empty
    parser.feed(POST[-1:])
    assert parser.read_request() == POSTED


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nonsense\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\n\r\n", "no Host header"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", "a header twice"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "a body needs a Content-Length"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n", "not an HTTP/1.1 request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), "the body is too long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "no other protocol is spoken"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MAX_HEADER_BYTES, "the header is too long"),
    ],
)
def test_what_is_no_request_of_this_server_says_why(raw: bytes, reason: str) -> None:
    """After a good one, which is still answered; nothing behind it is read."""
    parser = RequestParser()
    parser.feed(GET + raw)
    parser.feed(GET)
    assert parser.read_request() == GOT
    assert not parser.is_empty
    with pytest.raises(MalformedRequest, match=f"^{reason}"):
        parser.read_request()
    with pytest.raises(MalformedRequest, match=f"^{reason}"):
        parser.read_header()

"""One request, one answer, one deadline, over a socket pair: whatever the other end writes."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import CallFailed
from snapshot_tuner.rtc.http.exchange import HttpResponse, exchange
from snapshot_tuner.rtc.http.tasks import run

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def answered(written: bytes) -> HttpResponse:
    """The answer to REQUEST when the other end writes this and ends its side."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(written)
        far.shutdown(socket.SHUT_WR)
        return run(exchange(near, REQUEST, deadline=time.monotonic() + 2))


def test_the_request_is_sent_as_it_is() -> None:
    """Byte for byte, before anything is read."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        run(exchange(near, REQUEST, deadline=time.monotonic() + 2))
        assert far.recv(65536) == REQUEST


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HttpResponse(200, b"ok", reusable=True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", HttpResponse(204, b"", reusable=True)),
        (b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", HttpResponse(429, b"", reusable=True)),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            HttpResponse(200, b"ok", reusable=False),
        ),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", HttpResponse(200, b"ok", reusable=False)),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", HttpResponse(502, b"<html>", reusable=False)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", HttpResponse(200, b"ok", reusable=False)),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\nno",
            HttpResponse(200, b"ok", reusable=False),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            HttpResponse(200, b"ok", reusable=True),
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            HttpResponse(200, b"", reusable=True),
        ),
    ],
)
def test_every_framing_of_http_1_is_read_to_its_end(written: bytes, answer: HttpResponse) -> None:
    """Length, chunks, or until the end of the connection; and whether it can take another call."""
    assert answered(written) == answer


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (b"", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\nContent-", "ConnectionLost"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "ConnectionLost"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "ConnectionLost"),
        (b"SSH-2.0-OpenSSH\r\n", "ConnectionLost"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 140_000 + b"\r\n\r\n", "MalformedAnswer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"x" * 65_537, "MalformedAnswer"),
    ],
)
def test_an_answer_that_breaks_off_or_is_none_is_a_failure_with_an_unknown_outcome(written: bytes, code: str) -> None:
    """The request may have arrived; what came back does not tell."""
    with pytest.raises(CallFailed) as caught:
        answered(written)
    assert (caught.value.code, caught.value.outcome_unknown) == (code, True)


pieces = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 ",
        b"Content-Length: 3\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"ffffffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"\x00\xff",
        b": \r\n",
    ]
)


@given(written=st.lists(pieces | st.binary(max_size=8), max_size=10).map(b"".join))
def test_any_bytes_are_an_answer_or_a_failure_with_an_unknown_outcome(written: bytes) -> None:
    """No other exception gets out, whatever a server or something else on that port writes."""
    try:
        answer = answered(written)
    except CallFailed as failure:
        assert failure.outcome_unknown  # noqa: PT017 -- either way is a valid outcome
    else:
        assert 100 <= answer.status <= 999
        assert len(answer.body) <= 65_536

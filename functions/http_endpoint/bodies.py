"""The bytes of a request's body as its sender meant them, within the limit."""

import zlib
from dataclasses import replace
from typing import Final

from http_endpoint.answers import Problem, Refusal
from http_endpoint.request import Request
from snapshot_tuner.settings import Settings

_GZIP: Final = 16 + zlib.MAX_WBITS
"""For zlib: with gzip's header and trailer."""


def opened(request: Request, settings: Settings) -> Request:
    """The request with its body out of its Content-Encoding; nothing but `gzip` is taken.

    A signature is over what the sender wrote, whatever compressed it on the way. Raises Refusal for a body beyond
    the limit, compressed or not, before anything else is done with it.
    """
    most = settings.http_max_body_bytes
    body = request.body
    if body is None:
        return request
    if len(body) > most:
        raise _too_large(most)
    match request.headers.get("content-encoding", "").strip().lower():
        case "" | "identity":
            return request
        case "gzip" | "x-gzip":
            return replace(request, body=_decompressed(body, most))
        case _:
            detail = "Content-Encoding must be gzip, or left out"
            raise Refusal(Problem.CONTENT_TYPE, detail, {"Accept-Encoding": "gzip"})


def _decompressed(body: bytes, most: int) -> bytes:
    opener = zlib.decompressobj(_GZIP)
    try:
        plain = opener.decompress(body, most + 1)
    except zlib.error:
        raise Refusal(Problem.MALFORMED, "body: is not gzip, though Content-Encoding says so") from None
    if len(plain) > most:
        raise _too_large(most)
    if not opener.eof or opener.unused_data:
        raise Refusal(Problem.MALFORMED, "body: is not one whole gzip, though Content-Encoding says so")
    return plain


def _too_large(most: int) -> Refusal:
    return Refusal(Problem.TOO_LARGE, f"a body has at most {most} bytes")

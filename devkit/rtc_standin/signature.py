"""Verification of the provider's request signature, written from its documentation and not from the SDK.

As the provider documents it: HMAC-SHA256, scope `date/region/service/request`, the secret key as raw text.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.provider_errors import ProviderError, Refused

ALGORITHM = "HMAC-SHA256"
TOLERANCE_SECONDS = 15 * 60
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<access_key>[^/,\s]+)/(?P<date>\d{{8}})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/request, ?SignedHeaders=(?P<signed>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_BASIC_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ALWAYS_SIGNED = frozenset({"host", "x-date"})


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair the stand-in knows; with a session token it is a temporary one."""

    access_key: str = "AKLTstandin"
    secret_key: str = field(default="standin-secret-key", repr=False)
    session_token: str | None = field(default=None, repr=False)


def verify(request: WireRequest, credentials: KeyPair, *, region: str, service: str, now: datetime) -> None:
    """Raise `Refused` unless the request is signed with these credentials, for this scope, and about now."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise Refused(ProviderError.MISSING_AUTHENTICATION_TOKEN, "The request has no Authorization header.")
    parts = _AUTHORIZATION.fullmatch(authorization)
    if parts is None:
        raise Refused(ProviderError.MISSING_SIGNATURE, "The Authorization header holds no signature.")
    if not hmac.compare_digest(parts["access_key"].encode(), credentials.access_key.encode()):
        raise Refused(ProviderError.INVALID_ACCESS_KEY, "The access key is not known.")
    signed = parts["signed"].split(";")
    _check_token(request, credentials, signed)
    timestamp = _check_date(request, now)
    if (parts["region"], parts["service"]) != (region, service):
        raise Refused(ProviderError.INVALID_CREDENTIAL, "The scope names another region or service.")
    if parts["date"] != timestamp[:8]:
        raise Refused(ProviderError.SIGNATURE_DOES_NOT_MATCH, "The scope names another day.")
    if signed != sorted(set(signed)) or not _ALWAYS_SIGNED <= set(signed) <= request.headers.keys():
        raise Refused(ProviderError.SIGNATURE_DOES_NOT_MATCH, "The signed headers are incomplete or unsorted.")
    body_hash = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-content-sha256", body_hash) != body_hash:
        raise Refused(ProviderError.SIGNATURE_DOES_NOT_MATCH, "X-Content-Sha256 is not the hash of the body.")
    scope = f"{parts['date']}/{region}/{service}/request"
    text = "\n".join([ALGORITHM, timestamp, scope, _sha256(canonical_request(request, signed, body_hash))])
    key = signing_key(credentials.secret_key, parts["date"], region, service)
    if not hmac.compare_digest(_hmac(key, text).hex(), parts["signature"]):
        raise Refused(ProviderError.SIGNATURE_DOES_NOT_MATCH, "The signature is not the one we calculate.")


def canonical_request(request: WireRequest, signed: list[str], body_hash: str) -> str:
    """The text whose hash is signed: method, path, query, headers, their names, hash of the body."""
    pairs = sorted((_escape(name), _escape(text)) for name, text in parse_qsl(request.query, keep_blank_values=True))
    headers = "".join(f"{name}:{request.headers[name]}\n" for name in signed)
    query = "&".join(f"{name}={text}" for name, text in pairs)
    return "\n".join([request.method, request.path, query, headers, ";".join(signed), body_hash])


@lru_cache(maxsize=8)
def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = secret_key.encode()
    for part in (date, region, service, "request"):
        key = _hmac(key, part)
    return key


def _check_token(request: WireRequest, credentials: KeyPair, signed: list[str]) -> None:
    token = request.headers.get("x-security-token")
    if token != credentials.session_token:
        raise Refused(ProviderError.INVALID_ACCESS_KEY, "The session token does not belong to the access key.")
    if token is not None and "x-security-token" not in signed:
        raise Refused(ProviderError.SIGNATURE_DOES_NOT_MATCH, "The session token is not signed.")


def _check_date(request: WireRequest, now: datetime) -> str:
    timestamp = request.headers.get("x-date")
    if timestamp is None:
        raise Refused(ProviderError.MISSING_REQUEST_INFO, "The request has no X-Date header.")
    try:
        # The one form that is documented; `strptime` reads it, too, at many times the price.
        signed_at = datetime.fromisoformat(timestamp if _BASIC_TIME.fullmatch(timestamp) else "")
    except ValueError:
        raise Refused(ProviderError.INVALID_TIMESTAMP, "X-Date is not a time.") from None
    if abs((now - signed_at).total_seconds()) > TOLERANCE_SECONDS:
        raise Refused(ProviderError.INVALID_TIMESTAMP, "X-Date is too far from our clock.")
    return timestamp


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

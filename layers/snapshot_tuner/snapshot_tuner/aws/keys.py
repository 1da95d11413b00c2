"""The AWS keys of the function's role, wherever Lambda has put them, without an SDK.

They are in the environment; under SnapStart an endpoint on the function's own machine hands them out instead, as it
does in containers (AWS SDKs and Tools reference guide, "Container credential provider").
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from snapshot_tuner.aws import loopback
from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import CallFailed, LedgerUnavailable, SettingsError
from snapshot_tuner.formats.rfc3339 import to_microseconds

RENEWED_BEFORE_END_SECONDS = 300
"""How long before the old ones end new ones are requested."""

FETCH_SECONDS = 0.5
"""For the endpoint's whole answer: it is part of the time that the ledger may cost a batch."""

_ACCESS_KEY, _SECRET_KEY, _SESSION_TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN, _TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
"""Where keys may come from over plain HTTP, according to the same guide."""

_VISIBLE = re.compile(r"[\x20-\x7e]+")
_OK = 200


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """A key pair; with a session token it is a temporary one, which `ends_us` microseconds after the epoch."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    ends_us: int | None = None


class RoleKeys:
    """The keys as they are now; those of the endpoint are kept until shortly before their end."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._fetched: AwsKeys | None = None

    def current(self) -> AwsKeys:
        """Raises SettingsError if the environment names no keys, LedgerUnavailable if nothing hands them out."""
        environ = self._environ
        if environ.get(_ACCESS_KEY):
            if not environ.get(_SECRET_KEY):
                raise SettingsError(_SECRET_KEY, f"is not set, but {_ACCESS_KEY} is")
            return AwsKeys(environ[_ACCESS_KEY], environ[_SECRET_KEY], environ.get(_SESSION_TOKEN) or None)
        if not environ.get(_URI):
            raise SettingsError(_ACCESS_KEY, f"is not set, nor is {_URI}; the ledger's IAM token needs one of them")
        if self._left_seconds() < RENEWED_BEFORE_END_SECONDS:
            try:
                self._fetched = self._fetch()
            except LedgerUnavailable:
                if self._left_seconds() <= 0:
                    raise
        return self._fetched  # type: ignore[return-value] # none is left for no time

    def _left_seconds(self) -> float:
        if self._fetched is None or self._fetched.ends_us is None:
            return 0.0
        return (self._fetched.ends_us - self._clock.wall_us()) / 1e6

    def _fetch(self) -> AwsKeys:
        host, port, target = _endpoint(self._environ[_URI])
        token = self._authorization()
        headers = {"Accept": "application/json", **({"Authorization": token} if token else {})}
        try:
            answer = loopback.get(host, port, target, headers, seconds=FETCH_SECONDS)
        except CallFailed as error:
            raise _none(f"no complete answer: {error.code}") from None
        except OSError as error:
            raise _none(type(error).__name__) from None
        if answer.status != _OK:
            raise _none(f"it answered HTTP {answer.status}")
        return _keys(answer.body)

    def _authorization(self) -> str | None:
        """From the file, where one is named: it is the one that is renewed."""
        path = self._environ.get(_TOKEN_FILE)
        try:
            token = Path(path).read_text("ascii").strip() if path else self._environ.get(_TOKEN, "")
        except (OSError, ValueError):
            raise SettingsError(_TOKEN_FILE, "names a file that cannot be read") from None
        if token and not _VISIBLE.fullmatch(token):
            raise SettingsError(_TOKEN_FILE if path else _TOKEN, "cannot be sent in a header")
        return token or None


def _endpoint(uri: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if host not in _HOSTS or parts.scheme != "http" or not re.fullmatch(r"[\x21-\x7e]+", uri):
        raise SettingsError(_URI, "must be an http:// address of this machine")
    return host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _keys(body: bytes) -> AwsKeys:
    try:
        members = json.loads(body)
        access_key, secret_key, token, end = (
            members[name] for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        )
        if not all(_VISIBLE.fullmatch(text) for text in (access_key, secret_key, token)):
            raise ValueError("not printable")  # noqa: TRY301 - as all that is wrong with the answer
        return AwsKeys(access_key, secret_key, token, to_microseconds(end))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _none("its answer has no keys") from None


def _none(reason: str) -> LedgerUnavailable:
    """It contains no text of an answer."""
    return LedgerUnavailable(f"no AWS keys for the ledger's IAM token from {_URI}: {reason}")

"""IAM's side of a token: whether botocore, given the same keys, would have signed it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_LONGEST_SECONDS = 900
_SKEW = timedelta(minutes=5)
_FORMAT = "%Y%m%dT%H%M%SZ"


class TokenRefused(Exception):
    """Says why, but not to the client."""


@dataclass(frozen=True, slots=True)
class RoleKey:
    """A key pair that IAM knows for a role with elasticache:Connect."""

    access_key: str = "ASIASTANDIN"
    secret_key: str = field(default="standin-secret", repr=False)
    session_token: str | None = field(default="standin/session+token==", repr=False)

    def environment(self) -> dict[str, str]:
        """Where Lambda puts it."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key, **token}


def verify(token: str, *, user: str, cache: str, region: str, keys: Mapping[str, RoleKey], now: datetime) -> None:
    """Raise TokenRefused unless one of these keys signed the token, for this user, cache and region, and about now."""
    host, _, query = token.partition("/?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    signature = parameters.pop("X-Amz-Signature", "")
    expected = {
        "Action": "connect",
        "User": user,
        "ResourceType": "ServerlessCache",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-SignedHeaders": "host",
    }
    if host != cache.lower() or any(parameters.get(name) != text for name, text in expected.items()):
        raise TokenRefused("it is for another cache, user or action")
    access_key, _, scope = parameters.get("X-Amz-Credential", "").partition("/")
    key = keys.get(access_key)
    time = parameters.get("X-Amz-Date", "")
    if key is None or parameters.get("X-Amz-Security-Token") != key.session_token:
        raise TokenRefused("the key or its session token is not known")
    if scope != f"{time[:8]}/{region}/elasticache/aws4_request":
        raise TokenRefused("it is for another region or service")
    _check_time(time, parameters.get("X-Amz-Expires", ""), now)
    if not hmac.compare_digest(_signature(host, parameters, key, region, time), signature):
        raise TokenRefused("the signature is not the one of the key")


def _check_time(time: str, expires: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(time, _FORMAT).replace(tzinfo=UTC)
        seconds = int(expires)
    except ValueError:
        raise TokenRefused("it says no time") from None
    if seconds > _LONGEST_SECONDS or not signed_at - _SKEW <= now <= signed_at + timedelta(seconds=seconds):
        raise TokenRefused("it has expired, or is not valid yet")


def _signature(host: str, parameters: Mapping[str, str], key: RoleKey, region: str, time: str) -> str:
    request = AWSRequest(method="GET", url=f"https://{host}/", params=dict(parameters))
    request.context["timestamp"] = time
    signer = SigV4QueryAuth(
        Credentials(key.access_key, key.secret_key, key.session_token), "elasticache", region, expires=_LONGEST_SECONDS
    )
    text = signer.string_to_sign(request, signer.canonical_request(request))
    found: str = signer.signature(text, request)
    return found

"""The password of an ElastiCache user that is authenticated by IAM: a signed request that is never sent.

Signature Version 4 in the query, as in the ElastiCache user guide, "Authenticating with IAM". A token opens connections
for 15 minutes, or as long as its keys last; what it has opened stays open.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from snapshot_tuner.aws.keys import AwsKeys, RoleKeys
from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import SettingsError

EXPIRES_SECONDS = 900
_ALGORITHM = "AWS4-HMAC-SHA256"
_NOTHING = hashlib.sha256(b"").hexdigest()


class IamTokens:
    """Tokens of the function's role in its region."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._keys = RoleKeys(environ, clock)

    def token(self, user: str, cache: str) -> str:
        """A fresh one. Raises SettingsError for what the environment lacks, LedgerUnavailable without keys."""
        region = self._environ.get("AWS_REGION")
        if not region:
            raise SettingsError("AWS_REGION", "is not set; the ledger's IAM token needs it")
        return signed(user, cache, region, self._keys.current(), self._clock.wall_us())


def signed(user: str, cache: str, region: str, keys: AwsKeys, now_us: int) -> str:
    """The token of a serverless cache's user at a time in microseconds since the epoch."""
    time = datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{region}/elasticache/aws4_request"
    parameters = {
        "Action": "connect",
        "ResourceType": "ServerlessCache",
        "User": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(EXPIRES_SECONDS),
        **({"X-Amz-Security-Token": keys.session_token} if keys.session_token else {}),
        "X-Amz-SignedHeaders": "host",
    }  # sorted, as what is signed has to be
    query = "&".join(f"{name}={quote(text, safe='-_.~')}" for name, text in parameters.items())
    host = cache.lower()
    request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{_NOTHING}"
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{host}/?{query}&X-Amz-Signature={key.hex()}"

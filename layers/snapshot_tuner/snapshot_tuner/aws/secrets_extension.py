"""The AWS Parameters and Secrets extension of Lambda: Secrets Manager over HTTP on loopback, without an SDK.

Its facts are in the AWS Secrets Manager user guide, "Use AWS Secrets Manager secrets in AWS Lambda
functions". It serves invocations only, not the initialisation of a function.
"""

import json
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from snapshot_tuner.aws import loopback
from snapshot_tuner.errors import CallFailed, SettingsError
from snapshot_tuner.rtc.http.exchange import HttpResponse

READ_SECONDS = 3.0
"""For one secret, all in all."""

_NOT_READY = b"not ready to serve traffic"
"""It says so (HTTP 400) until it has itself heard of the first invocation, which may reach us before."""

_NOT_READY_PAUSE_SECONDS = 0.02
_OK = 200


@dataclass(frozen=True, slots=True)
class SecretsExtension:
    """Where it listens, and the token that shows a request to come from inside the function."""

    port: int
    token: str = field(repr=False)

    def secret_string(self, variable: str, arn: str) -> str:
        """The secret's current text. Raises SettingsError that names `variable`; no text of an answer is in it."""
        deadline = time.monotonic() + READ_SECONDS
        try:
            answer = self._get(arn, deadline)
            while answer.status != _OK and _NOT_READY in answer.body and time.monotonic() < deadline:
                time.sleep(_NOT_READY_PAUSE_SECONDS)
                answer = self._get(arn, deadline)
        except CallFailed as error:
            raise SettingsError(variable, f"the secrets extension gave no whole answer: {error.code}") from None
        except OSError as error:
            reason = f"no secrets extension on port {self.port}; is its layer there? ({type(error).__name__})"
            raise SettingsError(variable, reason) from None
        if answer.status != _OK:
            reason = f"the secrets extension answered HTTP {answer.status}; its own lines in the log say why"
            raise SettingsError(variable, reason)
        return _secret_string(variable, answer.body)

    def _get(self, arn: str, deadline: float) -> HttpResponse:
        target = f"/secretsmanager/get?secretId={quote(arn, safe='')}"
        headers = {"X-Aws-Parameters-Secrets-Token": self.token}
        seconds = max(_NOT_READY_PAUSE_SECONDS, deadline - time.monotonic())
        return loopback.get("localhost", self.port, target, headers, seconds=seconds)


def _secret_string(variable: str, body: bytes) -> str:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = None
    text = members.get("SecretString") if isinstance(members, dict) else None
    if not isinstance(text, str) or not text:
        raise SettingsError(variable, "the secrets extension answered without a SecretString")
    return text

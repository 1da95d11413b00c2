"""The AWS Parameters and Secrets extension of Lambda: both over HTTP on loopback, without an SDK.

Its facts are in the AWS Secrets Manager user guide, "Use AWS Secrets Manager secrets in AWS Lambda
functions", and in that of Systems Manager, "Using Parameter Store parameters in AWS Lambda functions". It serves
invocations only, not the initialisation of a function.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote

from snapshot_tuner.aws import loopback
from snapshot_tuner.errors import CallFailed, SettingsError
from snapshot_tuner.rtc.http.exchange import HttpResponse

READ_SECONDS = 3.0
"""For one secret, in total."""

_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
_TOKENS = ("AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
"""Under SnapStart Lambda sets the second one instead of the first."""

_NOT_READY = b"not ready to serve traffic"
"""It answers so (HTTP 400) until it has heard of the first invocation itself, which may reach us earlier."""

_NOT_READY_PAUSE_SECONDS = 0.02
_OK = 200


@dataclass(frozen=True, slots=True)
class SecretsExtension:
    """Where it listens, and the token that shows a request to come from inside the function."""

    port: int
    token: str = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """As the environment says. Raises SettingsError."""
        return cls(_port(environ), _token(environ))

    def secret_string(self, variable: str, arn: str) -> str:
        """The secret's current text. Raises SettingsError that names `variable`; no text of an answer is in it."""
        target = f"/secretsmanager/get?secretId={quote(arn, safe='')}"
        match self._read(variable, target, READ_SECONDS):
            case {"SecretString": str(text)} if text:
                return text
            case _:
                raise SettingsError(variable, "the secrets extension answered without a SecretString")

    def parameter(self, variable: str, name: str, *, seconds: float) -> str:
        """The value of the SSM parameter, within this many seconds. Otherwise as `secret_string`."""
        target = f"/systemsmanager/parameters/get?name={quote(name, safe='')}"
        match self._read(variable, target, seconds):
            case {"Parameter": {"Value": str(text)}} if text:
                return text
            case _:
                raise SettingsError(variable, "the secrets extension answered without a parameter's Value")

    def _read(self, variable: str, target: str, seconds: float) -> object:
        deadline = time.monotonic() + seconds
        try:
            answer = self._get(target, deadline)
            while answer.status != _OK and _NOT_READY in answer.body and time.monotonic() < deadline:
                time.sleep(_NOT_READY_PAUSE_SECONDS)
                answer = self._get(target, deadline)
        except CallFailed as error:
            raise SettingsError(variable, f"the secrets extension gave no complete answer: {error.code}") from None
        except OSError as error:
            reason = f"no secrets extension on port {self.port}; is its layer attached? ({type(error).__name__})"
            raise SettingsError(variable, reason) from None
        if answer.status != _OK:
            reason = f"the secrets extension answered HTTP {answer.status}; its own lines in the log say why"
            raise SettingsError(variable, reason)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            return None

    def _get(self, target: str, deadline: float) -> HttpResponse:
        headers = {"X-Aws-Parameters-Secrets-Token": self.token}
        seconds = max(_NOT_READY_PAUSE_SECONDS, deadline - time.monotonic())
        return loopback.get("localhost", self.port, target, headers, seconds=seconds)


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(_PORT, "").strip() or "2773"
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - the greatest port
        raise SettingsError(_PORT, "must be a port, 1 to 65535")
    return int(text)


def _token(environ: Mapping[str, str]) -> str:
    for name in _TOKENS:
        token = environ.get(name, "")
        if re.fullmatch(r"[\x21-\x7e]+", token):
            return token
    raise SettingsError(_TOKENS[0], "is not set; secrets can be read inside a Lambda function only")

"""The function URL, asked with a proof of who asks."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from devkit.tuner.doctor.ticks import Tick

_SECONDS = 30
_IN_HOST = re.compile(r"\.(?:lambda-url|execute-api)\.([a-z0-9-]+)\.")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Url:
    """`token` goes before AWS's credentials."""

    address: str
    region: str | None
    token: str | None

    @property
    def is_local(self) -> bool:
        return urlsplit(self.address).hostname in _LOOPBACK

    def check(self) -> list[Tick]:
        """One tick for the way there, and those that the deployment gives itself."""
        try:
            status, body = self._post("/health/check")
        except BotoCoreError as error:
            return [Tick("url", ok=False, says=f"AWS's credentials cannot be used: {error}", advice="aws login")]
        except (URLError, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            return [Tick("url", ok=False, says=f"cannot be reached: {why}", advice="see whether the URL is right")]
        return _ticks(status, body)

    def _post(self, path: str) -> tuple[int, bytes]:
        address = f"{self.address.rstrip('/')}{path}"
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError("it is no http:// or https:// address")
        headers = {"Content-Type": "application/json", **self._proof(address)}
        try:
            with urlopen(Request(address, b"", headers, method="POST"), timeout=_SECONDS) as answer:  # noqa: S310 - looked at above
                return int(answer.status), answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def _proof(self, address: str) -> dict[str, str]:
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        session = Session()
        session.set_config_variable("metadata_service_timeout", 1)
        # On this machine nobody checks; to look for an instance's role would only take time.
        credentials = None if self.is_local else session.get_credentials()
        if credentials is None:
            return {}
        found = _IN_HOST.search(address)
        region = self.region or (found[1] if found else None) or session.get_config_variable("region")
        request = AWSRequest("POST", address, data=b"", headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, "execute-api" if ".execute-api." in address else "lambda", region).add_auth(request)
        return dict(request.headers.items())


def _ticks(status: int, body: bytes) -> list[Tick]:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        answer = None
    problem = answer if isinstance(answer, dict) else {}
    if isinstance(checks := problem.get("checks"), list):
        return [Tick("url", ok=True, says="reached, and lets you in"), *map(_from_check, checks)]
    match status:
        case HTTPStatus.FORBIDDEN:
            advice = "grant lambda:InvokeFunctionUrl and lambda:InvokeFunction on the output HttpEndpointArn"
            return [Tick("url", ok=False, says="AWS does not let you in", advice=advice)]
        case HTTPStatus.UNAUTHORIZED:
            advice = "with HTTP_AUTH=iam give AWS credentials; with signature set TUNER_TOKEN to one of WEBHOOK_TOKENS"
            return [Tick("url", ok=False, says=str(problem.get("detail", "you are not let in")), advice=advice)]
        case HTTPStatus.INTERNAL_SERVER_ERROR if "detail" in problem:
            reached = Tick("url", ok=True, says="reached")
            advice = "see the line deployment_wrong in the log of http_endpoint"
            return [reached, Tick("secrets", ok=False, says=str(problem["detail"]), advice=advice)]
        case HTTPStatus.BAD_GATEWAY | HTTPStatus.INTERNAL_SERVER_ERROR:
            advice = "see the log of http_endpoint: wrong settings or a wrong policy stop it at its start"
            return [Tick("url", ok=False, says=f"the function does not run (HTTP {status})", advice=advice)]
        case _:
            advice = "see whether it is the URL of this application, of this version"
            return [Tick("url", ok=False, says=f"answers HTTP {status} and no checks", advice=advice)]


def _from_check(check: dict[str, Any]) -> Tick:
    facts = {name: value for name, value in check.items() if name not in ("check", "ok", "says", "do")}
    return Tick(str(check["check"]), check["ok"], str(check["says"]), check.get("do"), facts)

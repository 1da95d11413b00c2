"""The function URL, and what it says of the deployment."""

import json
from http import HTTPStatus
from typing import Any
from urllib.error import URLError

from botocore.exceptions import BotoCoreError

from devkit.tuner.doctor.endpoint import Endpoint
from devkit.tuner.doctor.ticks import Tick


def check(endpoint: Endpoint) -> list[Tick]:
    """One tick for the way there, and those that the deployment gives itself."""
    try:
        status, body = endpoint.ask("POST", "/health/check")
    except BotoCoreError as error:
        return [Tick("url", ok=False, says=f"AWS's credentials cannot be used: {error}", advice="aws login")]
    except (URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        return [Tick("url", ok=False, says=f"cannot be reached: {why}", advice="see whether the URL is right")]
    return _ticks(status, body)


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

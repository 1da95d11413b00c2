"""HTTP to a Function URL's event and back, payload format 2.0.

Source: AWS Lambda Developer Guide, "Invoking Lambda function URLs". It does not list the content types that count
as text; those here were found out by others against the service itself.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from devkit.local_runtime.aws_api import ACCOUNT, REGION
from devkit.local_runtime.sandbox import InvocationResult

_URL_ID = "local00000000000000000000000000url"
_DOMAIN = f"{_URL_ID}.lambda-url.{REGION}.on.aws"
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came: `target` is path and query, headers in their order, repeated ones repeated."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    sender_ip: str


@dataclass(frozen=True, slots=True)
class UrlResponse:
    """What the sender gets."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


BAD_GATEWAY = UrlResponse(502, [("Content-Type", "text/plain")], b"Internal Server Error")
"""What a failed invocation and an invalid answer look like from outside."""


def to_event(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The event; the caller counts as checked, since nobody signs requests to this machine."""
    parts = urlsplit(request.target)
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        key = name.lower()
        if key == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";")]
        else:
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": headers | {"x-forwarded-for": request.sender_ip, "x-forwarded-proto": "https"},
        "requestContext": _request_context(request, parts.path, headers.get("user-agent", ""), now),
    }
    if cookies:
        event["cookies"] = cookies
    if parts.query:
        event["queryStringParameters"] = _query(parts.query)
    return event | _body(request.body, headers.get("content-type", ""))


def to_response(answer: InvocationResult) -> UrlResponse:
    """What the handler's answer says. One without `statusCode` is the body of a 200 in JSON."""
    if answer.failed:
        return BAD_GATEWAY
    value = json.loads(answer.payload)
    if not isinstance(value, dict) or "statusCode" not in value:
        return UrlResponse(200, [("Content-Type", "application/json")], answer.payload)
    match value:
        case {"statusCode": int(status)} if 100 <= status <= 599:  # noqa: PLR2004 - HTTP's own limits
            pass
        case _:
            return BAD_GATEWAY
    body = _response_body(value)
    if body is None:
        return BAD_GATEWAY
    headers = [(str(name), str(content)) for name, content in (value.get("headers") or {}).items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return UrlResponse(status, [*headers, *(("Set-Cookie", cookie) for cookie in value.get("cookies") or ())], body)


def _request_context(request: HttpRequest, path: str, user_agent: str, now: datetime) -> dict[str, Any]:
    caller = f"arn:aws:iam::{ACCOUNT}:user/local"
    return {
        "accountId": ACCOUNT,
        "apiId": _URL_ID,
        "authorizer": {
            "iam": {
                "accessKey": "AKIALOCAL",
                "accountId": ACCOUNT,
                "callerId": "AIDALOCAL",
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": caller,
                "userId": "AIDALOCAL",
            }
        },
        "domainName": _DOMAIN,
        "domainPrefix": _URL_ID,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.sender_ip,
            "userAgent": user_agent,
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": now.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _query(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXT_TYPES:
        return {"body": body.decode("utf-8", "replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _response_body(value: dict[str, Any]) -> bytes | None:
    """None where there is a body that cannot be sent."""
    text = value.get("body")
    if text is None:
        return b""
    if not isinstance(text, str):
        return None
    if not value.get("isBase64Encoded"):
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None

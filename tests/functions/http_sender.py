"""HTTP requests to the function URL in this process: a sender, with or without a proof of who it is."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from standardwebhooks import Webhook

from http_endpoint.handler import lambda_handler
from tests.functions.conftest import Deployment

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RTC_SECRET = "callback secret"
JSON = {"Content-Type": "application/json"}
USER = "arn:aws:iam::123456789012:user/u"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back; header names in small letters."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.text)
        return value

    @property
    def problem(self) -> str:
        """The last part of the type of a problem; fails where the answer is none."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:snapshot-tuner:problem:")

    @property
    def outcomes(self) -> list[str]:
        return [outcome["outcome"] for outcome in self.json["outcomes"]]


def send(
    deployment: Deployment,
    method: str,
    path: str,
    body: object = b"",
    headers: Mapping[str, str] = JSON,
    *,
    principal: str | None = USER,
) -> HttpReply:
    """One request, of somebody whom Lambda has checked; a body that is neither text nor bytes is sent as JSON."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    raw = text.encode() if isinstance(text, str) else text
    checked = {"iam": {"accountId": "123456789012" if principal else "", "userArn": principal}}
    authorizer: dict[str, Any] = {"authorizer": checked} if principal is not None else {}
    event = {
        "version": "2.0",
        "rawPath": path.partition("?")[0],
        "rawQueryString": path.partition("?")[2],
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"},
            "stage": "$default",
            "requestId": "request",
            "timeEpoch": int(deployment.started.timestamp() * 1000),
            **authorizer,
        },
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }
    return handle(deployment, event)


def handle(deployment: Deployment, event: object) -> HttpReply:
    """What the function answers to the event of a front."""
    answer = lambda_handler(event, deployment.context)
    found = {name.lower(): value for name, value in answer["headers"].items()}
    return HttpReply(answer["statusCode"], found, answer["body"])


def signed(
    body: object = b"", *, secret: str = SECRET, message_id: str = "msg-1", seconds: float = 0
) -> dict[str, str]:
    """The headers that the package of the specification's authors makes, `seconds` from now."""
    text = body if isinstance(body, str) else body.decode() if isinstance(body, bytes) else json.dumps(body)
    now = datetime.now(UTC) + timedelta(seconds=seconds)
    signature = Webhook(secret).sign(message_id, now, text)
    proof = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return JSON | proof


def callback(
    deployment: Deployment,
    data: object,
    *,
    event_id: str = "rtc-1",
    event_type: str = "RoomLoad",
    secret: str = RTC_SECRET,
) -> dict[str, str]:
    """A callback as the RTC service sends it."""
    members = {
        "EventType": event_type,
        "EventData": data if isinstance(data, str) else json.dumps(data),
        "EventTime": deployment.started.isoformat(),
        "EventId": event_id,
        "AppId": "app",
        "Version": "2020-12-01",
        "Nonce": "n0nce",
    }
    signature = sha256("".join(sorted([*members.values(), secret])).encode()).hexdigest()
    return members | {"Signature": signature}

"""Calls as the stand-in gets them: signed, and whole or with any part changed."""

import hashlib
import hmac
import http.client
import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from devkit.rtc_standin import KeyPair, StandIn
from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.signature import canonical_request, signing_key
from snapshot_tuner.model import TaskRef

TASK = TaskRef("app", "room", "task")
BODY = {"AppId": "app", "RoomId": "room", "TaskId": "task", "ImageConfig": {"Interval": 7}}


@dataclass(frozen=True)
class Signing:
    """A signed UpdateSnapshot whose parts a test can change, before (fields) or after signing (`tampered`)."""

    credentials: KeyPair = field(default_factory=KeyPair)
    region: str = "cn-north-1"
    service: str = "rtc"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    query: str = "Action=UpdateSnapshot&Version=2023-11-01"
    body: bytes = field(default_factory=lambda: json.dumps(BODY).encode())
    signed: tuple[str, ...] = ("content-type", "host", "x-content-sha256", "x-date")
    extra: tuple[tuple[str, str], ...] = ()

    def request(self, host: str = "localhost") -> WireRequest:
        date = self.at.strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(self.body).hexdigest()
        headers = {"host": host, "content-type": "application/json", "x-date": date, "x-content-sha256": digest}
        headers |= dict(self.extra)
        request = WireRequest("POST", "/", self.query, MappingProxyType(headers), self.body)
        scope = f"{date[:8]}/{self.region}/{self.service}/request"
        canonical = canonical_request(request, list(self.signed), digest)
        text = "\n".join(["HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = signing_key(self.credentials.secret_key, date[:8], self.region, self.service)
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        authorization = (
            f"HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(self.signed)}, Signature={signature}"
        )
        return tampered(request, authorization=authorization)


def tampered(request: WireRequest, **headers: str | None) -> WireRequest:
    changed = {**request.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
    kept = {name: text for name, text in changed.items() if text is not None}
    return replace(request, headers=MappingProxyType(kept))


def send(stand_in: StandIn, request: WireRequest) -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=5)) as connection:
        target = f"{request.path}?{request.query}" if request.query else request.path
        connection.request(request.method, target, request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def update(stand_in: StandIn, **changes: object) -> tuple[int, dict[str, Any]]:
    body = {name: content for name, content in (BODY | changes).items() if content is not None}
    return send(stand_in, Signing(body=json.dumps(body).encode()).request(f"127.0.0.1:{stand_in.port}"))


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["ResponseMetadata"]["Error"]["Code"]

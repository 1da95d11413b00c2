"""The endpoint that hands out a function's AWS keys under SnapStart: a real HTTP server on a free loopback port."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.formats.rfc3339 import from_microseconds
from tests.aws.answers import serving_answers

AUTHORIZATION = "the-container-token"
PATH = "/v1/credentials?of=function"


@dataclass
class KeysEndpoint:
    """`asked` counts its answers; a `status` and `body` that are set are given in place of keys, None is silence."""

    port: int = 0
    access_key: str = "AKIAFIRST"
    secret_key: str = "first-secret"
    token: str = "first/session+token=="
    lives_seconds: float = 3600.0
    status: int = 200
    body: bytes | None = b""
    asked: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_REGION": "eu-central-1",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}{PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION,
        }

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes] | None:
        self.asked += 1
        if self.body is None:
            return None
        if self.body or self.status != 200:
            return self.status, self.body
        if (path, authorization) != (PATH, AUTHORIZATION):
            return 403, b"who are you?"
        end = SystemClock().wall_us() + round(self.lives_seconds * 1e6)
        return 200, json.dumps(
            {
                "AccessKeyId": self.access_key,
                "SecretAccessKey": self.secret_key,
                "Token": self.token,
                "Expiration": from_microseconds(end),
            }
        ).encode()


@contextmanager
def running() -> Iterator[KeysEndpoint]:
    endpoint = KeysEndpoint()
    with serving_answers(endpoint.answer, "Authorization", endpoint.over) as endpoint.port:
        yield endpoint

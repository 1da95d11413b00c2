"""The endpoint that hands out a function's AWS keys under SnapStart: a real HTTP server on a free loopback port."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.formats.rfc3339 import from_microseconds

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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = endpoint.answer(self.path, self.headers.get("Authorization"))
            if answer is None:
                endpoint.over.wait(30)
                self.close_connection = True
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.over.set()
            server.shutdown()
            thread.join()

"""A Kafka topic on this machine: its records in memory, and requests in the words of Confluent's REST proxy (v2).

`POST /topics/NAME` with `{"records": [{"key": "room-1", "value": {…}}]}` appends; records of one key keep their order.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from devkit.serving import LOOPBACK, serving

PARTITIONS = 3
RECORDS_TYPE = "application/vnd.kafka.json.v2+json"


@dataclass(slots=True)
class Topic:
    """The records of each partition, as Lambda hands them over. Thread-safe."""

    name: str
    url: str = ""
    partitions: list[list[dict[str, Any]]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, key: str | None, value: bytes | None, headers: dict[str, str] | None = None) -> tuple[int, int]:
        """Returns partition and offset."""
        with self._lock:
            number = crc32((key or "").encode()) % PARTITIONS
            records = self.partitions[number]
            records.append(
                {
                    "topic": self.name,
                    "partition": number,
                    "offset": len(records),
                    "timestamp": time.time_ns() // 1_000_000,
                    "timestampType": "CREATE_TIME",
                    "key": None if key is None else base64.b64encode(key.encode()).decode(),
                    "value": None if value is None else base64.b64encode(value).decode(),
                    "headers": [{name: list(text.encode())} for name, text in (headers or {}).items()],
                }
            )
            return number, len(records) - 1

    def read(self, number: int, offset: int, most: int) -> list[dict[str, Any]]:
        """Records of a partition from an offset on."""
        with self._lock:
            return self.partitions[number][offset : offset + most]


@contextmanager
def served_topic(name: str) -> Iterator[Topic]:
    """The topic, and its address, until the end of the block."""
    server = _Server((LOOPBACK, 0), _Handler)
    server.topic = Topic(name, f"http://{LOOPBACK}:{server.server_port}/topics/{name}")
    with serving(server):
        yield server.topic


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    topic: Topic


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if unquote(self.path) != f"/topics/{self.server.topic.name}":
            self._send(HTTPStatus.NOT_FOUND, {"error_code": 40401, "message": "Topic not found."})
            return
        try:
            records = [(_key(each), each["value"]) for each in json.loads(body)["records"]]
        except (ValueError, TypeError, KeyError) as error:
            reason = f"must be {{'records': [{{'key': text, 'value': JSON}}]}}: {error!r}"
            self._send(HTTPStatus.UNPROCESSABLE_ENTITY, {"error_code": 422, "message": reason})
            return
        places = [
            self.server.topic.append(key, None if value is None else json.dumps(value, ensure_ascii=False).encode())
            for key, value in records
        ]
        self._send(HTTPStatus.OK, {"offsets": [{"partition": number, "offset": offset} for number, offset in places]})

    def _send(self, status: HTTPStatus, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", RECORDS_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing: the function's log says what came of the records."""


def _key(record: dict[str, Any]) -> str | None:
    key = record.get("key")
    return key if key is None or isinstance(key, str) else json.dumps(key)

"""What the platform's triggers send, and how often they try again."""

import http.client
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from devkit.serving import LOOPBACK
from snapshot_tuner.formats import rfc3339

_LENGTH: Final = struct.Struct(">I")
_FAILED_FROM: Final = 400
_ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class KafkaMessage:
    """A message of topic `rooms`, partition 0."""

    offset: int
    body: bytes = field(repr=False)
    sent_us: int = field(default_factory=lambda: time.time_ns() // 1000)

    @property
    def headers(self) -> dict[str, str]:
        """As CloudEvents attributes in binary mode."""
        return {
            "ce-specversion": "1.0",
            "ce-id": f"kafka-{self.offset}",
            "ce-source": "kafka",
            "ce-type": "faas.kafka.event",
            "ce-time": rfc3339.from_microseconds(self.sent_us) or "",
            "ce-topic": "rooms",
            "ce-partition": "0",
            "ce-offset": str(self.offset),
            "ce-consumergroup": "snapshot-tuner",
            "content-type": "application/json",
        }


class FunctionAnswer(NamedTuple):
    """Of an instance."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_settled(self) -> bool:
        return self.status < _FAILED_FROM


def request(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> FunctionAnswer:
    """Raises OSError or HTTPException where the instance is gone."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return FunctionAnswer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


def send_message(port: int, message: KafkaMessage, request_id: str = "") -> FunctionAnswer:
    headers = {"X-Faas-Event-Type": "cloudevent", **_named(request_id), **message.headers}
    return request(port, "POST", "/", message.body, headers)


def send_batch(port: int, body: bytes, request_id: str = "") -> FunctionAnswer:
    """`body` as `packed` makes it."""
    headers = {"X-Faas-Event-Type": "multi-cloudevent", "X-Faas-Batch-Events-Version": "1.0", **_named(request_id)}
    return request(port, "POST", "/", body, headers)


def send_tick(port: int, request_id: str = "") -> FunctionAnswer:
    """The timer's."""
    attributes = {"id": f"tick-{time.time_ns()}", "source": "timer", "type": "faas.timer.event", "specversion": "1.0"}
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return request(port, "POST", "/", b"{}", {"X-Faas-Event-Type": "cloudevent", **_named(request_id), **headers})


def packed(messages: Sequence[KafkaMessage]) -> bytes:
    """A batch: a number of events, and for each its header lines and its body, both with their length before them."""
    parts = [_LENGTH.pack(len(messages))]
    for message in messages:
        lines = "".join(f"{name}:{value}\r\n" for name, value in message.headers.items()).encode()
        parts += [_LENGTH.pack(len(lines)), lines, _LENGTH.pack(len(message.body)), message.body]
    return b"".join(parts)


def _named(request_id: str) -> dict[str, str]:
    return {"X-Faas-Request-Id": request_id} if request_id else {}

"""The platform in front of its instances: it sends what its triggers have, again and again until it is settled."""

import http.client
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from devkit.vefaas.triggers import FunctionAnswer, KafkaMessage, packed, request, send_batch, send_message, send_tick

RETRIES: Final = 5
_WAIT_SECONDS: Final = 1.0


class Gateway:
    """Kafka-like: a batch is answered, and sent again, as a whole. `say` gets each try that settled nothing."""

    def __init__(self, port: int, say: Callable[[str], None], *, http_port: int | None = None) -> None:
        self._port = port
        self._http_port = http_port
        self._say = say
        self._requests = count(1)

    def deliver(self, message: KafkaMessage) -> bool:
        """Whether it was settled in the end."""
        return self._until_settled(lambda name: send_message(self._port, message, name), f"message {message.offset}")

    def deliver_batch(self, messages: Sequence[KafkaMessage]) -> bool:
        """Whether all of it was settled in the end."""
        body = packed(messages)
        return self._until_settled(lambda name: send_batch(self._port, body, name), f"batch of {len(messages)}")

    def post_event(self, body: bytes, token: str) -> None:
        """As an HTTP client does: once."""
        assert self._http_port is not None  # noqa: S101 - who posts has said where to
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
        headers["X-Faas-Request-Id"] = f"request-{next(self._requests)}"
        answer = request(self._http_port, "POST", "/events", body, headers)
        if not answer.is_settled:
            self._say(f"POST /events: {answer.status} {answer.body.decode('utf-8', 'replace')}")

    def tick_every(self, seconds: float, ended: threading.Event) -> None:
        """The timer; a tick that fails is not sent again."""
        while not ended.wait(seconds):
            try:
                answer = send_tick(self._port, f"request-{next(self._requests)}")
            except (OSError, http.client.HTTPException) as error:
                self._say(f"timer: {error}")
            else:
                if not answer.is_settled:
                    self._say(f"timer: {answer.status}")

    def _until_settled(self, send: Callable[[str], FunctionAnswer], what: str) -> bool:
        for attempt in range(1, RETRIES + 2):
            try:
                answer = send(f"request-{next(self._requests)}")
            except (OSError, http.client.HTTPException) as error:
                said = str(error)
            else:
                if answer.is_settled:
                    return True
                said = answer.headers.get("x-faas-response-error-message", str(answer.status))
            self._say(f"{what}, try {attempt} of {RETRIES + 1}: {said}")
            threading.Event().wait(_WAIT_SECONDS)
        return False

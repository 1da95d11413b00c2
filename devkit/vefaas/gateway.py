"""The platform in front of an instance: it sends what its triggers have, again and again until it is settled."""

import http.client
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from devkit.vefaas.triggers import Answer, KafkaMessage, packed, send_batch, send_message, send_tick

RETRIES: Final = 5
_WAIT_SECONDS: Final = 1.0


class Gateway:
    """Kafka-like: a batch is answered, and sent again, as a whole. `say` is told what was given up."""

    def __init__(self, port: int, say: Callable[[str], None], *, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._port = port
        self._say = say
        self._wait_seconds = wait_seconds
        self._requests = count(1)

    def deliver(self, message: KafkaMessage) -> bool:
        """Whether it was settled in the end."""
        return self._until_settled(lambda name: send_message(self._port, message, name), f"message {message.offset}")

    def deliver_batch(self, messages: Sequence[KafkaMessage]) -> bool:
        """Whether all of it was settled in the end."""
        body = packed(messages)
        return self._until_settled(lambda name: send_batch(self._port, body, name), f"a batch of {len(messages)}")

    def tick_every(self, seconds: float, ended: threading.Event) -> None:
        """The timer; a tick that fails is not sent again."""
        while not ended.wait(seconds):
            try:
                send_tick(self._port, f"request-{next(self._requests)}")
            except (OSError, http.client.HTTPException) as error:
                self._say(f"the timer: {error}")

    def _until_settled(self, send: Callable[[str], Answer], what: str) -> bool:
        said = ""
        for attempt in range(RETRIES + 1):
            if attempt:
                threading.Event().wait(self._wait_seconds)
            try:
                answer = send(f"request-{next(self._requests)}")
            except (OSError, http.client.HTTPException) as error:
                said = str(error)
                continue
            if answer.is_settled:
                return True
            said = answer.headers.get("x-faas-response-error-message", str(answer.status))
        self._say(f"{what} was given up after {RETRIES + 1} tries: {said}")
        return False

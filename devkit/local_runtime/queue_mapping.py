"""The event source mapping: from a queue to a function in batches, and back what the function's answer says."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from devkit.local_runtime.batch_response import acknowledged
from devkit.local_runtime.function import Function
from devkit.local_runtime.queues import Queue
from devkit.local_runtime.sqs_event import sqs_event

POLL_SECONDS = 0.05
IDLE_SECONDS = 2.0
"""What is sent or comes back wakes a poller at once; what another program hid is found this late at the most."""


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """As in the template. `window_seconds` runs from a batch's first message."""

    batch_size: int
    window_seconds: float
    maximum_concurrency: int


class QueueMapping:
    """One poller; as many batches at work as the concurrency allows, and none received beyond that.

    What an answer does not acknowledge is left alone: it is visible again when its visibility timeout has
    passed, and the queue itself moves it to the dead-letter queue when it has been received too often.
    """

    def __init__(self, queue: Queue, function: Function, settings: MappingSettings) -> None:
        self._queue = queue
        self._function = function
        self._settings = settings
        self._stopping = threading.Event()
        self._permits = threading.Semaphore(settings.maximum_concurrency)

    def stop(self) -> None:
        self._stopping.set()
        self._queue.api.activity.tell()

    def run(self) -> None:
        """Poll until stopped; raises what the services raised."""
        with ThreadPoolExecutor(self._settings.maximum_concurrency, thread_name_prefix="batch") as workers:
            at_work: set[Future[None]] = set()
            while not self._stopping.is_set():
                if not self._permits.acquire(timeout=POLL_SECONDS):
                    continue
                batch = self._next_batch()
                if batch:
                    at_work.add(workers.submit(self._handle, batch))
                else:
                    self._permits.release()
                done = {future for future in at_work if future.done()}
                at_work -= done
                for future in done:
                    future.result()

    def _next_batch(self) -> list[dict[str, Any]]:
        """Up to a full batch, or what came within the window; empty once stopped."""
        batch: list[dict[str, Any]] = []
        closes = float("inf")
        while not self._stopping.is_set():
            seen = self._queue.api.activity.number
            received = self._queue.receive(self._settings.batch_size - len(batch))
            if received and not batch:
                closes = time.monotonic() + self._settings.window_seconds
            batch += received
            if len(batch) == self._settings.batch_size or (batch and time.monotonic() >= closes):
                return batch
            if not received:
                self._queue.api.activity.wait(seen, min(IDLE_SECONDS, closes - time.monotonic()))
        # What has been received meanwhile comes back by itself.
        return []

    def _handle(self, batch: list[dict[str, Any]]) -> None:
        begun = time.monotonic()
        try:
            answer = self._function.invoke(sqs_event(batch, self._queue.arn))
            handles = {message["MessageId"]: message["ReceiptHandle"] for message in batch}
            done = acknowledged(answer, handles.keys())
            self._queue.delete([handle for message_id, handle in handles.items() if message_id in done])
            if len(done) < len(batch):
                self._queue.api.activity.tell_in(self._queue.visibility_seconds + begun - time.monotonic())
        finally:
            self._permits.release()

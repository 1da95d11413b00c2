"""The event source mapping of a Kafka topic: batches in, and back what the function's answer says.

Source: AWS Lambda Developer Guide, "Configuring error handling controls for Kafka event sources".
"""

import json
import threading
from collections.abc import Mapping
from typing import Any

from devkit.local_runtime.function import Function
from devkit.local_runtime.kafka import PARTITIONS, Topic
from devkit.local_runtime.queue_mapping import POLL_SECONDS
from devkit.local_runtime.queues import Queue
from devkit.local_runtime.sandbox import InvocationResult


class KafkaMapping:
    """One poller for all partitions.

    A record that fails comes again with all after it in its partition; after `receives` times it is given up, and
    `on_failure` gets its place.
    """

    def __init__(self, topic: Topic, function: Function, on_failure: Queue, *, batch_size: int, receives: int) -> None:
        self._topic = topic
        self._function = function
        self._on_failure = on_failure
        self._batch_size = batch_size
        self._receives = receives
        self._stopping = threading.Event()
        self._next = [0] * PARTITIONS
        self._failed: dict[tuple[int, int], int] = {}
        """How often the record at a place has failed."""

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Poll until stopped; raises what the services raised."""
        while not self._stopping.is_set():
            batch = {
                number: records
                for number in range(PARTITIONS)
                if (records := self._topic.read(number, self._next[number], self._batch_size // PARTITIONS))
            }
            if not batch:
                self._stopping.wait(POLL_SECONDS)
                continue
            named = {self._partition(number): records for number, records in batch.items()}
            event = {"eventSource": "SelfManagedKafka", "bootstrapServers": self._topic.url, "records": named}
            failed = _first_failures(self._function.invoke(event), named)
            for number, records in batch.items():
                begin = self._next[number]
                self._next[number] = failed.get(self._partition(number), begin + len(records))
                if self._next[number] < begin + len(records):
                    self._fail(number, self._next[number])

    def _partition(self, number: int) -> str:
        return f"{self._topic.name}-{number}"

    def _fail(self, number: int, offset: int) -> None:
        times = self._failed[number, offset] = self._failed.get((number, offset), 0) + 1
        if times < self._receives:
            self._stopping.wait(POLL_SECONDS)
            return
        self._next[number] = offset + 1
        where = {"topic": self._topic.name, "partition": number, "startOffset": offset, "endOffset": offset}
        record = {"requestContext": {"condition": "RetriesExhausted"}, "version": "1.0", "KafkaBatchInfo": where}
        self._on_failure.send(json.dumps(record))


def _first_failures(answer: InvocationResult, records: Mapping[str, list[dict[str, Any]]]) -> dict[str, int]:
    """By partition the first offset that failed; all of them where the invocation or its answer did."""
    everything = {name: listed[0]["offset"] for name, listed in records.items()}
    if answer.failed:
        return everything
    first: dict[str, int] = {}
    for item in json.loads(answer.payload)["batchItemFailures"]:
        name, offset = item["itemIdentifier"]["partition"], item["itemIdentifier"]["offset"]
        if name not in everything:
            return everything
        first[name] = min(offset, first.get(name, offset))
    return first

"""The three sources in small: each hands messages to its real handler and does as the answer says."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from bus_listener.handler import lambda_handler as bus_listener
from devkit.demo.sample_events import SampleMessage, Source
from http_endpoint.handler import lambda_handler as http_endpoint
from queue_worker.handler import lambda_handler as queue_worker
from snapshot_tuner.errors import EventNotSettled

ATTEMPTS = {Source.QUEUE: 5, Source.HTTP: 1, Source.BUS: 3}
"""As template.yaml says: the queue's maxReceiveCount; the sender's business; two retries after the first."""


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """Whether the source may forget the message; over HTTP, the status that says so."""

    settled: bool
    status: int | None = None


class _DemoContext:
    """Lambda's context object, as far as the handlers use it: 20 s, the timeout in template.yaml."""

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def invoke(messages: Sequence[SampleMessage]) -> list[SourceAnswer]:
    """One invocation of the handler of the messages' source; only a queue hands over several at once."""
    source = messages[0].source
    match source:
        case Source.QUEUE:
            response = queue_worker({"Records": [message.payload for message in messages]}, _DemoContext())
            failed = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
            return [SourceAnswer(message.payload["messageId"] not in failed) for message in messages]
        case Source.HTTP:
            (message,) = messages
            status = http_endpoint(message.payload, _DemoContext())["statusCode"]
            return [SourceAnswer(status == HTTPStatus.OK, status)]
        case Source.BUS:
            (message,) = messages
            try:
                bus_listener(message.payload, _DemoContext())
            except EventNotSettled:
                return [SourceAnswer(settled=False)]
            return [SourceAnswer(settled=True)]
        case _:
            assert_never(source)

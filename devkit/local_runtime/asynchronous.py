"""Asynchronous invocation, as EventBridge and SNS invoke a function: retries, at last the on-failure destination.

moto has no functions as targets of a rule or a topic. The target is a queue instead, the inbox, which plays the
part of Lambda's own internal queue: its visibility is the wait before a retry, its receive count the attempt.
"""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devkit.local_runtime.aws_api import ACCOUNT, REGION
from devkit.local_runtime.function import Function
from devkit.local_runtime.queue_mapping import IDLE_SECONDS
from devkit.local_runtime.queues import RECEIVE_MOST, Queue
from devkit.local_runtime.sandbox import InvocationResult


@dataclass(frozen=True, slots=True)
class AsynchronousSettings:
    """`to_event` makes what the function gets of the JSON in the inbox.

    The waits before each retry are in whole seconds; Lambda's own are 60 and 120.
    """

    on_failure: Queue
    to_event: Callable[[dict[str, Any]], dict[str, Any]]
    retry_seconds: tuple[int, ...] = (60, 120)


def from_bus(event: dict[str, Any]) -> dict[str, Any]:
    """EventBridge names the account; moto leaves it out."""
    return {"account": ACCOUNT} | event


def from_topic(notification: dict[str, Any]) -> dict[str, Any]:
    """As SNS invokes a function: a list of one, with two of the names spelled in another way than over SQS."""
    renamed = {name.replace("URL", "Url"): value for name, value in notification.items()}
    subscription = f"{notification['TopicArn']}:local"
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription,
                "Sns": {"Subject": None, "MessageAttributes": {}, **renamed},
            }
        ]
    }


class AsynchronousInvocation:
    """Takes events from the inbox, and each of them out of it once it is done with or given up."""

    def __init__(self, inbox: Queue, function: Function, settings: AsynchronousSettings) -> None:
        self._inbox = inbox
        self._function = function
        self._settings = settings
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()
        self._inbox.api.activity.tell()

    def run(self) -> None:
        """Poll until stopped; raises what the services raised."""
        with ThreadPoolExecutor(len(self._function.sandboxes), thread_name_prefix="event") as workers:
            while not self._stopping.is_set():
                seen = self._inbox.api.activity.number
                received = self._inbox.receive(RECEIVE_MOST)
                # All of them, before more are received: a wait for a sandbox must not outlast the visibility.
                for _ in workers.map(self._handle, received):
                    pass
                if not received:
                    self._inbox.api.activity.wait(seen, IDLE_SECONDS)

    def _handle(self, message: Mapping[str, Any]) -> None:
        event = self._settings.to_event(json.loads(message["Body"]))
        answer = self._function.invoke(event)
        attempt = int(message["Attributes"]["ApproximateReceiveCount"])
        if answer.failed and attempt <= len(self._settings.retry_seconds):
            self._inbox.hide(message["ReceiptHandle"], self._settings.retry_seconds[attempt - 1])
            return
        if answer.failed:
            record = _failure_record(self._function.name, message["MessageId"], event, answer, attempt)
            self._settings.on_failure.send(json.dumps(record))
        self._inbox.delete([message["ReceiptHandle"]])


def _failure_record(
    function: str, request_id: str, event: Mapping[str, Any], answer: InvocationResult, attempts: int
) -> dict[str, Any]:
    """What Lambda sends to a destination (Developer Guide, "Capturing records of asynchronous invocations")."""
    now = datetime.now(UTC)
    return {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": json.loads(answer.payload),
    }

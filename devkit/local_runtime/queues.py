"""Queues, buses and topics of the local services."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devkit.local_runtime.aws_api import ACCOUNT, REGION, AwsApi, Service

RECEIVE_MOST = 10
"""SQS hands out and deletes at most ten messages per request."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One standard queue. Messages are as SQS returns them (MessageId, ReceiptHandle, Body, Attributes, …)."""

    api: AwsApi
    url: str
    arn: str
    visibility_seconds: int

    def send(self, body: str) -> str:
        """Returns the message's id."""
        message_id: str = self._call("SendMessage", MessageBody=body)["MessageId"]
        return message_id

    def receive(self, most: int) -> list[dict[str, Any]]:
        """What is visible at this moment, at most ten; each is hidden from now on for the visibility timeout."""
        messages: list[dict[str, Any]] = self._call(
            "ReceiveMessage",
            MaxNumberOfMessages=min(most, RECEIVE_MOST),
            WaitTimeSeconds=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return messages

    def delete(self, receipt_handles: Sequence[str]) -> None:
        for first in range(0, len(receipt_handles), RECEIVE_MOST):
            handles = receipt_handles[first : first + RECEIVE_MOST]
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
            self._call("DeleteMessageBatch", Entries=entries)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Let a message come back that many seconds from now."""
        self._call("ChangeMessageVisibility", ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)
        self.api.activity.tell_in(seconds)

    def attributes(self) -> dict[str, str]:
        attributes: dict[str, str] = self._call("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        return attributes

    def _call(self, action: str, **parameters: object) -> dict[str, Any]:
        return self.api.call(Service.SQS, action, QueueUrl=self.url, **parameters)


@dataclass(frozen=True, slots=True)
class Redrive:
    """After `receives` receives, a message goes to `dead_letters` instead of being handed out once more."""

    dead_letters: Queue
    receives: int


def create_queue(api: AwsApi, name: str, *, visibility_seconds: int = 30, redrive: Redrive | None = None) -> Queue:
    attributes = {"VisibilityTimeout": str(visibility_seconds)}
    if redrive is not None:
        policy = {"deadLetterTargetArn": redrive.dead_letters.arn, "maxReceiveCount": redrive.receives}
        attributes["RedrivePolicy"] = json.dumps(policy)
    url: str = api.call(Service.SQS, "CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
    found = api.call(Service.SQS, "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
    return Queue(api, url, found["Attributes"]["QueueArn"], visibility_seconds)


@dataclass(frozen=True, slots=True)
class Bus:
    """One event bus."""

    api: AwsApi
    name: str

    def route(self, rule: str, pattern: Mapping[str, object], queue: Queue) -> None:
        """A rule whose events go to the queue; moto has no functions as targets."""
        names = {"Name": f"{self.name}-{rule}", "EventBusName": self.name}
        self.api.call(Service.EVENTS, "PutRule", **names, EventPattern=json.dumps(pattern), State="ENABLED")
        targets = [{"Id": rule, "Arn": queue.arn}]
        put = {"Rule": names["Name"], "EventBusName": self.name}
        self.api.call(Service.EVENTS, "PutTargets", **put, Targets=targets)

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, object], time: datetime | None = None) -> str:
        """Put one event, of this moment unless it has a time. Returns its id."""
        entry: dict[str, object] = {
            "EventBusName": self.name,
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        if time is not None:
            entry["Time"] = time.timestamp()
        answer = self.api.call(Service.EVENTS, "PutEvents", Entries=[entry])
        event_id: str = answer["Entries"][0]["EventId"]
        return event_id


def create_bus(api: AwsApi, name: str) -> Bus:
    api.call(Service.EVENTS, "CreateEventBus", Name=name)
    return Bus(api, name)


@dataclass(frozen=True, slots=True)
class SnsTopic:
    """One standard topic."""

    api: AwsApi
    arn: str

    def subscribe(self, queue: Queue) -> None:
        """The queue gets each notification as a JSON object."""
        self.api.call_sns("Subscribe", TopicArn=self.arn, Protocol="sqs", Endpoint=queue.arn)

    def publish(self, message: str) -> None:
        self.api.call_sns("Publish", TopicArn=self.arn, Message=message)


def create_topic(api: AwsApi, name: str) -> SnsTopic:
    api.call_sns("CreateTopic", Name=name)
    return SnsTopic(api, f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}")

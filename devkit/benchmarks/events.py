"""The events that every build gets: each with an id of its own, so that none is a duplicate by chance."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from devkit.local_runtime.function_url import HttpRequest, to_event
from snapshot_tuner.model import CHECK_TYPE

_numbers = count()


def room_loads(rooms: Sequence[str]) -> list[dict[str, Any]]:
    """One event for each room named, oldest first; the shipped policy finds the interval on a curve."""
    return [_room_load(room) for room in rooms]


def first(function: str) -> dict[str, Any]:
    """An event for the function of this name, whichever contender it is."""
    # A room of its own: EventBridge gives whole seconds, so its event would be older than the one before.
    (event,) = room_loads([f"first-{uuid4().hex}"])
    match function:
        case "http_endpoint":
            return as_http(event)
        case "bus_listener":
            return as_bus(event)
        case "reconciler":
            return {}  # nothing is due; it reads a task back
        case _:
            return as_queue([event])


def as_queue(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What Lambda hands over for a batch of an SQS queue."""
    sent = str(int(datetime.now(UTC).timestamp() * 1000))
    return {"Records": [_record(event, sent) for event in events]}


def as_http(event: dict[str, Any]) -> dict[str, Any]:
    """What Lambda hands over for a request to the function's URL."""
    body = json.dumps(event).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    return to_event(HttpRequest("POST", "/events", headers, body, "127.0.0.1"), datetime.now(UTC))


def as_bus(event: dict[str, Any]) -> dict[str, Any]:
    """What EventBridge hands over."""
    return {
        "version": "0",
        "id": event["id"],
        "detail-type": event["type"],
        "source": event["source"],
        "account": "123456789012",
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": "cn-north-1",
        "resources": [],
        "detail": event["data"],
    }


def alert(room: str) -> dict[str, Any]:
    """Of this moment; the shipped policy answers it with the shortest interval."""
    return {**_room_load(room), "type": "moderation.alert", "id": f"alert-{uuid4().hex}"}


def check() -> dict[str, Any]:
    """Changes nothing; the first one has a function make all that its events need."""
    return {**_room_load("check"), "type": CHECK_TYPE}


def _room_load(room: str) -> dict[str, Any]:
    number = next(_numbers)
    return {
        "specversion": "1.0",
        "id": f"load-{number:08}",
        "source": "/monitor/rtc",
        "type": "rtc.room.load",
        "time": datetime.now(UTC).isoformat(),
        "data": {"AppId": "app-1", "RoomId": room, "TaskId": "task-1", "load": 0.8 + number % 20 / 100},
    }


def _record(event: dict[str, Any], sent: str) -> dict[str, Any]:
    return {
        "messageId": event["id"],
        "receiptHandle": event["id"],
        "body": json.dumps(event),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent,
            "SenderId": "benchmark",
            "ApproximateFirstReceiveTimestamp": sent,
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:cn-north-1:123456789012:events",
        "awsRegion": "cn-north-1",
    }

"""The event source mapping by itself, in front of functions that only take notes."""

import json
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime import queue_mapping
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.background import in_background
from devkit.local_runtime.function import Function
from devkit.local_runtime.queue_mapping import MappingSettings, QueueMapping
from devkit.local_runtime.queues import create_queue
from devkit.local_runtime.sandbox import InvocationResult
from devkit.local_runtime.sqs_event import sqs_event
from tests.polling import eventually
from tests.runtime.machine import depth

if TYPE_CHECKING:
    from devkit.local_runtime.sandbox import Sandbox


class Notes:
    """In place of a sandbox: what it was handed and how many were at work with it. Each batch waits to be released.

    The messages with the body `fail` are left to the queue.
    """

    def __init__(self, fail: str = "") -> None:
        self.fail = fail
        self.lock = threading.Lock()
        self.go_on = threading.Event()
        self.batches: list[list[str]] = []
        self.at_work = 0
        self.most_at_work = 0

    def invoke(self, event: dict[str, Any]) -> InvocationResult:
        with self.lock:
            self.batches.append([record["body"] for record in event["Records"]])
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        self.go_on.wait(10)
        with self.lock:
            self.at_work -= 1
        failed = [{"itemIdentifier": each["messageId"]} for each in event["Records"] if each["body"] == self.fail]
        return InvocationResult(json.dumps({"batchItemFailures": failed}).encode(), failed=False)


def make_function(notes: Notes) -> Function:
    return Function("notes", cast("list[Sandbox]", [notes] * 4))


def test_batches_are_filled_and_no_more_than_the_concurrency_are_out(api: AwsApi) -> None:
    """Receives of ten make up a batch of 25; while two batches are at work, the rest stays in the queue, visible."""
    queue = create_queue(api, "mapping-concurrency")
    sent = {queue.send(str(number)): str(number) for number in range(60)}
    notes = Notes()

    with in_background(QueueMapping(queue, make_function(notes), MappingSettings(25, 1, 2))):
        eventually(lambda: len(notes.batches) == 2)
        assert [len(batch) for batch in notes.batches] == [25, 25]
        assert queue.attributes()["ApproximateNumberOfMessages"] == "10"
        notes.go_on.set()
        eventually(lambda: depth(queue) == 0)

    assert notes.most_at_work == 2
    assert sorted(body for batch in notes.batches for body in batch) == sorted(sent.values())


def test_a_batch_that_is_not_full_leaves_when_its_window_closes(api: AwsApi) -> None:
    """The window runs from the first message, so no event waits longer than that for company."""
    queue = create_queue(api, "mapping-window")
    notes = Notes()
    notes.go_on.set()
    with in_background(QueueMapping(queue, make_function(notes), MappingSettings(100, 0.5, 1))):
        queue.send("first")
        sent_at = time.monotonic()
        queue.send("second")
        eventually(lambda: notes.batches)
        waited = time.monotonic() - sent_at

    assert notes.batches == [["first", "second"]]
    assert 0.45 < waited < 2


def test_a_message_that_comes_back_is_received_at_once(api: AwsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it is visible; nobody polls for it meanwhile."""
    monkeypatch.setattr(queue_mapping, "IDLE_SECONDS", 60)
    queue = create_queue(api, "mapping-comes-back", visibility_seconds=1)
    notes = Notes(fail="again")
    notes.go_on.set()
    with in_background(QueueMapping(queue, make_function(notes), MappingSettings(2, 0, 1))):
        queue.send("again")
        eventually(lambda: len(notes.batches) == 2, within=5)
    assert notes.batches == [["again"], ["again"]]


def test_an_event_of_a_queue_has_the_fields_that_lambda_gives_it(samples: dict[str, list[SampleMessage]]) -> None:
    """The record has the names of the sample that is taken from the documentation."""
    (sample,) = samples["sqs/cloudevent.json"]
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "{}",
        "MD5OfBody": "5",
        "Attributes": {"SentTimestamp": "1"},
    }
    attribute = {"trace": {"StringValue": "t", "DataType": "String"}}

    (record,) = sqs_event([message | {"MessageAttributes": attribute}], "arn:aws:sqs:eu-central-1:123456789012:q")[
        "Records"
    ]

    assert record.keys() == sample.payload.keys()
    assert record["messageAttributes"]["trace"]["stringValue"] == "t"
    assert (record["body"], record["eventSource"]) == ("{}", "aws:sqs")

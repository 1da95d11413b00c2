"""`tuner record` takes log lines and queue dumps in every form in which the usual tools hand them out."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from devkit.demo import sample_events
from devkit.local_runtime.sqs_event import sqs_event
from devkit.tuner.record.documents import Document, NoDocument, documents
from devkit.tuner.record.parsers import Failure, Form, Item, LogLine, Other, QueueMessage, parse_items
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import Signal
from tests.logged_lines import log_text

TIME_US = rfc3339.to_microseconds("2026-03-01T09:00:00Z")


def signal(number: int) -> Signal:
    return Signal(f"e-{number}", "/test", "load", TIME_US + number, {"text": 'a{"[\u2028'})


LINES = [log_text(signal(number)).rstrip("\n") for number in range(3)]
PLATFORM = [
    '{"time":"2026-03-01T09:00:00.000Z","type":"platform.start","record":{"requestId":"r"}}',
    "START RequestId: 6f0c Version: 7",
    "[ERROR] Runtime.ImportModuleError: no [module] {named}",
    '{"_aws":{"Timestamp":1772355600000,"CloudWatchMetrics":[]},"EventsApplied":[1.0]}',
    '{"level":"INFO","message":"reconciled","due":0}',
    "",
]


def found(text: str, forms: frozenset[Form] = frozenset(Form)) -> list[Item]:
    read = documents(StringIO(text, newline="\n"))
    return [item for document in read for item in parse_items(document, "file", forms)]


def log_events(lines: list[str], **more: object) -> list[dict[str, object]]:
    return [{"logStreamName": "s", "timestamp": 1772355600000, "message": f"{line}\n", **more} for line in lines]


def tail(line: str) -> str:
    return f"2026-03-01T09:00:00.482000+00:00 2026/03/01/[7]0a1b2c3d {line}"


def insights(lines: list[str]) -> dict[str, Any]:
    rows = [[{"field": "@timestamp", "value": "t"}, {"field": "@message", "value": line}] for line in lines]
    return {"results": rows, "statistics": {"recordsMatched": 3.0}, "status": "Complete"}


LOG_FORMS: dict[str, Callable[[list[str]], str]] = {
    "lines": "\n".join,
    "lines with Windows ends": "\r\n".join,
    "lines without ends": "".join,
    "filter-log-events": lambda lines: json.dumps({"events": log_events(lines), "searchedLogStreams": []}, indent=4),
    "filter-log-events, a page to a line": lambda lines: "\n".join(
        json.dumps({"events": log_events([line])}) for line in lines
    ),
    "get-log-events": lambda lines: json.dumps({"events": log_events(lines, ingestionTime=1), "nextForwardToken": "f"}),
    "filter-log-events --query events": lambda lines: json.dumps(log_events(lines), indent=2),
    "filter-log-events --query events[].message": lambda lines: json.dumps(lines, indent=4),
    "tail": lambda lines: "\n".join(map(tail, lines)),
    "tail --format short": lambda lines: "\n".join(f"2026-03-01T09:00:00 {line}" for line in lines),
    "tail --format json": lambda lines: "\n".join(tail(json.dumps(json.loads(line), indent=4)) for line in lines),
    "get-query-results": lambda lines: json.dumps(insights(lines), indent=4),
    "the console's export of a query": lambda lines: json.dumps(
        [{"@timestamp": "t", "@message": line} for line in lines]
    ),
    "the same, decoded": lambda lines: json.dumps([{"@message": json.loads(line)} for line in lines]),
    "an export task": lambda lines: "\n".join(f"2026-03-01T09:00:00.482Z {line}" for line in lines),
    "a subscription": lambda lines: "".join(
        json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": line}]})
        for line in lines
    ),
}


@pytest.mark.parametrize("form", LOG_FORMS)
def test_log_lines_are_found_in_every_form(form: str) -> None:
    """Each of three outcomes, and nothing else."""
    parsed = found(LOG_FORMS[form](LINES))
    assert [item.members for item in parsed if isinstance(item, LogLine)] == [json.loads(line) for line in LINES]
    assert len(parsed) == 3


def test_other_lines_of_a_log_are_told_from_outcomes() -> None:
    """The platform's lines, metrics and other events: passed over, none of them broken."""
    parsed = found("\n".join([*PLATFORM, LINES[0], *PLATFORM]))
    assert [type(item) for item in parsed] == [*[Other] * 5, LogLine, *[Other] * 5]
    assert not any(item.no_document is NoDocument.BROKEN for item in parsed if isinstance(item, Other))
    assert [item.place.line for item in parsed] == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


BODIES = ['{"load": 0.90}', "load is high", '{"a":\n [1]}']


def received(bodies: list[str], first: int = 0) -> dict[str, Any]:
    messages = [
        {
            "MessageId": f"m-{number}",
            "ReceiptHandle": "AQEB",
            "MD5OfBody": "0",
            "Body": body,
            "Attributes": {"SentTimestamp": f"177235560000{number}", "ApproximateReceiveCount": "6"},
        }
        for number, body in enumerate(bodies, start=first)
    ]
    return {"Messages": messages}


QUEUE_FORMS: dict[str, str] = {
    "receive-message": json.dumps(received(BODIES), indent=4),
    "several times": "\n".join(json.dumps(received([body], number), indent=4) for number, body in enumerate(BODIES)),
    "several times, without line ends": "".join(json.dumps(received([body], n)) for n, body in enumerate(BODIES)),
    "--query Messages": json.dumps(received(BODIES)["Messages"], indent=4),
    "a message to a line": "\n".join(json.dumps(message) for message in received(BODIES)["Messages"]),
    "as Lambda hands it over": json.dumps(sqs_event(received(BODIES)["Messages"], "arn:aws:sqs:x"), indent=2),
    "a record to a line": "\n".join(
        json.dumps(record) for record in sqs_event(received(BODIES)["Messages"], "arn")["Records"]
    ),
}


@pytest.mark.parametrize("form", QUEUE_FORMS)
def test_messages_are_found_in_every_form(form: str) -> None:
    """Body, id and sent time of each of three, the body as it is, an event or not."""
    parsed = found(QUEUE_FORMS[form])
    assert [(item.body, item.message_id, item.sent) for item in parsed if isinstance(item, QueueMessage)] == [
        (body, f"m-{number}", f"177235560000{number}") for number, body in enumerate(BODIES)
    ]
    assert len(parsed) == 3


FAILURE = {
    "version": "1.0",
    "timestamp": "2026-03-01T09:03:00.000Z",
    "requestContext": {"requestId": "r", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
    "requestPayload": {"id": "e"},
    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
    "responsePayload": {"errorType": "EventNotSettled"},
}


@pytest.mark.parametrize(
    "text", [json.dumps(FAILURE), json.dumps(FAILURE, indent=2), json.dumps(received([json.dumps(FAILURE)]))]
)
def test_what_lambda_gave_up_is_found(text: str) -> None:
    """As itself, and in the body of a message of the destination's queue."""
    (failure,) = found(text)
    assert isinstance(failure, Failure)
    assert (failure.payload, failure.given_up) == ({"id": "e"}, "2026-03-01T09:03:00.000Z")


def test_a_form_that_is_asked_for_is_the_only_one() -> None:
    """`--from` decides where a text could be either: a message whose body is a log line, a log of messages."""
    message, line = json.dumps(received([LINES[0]])), LINES[0]
    for text, form in ((message, Form.LOGS), (line, Form.QUEUE)):
        assert [type(item) for item in found(text, frozenset([form]))] == [Other]
    assert [type(item) for item in found(message, frozenset([Form.QUEUE]))] == [QueueMessage]
    assert [type(item) for item in found(line, frozenset([Form.LOGS]))] == [LogLine]


def test_what_is_cut_off_takes_nothing_along() -> None:
    """A document that is not closed ends where the next one begins, and is told with its line."""
    cut = json.dumps(received(BODIES), indent=4).splitlines()[:7]
    parsed = found("\n".join([LINES[0][:200], tail(LINES[0])[:200], *cut, LINES[1], LINES[2][:-1]]))
    assert [(type(item), item.place.line) for item in parsed] == [
        (Other, 1), (Other, 2), (Other, 3), (LogLine, 10), (Other, 11),
    ]  # fmt: skip
    assert all(item.no_document is NoDocument.BROKEN for item in parsed if isinstance(item, Other))


def test_numbers_of_a_document_are_exact_and_its_keys_are_its_own() -> None:
    """What Lambda passes through whole keeps 0.90; a duplicate key is no document, as for the functions."""
    text = json.dumps(FAILURE).replace('"e"', "0.90")
    (document,) = documents(StringIO(text))
    assert isinstance(document.value, dict)
    assert str(document.value["requestPayload"]) == "{'id': Decimal('0.90')}"
    assert list(documents(StringIO('{"a": 1, "a": 2}'))) == [Document(1, NoDocument.BROKEN)]


def test_places_name_the_item_of_a_list() -> None:
    """The document's line, and which item of it."""
    assert [str(item.place) for item in found("\n" + json.dumps(received(BODIES)))] == [
        "file:2, item 1", "file:2, item 2", "file:2, item 3",
    ]  # fmt: skip
    assert str(found(LINES[0])[0].place) == "file:1"


def test_the_batches_of_events_are_such_dumps() -> None:
    """Every file of events/sqs is a batch as Lambda hands it over."""
    for path in sorted((sample_events.EVENTS / "sqs").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        assert [type(item) for item in found(text)] == [QueueMessage] * len(json.loads(text)["Records"])

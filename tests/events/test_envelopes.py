"""Envelopes: whatever is wrapped around an event, the innermost complete event is the one that counts."""

import base64
import json
from decimal import Decimal

import pytest

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.envelopes import MAX_ENVELOPES
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Json, Signal
from tests.one_signal import one

DATA: dict[str, Json] = {"AppId": "5f3a1c0e9b7d4e2a8c6f0b13", "RoomId": "room-101", "TaskId": "task-1"}
TIME = "2026-03-01T09:00:00Z"
TIME_US = 1_772_355_600_000_000
CLOUD_EVENT: dict[str, Json] = {
    "specversion": "1.0",
    "id": "load-1",
    "source": "/monitor",
    "type": "rtc.room.load",
    "time": TIME,
    "data": DATA,
}
EVENTBRIDGE: dict[str, Json] = {
    "version": "0",
    "id": "eb-1",
    "detail-type": "rtc.room.load",
    "source": "com.example.monitor",
    "account": "123456789012",
    "time": TIME,
    "region": "ap-southeast-1",
    "resources": ["arn:aws:ec2:example"],
    "detail": DATA,
}
CLOUD_EVENT_SIGNAL = Signal("load-1", "/monitor", "rtc.room.load", TIME_US, DATA)
EVENTBRIDGE_SIGNAL = Signal(
    "eb-1",
    "com.example.monitor",
    "rtc.room.load",
    TIME_US,
    DATA,
    attributes={
        "version": "0",
        "account": "123456789012",
        "region": "ap-southeast-1",
        "resources": ["arn:aws:ec2:example"],
    },
)


def sns(event: Json) -> dict[str, Json]:
    return {"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn:x", "Message": json.dumps(event)}


def record(event: Json) -> dict[str, Json]:
    return {"messageId": "m-1", "eventSource": "aws:sqs", "body": json.dumps(event)}


def bus(detail: Json) -> dict[str, Json]:
    return {**EVENTBRIDGE, "id": "outer", "detail-type": "relayed", "detail": detail}


def in_cloud_event(data: Json) -> dict[str, Json]:
    return {**CLOUD_EVENT, "id": "outer", "type": "relayed", "data": data}


def read_signal(document: Json, *, sent_us: int | None = None) -> Signal:
    return one(signals.from_body(json.dumps(document), sent_us=sent_us))


def rejection(document: Json) -> tuple[str, str]:
    with pytest.raises(EventRejected) as caught:
        read_signal(document)
    return caught.value.field, caught.value.reason


@pytest.mark.parametrize(
    ("event", "signal"), [(CLOUD_EVENT, CLOUD_EVENT_SIGNAL), (EVENTBRIDGE, EVENTBRIDGE_SIGNAL)], ids=["ce", "eb"]
)
def test_an_event_is_found_in_any_envelopes(event: dict[str, Json], signal: Signal) -> None:
    """Alone, behind a topic, a queue or a bus, and behind all of them, it gives the same signal."""
    wrapped: list[Json] = [
        event,
        sns(event),
        record(event),
        bus(event),
        in_cloud_event(event),
        bus(record(event)),
        in_cloud_event(sns(event)),
        sns(bus(record(sns(event)))),
        record(bus(record(event))),
    ]
    assert [read_signal(document) for document in wrapped] == [signal] * len(wrapped)


def test_a_minimal_notification_or_record_is_enough() -> None:
    """A topic or queue is recognised without the members that only its service reads."""
    text = json.dumps(CLOUD_EVENT)
    topic: Json = {"Type": "Notification", "Message": text}
    queue: Json = {"messageId": "m-1", "body": text}
    for minimal in (topic, queue):
        assert read_signal(minimal) == CLOUD_EVENT_SIGNAL
        assert read_signal(bus(minimal)) == CLOUD_EVENT_SIGNAL


@pytest.mark.parametrize(
    "data",
    [
        {"messageId": "chat-7", "body": "hello"},
        {"Type": "Notification", "Message": "hello"},
        {"messageId": "chat-7", "eventSource": "chat", "body": "{}"},
        {key: value for key, value in CLOUD_EVENT.items() if key != "type"},
        {key: value for key, value in EVENTBRIDGE.items() if key != "detail"},
        {"specversion": "1.0"},
        [CLOUD_EVENT],
        "an object in words: {}",
        "{not JSON}",
        0,
        None,
    ],
)
def test_data_that_is_no_complete_envelope_is_data(data: Json) -> None:
    """Only a complete envelope takes the place of the event around it."""
    assert read_signal(in_cloud_event(data)).data == data
    assert read_signal(bus(data)).data == data
    assert read_signal(bus(data)).type == "relayed"


@pytest.mark.parametrize(
    ("detail", "field"),
    [
        ({"eventSource": "aws:sqs", "body": "hello"}, "body"),
        ({"eventSource": "aws:sqs", "body": 1}, "body"),
        ({"Type": "Notification", "TopicArn": "arn:x", "Message": "hello"}, "Message"),
        ({**CLOUD_EVENT, "specversion": "0.3"}, "specversion"),
    ],
)
def test_a_broken_envelope_inside_an_event_is_rejected(detail: Json, field: str) -> None:
    """What a queue or topic has declared its own is not passed over as data."""
    assert rejection(bus(detail))[0] == field


def test_eight_envelopes_are_opened_and_a_ninth_is_not() -> None:
    """The event's own envelope counts; the bound holds for dicts and texts alike."""
    document: dict[str, Json] = CLOUD_EVENT
    for _ in range(MAX_ENVELOPES - 1):
        document = in_cloud_event(document)
    assert read_signal(document) == CLOUD_EVENT_SIGNAL
    too_many = ("body", "has more than 8 nested envelopes")
    assert rejection(record(document)) == too_many
    assert rejection(in_cloud_event(in_cloud_event(document))) == too_many


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        ([CLOUD_EVENT], "body", "must be a JSON object, the envelope of an event, not a list"),
        ("x" * 1000, "body", f"must be a JSON object, the envelope of an event, not '{'x' * 59}…"),
        (
            {"id": "1", "type": "t"},
            "specversion",
            "is missing; a CloudEvent has specversion, id, source, type; members found: 'id', 'type'",
        ),
        (
            {"id": "1", "source": "s", "detail": {}},
            "detail-type",
            (
                "is missing; an EventBridge event has id, source, detail-type, detail; "
                "members found: 'id', 'source', 'detail'"
            ),
        ),
        (
            dict.fromkeys("abcdef", 1),
            "body",
            (
                "is no known envelope: neither a CloudEvent (specversion, id, source, type), nor an EventBridge event "
                "(id, source, detail-type, detail), nor an SNS notification (Type, Message), nor an SQS record "
                "(eventSource, body), and no reading of the policy (`events`) knows it; "
                "members found: 'a', 'b', 'c', 'd', 'e', …"
            ),
        ),
        (
            {"Type": "SubscriptionConfirmation", "TopicArn": "arn:x", "Message": "…"},
            "Type",
            "must be 'Notification' to carry an event, not 'SubscriptionConfirmation'",
        ),
        ({"Type": "Notification"}, "Message", "is missing; an SNS notification carries its event in it"),
        ({"Type": "Notification", "Message": {}}, "Message", "must be a string, not an object"),
        ({"eventSource": "aws:s3", "s3": {}}, "eventSource", "must be 'aws:sqs', not 'aws:s3'"),
        ({"eventSource": "aws:sqs"}, "body", "is missing; an SQS record carries its event in it"),
        (
            {name: value for name, value in EVENTBRIDGE.items() if name != "detail"},
            "detail",
            "is missing",
        ),
    ],
)
def test_what_is_no_envelope_is_rejected_with_what_was_expected(document: Json, field: str, reason: str) -> None:
    """Whoever reads the log learns which member would have made it an event."""
    assert rejection(document) == (field, reason)


def test_a_fault_in_a_carried_text_is_named_by_its_place() -> None:
    """In a record's body as in any body; in a notification's message with the message's name in front."""
    text = '{"data": {"load": NaN}}'
    assert rejection({"messageId": "m", "body": text})[0] == "data.load"
    assert rejection({"messageId": "m", "body": "{"})[0] == "body"
    assert rejection({"Type": "Notification", "Message": text})[0] == "Message.data.load"
    assert rejection({"Type": "Notification", "Message": "{"})[0] == "Message"


def base64_event(raw: bytes, **more: Json) -> dict[str, Json]:
    event: dict[str, Json] = {name: value for name, value in CLOUD_EVENT.items() if name != "data"}
    return {**event, "data_base64": base64.b64encode(raw).decode(), **more}


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/JSON; charset=utf-8", "application/vnd.example+json"]
)
def test_json_in_data_base64_is_decoded(content_type: str | None) -> None:
    """The bytes are JSON where the content type says so, or says nothing."""
    signal = read_signal(base64_event(b'{"load": 0.90}', datacontenttype=content_type))
    assert signal.data == {"load": Decimal("0.90")}
    assert repr(signal.data) == "{'load': Decimal('0.90')}"
    assert read_signal(base64_event(json.dumps(EVENTBRIDGE).encode())) == EVENTBRIDGE_SIGNAL


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (base64_event(b"{"), "data_base64", None),
        (base64_event(b"\xff"), "data_base64", "is not UTF-8: byte 0 cannot be decoded"),
        (base64_event(b'{"load": NaN}'), "data_base64.load", "is NaN, which is not a JSON number"),
        (base64_event(b"{}", data_base64="e30"), "data_base64", "is not base64 (RFC 4648, 4)"),
        (base64_event(b"{}", data_base64="e30=\n"), "data_base64", "is not base64 (RFC 4648, 4)"),
        (base64_event(b"{}", data_base64="e3_0"), "data_base64", "is not base64 (RFC 4648, 4)"),
        (base64_event(b"{}", data_base64="é"), "data_base64", "is not base64 (RFC 4648, 4)"),
        (base64_event(b"{}", data_base64=[]), "data_base64", "must be a string, not a list"),
        (base64_event(b"{}", data=DATA), "data_base64", "must not stand beside data (CloudEvents JSON format, 3.1)"),
        (base64_event(b"{}", data=None), "data_base64", "must not stand beside data (CloudEvents JSON format, 3.1)"),
    ],
)
def test_data_base64_that_should_hold_json_and_does_not_is_rejected(
    event: Json, field: str, reason: str | None
) -> None:
    """It says that it is JSON, and nobody can match it against a policy."""
    found = rejection(event)
    assert found[0] == field
    assert reason in (None, found[1])


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", ["json"]])
def test_data_of_another_type_is_no_fault_of_the_event(content_type: Json) -> None:
    """A rule may need nothing of it. It is no data for the policy, which can say why."""
    found = read_signal(base64_event(b"\x89PNG", datacontenttype=content_type))
    assert (found.data, found.attributes["datacontenttype"]) == (None, content_type)
    assert found.unread == f"{describe(content_type)}, not JSON"


def test_a_json_object_in_text_is_read() -> None:
    """As Dapr wraps what it is given, and callers of PutEvents who wrote their detail twice; an envelope in it too."""
    text = json.dumps(DATA)
    assert read_signal(in_cloud_event(text)).data == DATA
    assert read_signal(bus(text)).data == DATA
    assert read_signal(bus(json.dumps(CLOUD_EVENT))) == CLOUD_EVENT_SIGNAL


def test_text_that_says_it_is_text_stays_text() -> None:
    assert read_signal({**in_cloud_event("{}"), "datacontenttype": "text/plain"}).data == "{}"


def test_what_cannot_be_opened_is_named_after_its_event() -> None:
    """The answer tells a sender of many which one it was."""
    with pytest.raises(EventRejected) as caught:
        read_signal(base64_event(b"{"))
    assert caught.value.event_id == base64_event(b"{")["id"]

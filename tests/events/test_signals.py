"""Signals: every attribute of an event is exact, or the event is rejected with the attribute's name."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.model import Signal
from tests.one_signal import one

TIME = "2026-03-01T09:00:00.250Z"
TIME_US = 1_772_355_600_250_000
SENT_US = 1_772_355_601_000_000
NO_TIME = "must be an RFC 3339 time with a zone, like 2026-03-01T09:00:00.123Z"
CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "load-1",
    "source": "/monitor",
    "type": "rtc.room.load",
    "time": TIME,
    "data": {"RoomId": "room-101", "load": 0.93},
}
EVENTBRIDGE: dict[str, Any] = {
    "version": "0",
    "id": "eb-1",
    "detail-type": "rtc.room.load",
    "source": "com.example.monitor",
    "account": "123456789012",
    "time": TIME,
    "detail": {"RoomId": "room-101", "load": 0.93},
}


def read_signal(document: object, *, sent_us: int | None = None) -> Signal:
    return one(signals.from_body(json.dumps(document), sent_us=sent_us))


def read_object(event: object) -> Signal:
    return one(signals.from_object(event))


def rejection(open_it: Callable[[], Signal]) -> tuple[str, str]:
    with pytest.raises(EventRejected) as caught:
        open_it()
    return caught.value.field, caught.value.reason


def rejected(document: object) -> tuple[str, str]:
    return rejection(lambda: read_signal(document))


def record(event: object, **more: object) -> dict[str, object]:
    attributes = {"SentTimestamp": "1772355601000"}
    return {"messageId": "m", "eventSource": "aws:sqs", "attributes": attributes, "body": json.dumps(event), **more}


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def test_a_cloud_event_becomes_its_attributes() -> None:
    """Context attributes and extensions beyond the core are kept for the policy; a null one is an unset one."""
    event = {**CLOUD_EVENT, "sequence": "007", "subject": "room-101", "dataschema": None, "priority": 1.5}
    assert read_signal(event, sent_us=SENT_US) == Signal(
        id="load-1",
        source="/monitor",
        type="rtc.room.load",
        time_us=TIME_US,
        data={"RoomId": "room-101", "load": Decimal("0.93")},
        time_is_own=True,
        sequence=7,
        attributes={"subject": "room-101", "priority": Decimal("1.5")},
    )


def test_an_eventbridge_event_becomes_the_same_attributes() -> None:
    """detail-type is the type, detail the data; account and the like are kept for the policy."""
    assert read_signal({**EVENTBRIDGE, "resources": ["arn:x"], "sequence": 1}, sent_us=SENT_US) == Signal(
        id="eb-1",
        source="com.example.monitor",
        type="rtc.room.load",
        time_us=TIME_US,
        data={"RoomId": "room-101", "load": Decimal("0.93")},
        time_is_own=True,
        sequence=None,
        attributes={"version": "0", "account": "123456789012", "resources": ["arn:x"], "sequence": 1},
    )


def test_an_event_may_have_no_data() -> None:
    """Data is None then; whether the rule needs any is the policy's business."""
    assert read_signal(without(CLOUD_EVENT, "data")).data is None
    assert read_signal({**CLOUD_EVENT, "data": None}).data is None
    assert read_signal({**EVENTBRIDGE, "detail": None}).data is None


WRONG_TEXTS: list[tuple[object, str]] = [
    (None, "must be a string, not null"),
    (5, "must be a string, not a number"),
    (True, "must be a string, not true"),
    (["x"], "must be a string, not a list"),
    ({}, "must be a string, not an object"),
    ("", "must not be empty"),
    ("a\0b", "must not contain control characters (U+0000 at 1)"),
    ("a\n", "must not contain control characters (U+000A at 1)"),
    ("\x7f", "must not contain control characters (U+007F at 0)"),
    ("\x9f", "must not contain control characters (U+009F at 0)"),
    ("\ud800", "contains a lone surrogate"),
]


@pytest.mark.parametrize(("value", "reason"), WRONG_TEXTS)
@pytest.mark.parametrize("field", ["id", "source", "type", "detail-type"])
def test_an_attribute_that_is_no_proper_text_is_rejected_by_name(field: str, value: object, reason: str) -> None:
    """id, source and type alike; the name is the one that stands in the event."""
    if field != "type":
        assert rejected({**EVENTBRIDGE, field: value}) == (field, reason)
    if field != "detail-type":
        unset = value is None  # null is how CloudEvents in JSON may write an unset attribute
        assert rejected({**CLOUD_EVENT, field: value}) == (field, "is missing" if unset else reason)


def test_a_document_that_was_not_decoded_strictly_is_checked_too() -> None:
    """A lone surrogate in an attribute would fail only later, in the ledger or in a log."""
    document = {**without(CLOUD_EVENT, "data"), "id": "\ud800"}
    found = rejection(lambda: one(signals.from_document(document, sent_us=None)))
    assert found == ("id", "must not contain a lone surrogate")


@pytest.mark.parametrize("field", ["id", "source", "type"])
def test_a_missing_attribute_is_rejected_by_name(field: str) -> None:
    """A CloudEvent without one of the three is none."""
    assert rejected(without(CLOUD_EVENT, field)) == (field, "is missing")


@pytest.mark.parametrize(("field", "longest"), [("id", 1024), ("source", 2048), ("type", 1024)])
def test_an_attribute_has_a_greatest_length_in_characters(field: str, longest: int) -> None:
    """The limit itself is taken; beyond it the reason gives the limit and never repeats the text."""
    at_limit = "é" * longest
    assert getattr(read_signal({**CLOUD_EVENT, field: at_limit}), field) == at_limit
    for length in (longest + 1, 100_000):
        reason = f"must have at most {longest:,} characters"
        assert rejected({**CLOUD_EVENT, field: "x" * length}) == (field, reason)


@pytest.mark.parametrize(
    ("version", "found"), [("0.3", "'0.3'"), ("1.0.2", "'1.0.2'"), (1.0, "a number"), ("1.0" * 99, None)]
)
def test_another_version_of_cloud_events_is_rejected(version: object, found: str | None) -> None:
    """Only 1.0 is known."""
    field, reason = rejected({**CLOUD_EVENT, "specversion": version})
    assert field == "specversion"
    assert reason == f"must be '1.0', not {found}" or (found is None and len(reason) < 100)


@pytest.mark.parametrize("event", [CLOUD_EVENT, EVENTBRIDGE], ids=["ce", "eb"])
@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("", NO_TIME),
        ("2026-03-01T09:00:00", NO_TIME),
        ("1969-12-31T23:59:59Z", "must not be before 1970"),
        (1_772_355_600, "must be an RFC 3339 string, not a number"),
    ],
)
def test_a_malformed_time_is_rejected(event: dict[str, Any], time: object, reason: str) -> None:
    """A time that is there but wrong is never replaced by the sent time."""
    assert rejection(lambda: read_signal({**event, "time": time}, sent_us=SENT_US)) == ("time", reason)


def test_the_sent_time_stands_in_for_a_missing_one() -> None:
    """The signal says that the time is not the event's own; without a sent time there is no signal."""
    for event in (without(CLOUD_EVENT, "time"), {**CLOUD_EVENT, "time": None}, without(EVENTBRIDGE, "time")):
        signal = read_signal(event, sent_us=SENT_US)
        assert (signal.time_us, signal.time_is_own) == (SENT_US, False)
        assert rejected(event) == ("time", "is missing, and nothing around the event says when it was sent")


def test_the_nearest_envelope_says_when_an_event_was_sent() -> None:
    """A bus or topic stamps an event once; a queue behind it stamps every copy anew."""
    event = without(CLOUD_EVENT, "time")
    notification = {"Type": "Notification", "Message": json.dumps(event), "Timestamp": TIME}
    for around in (notification, {**EVENTBRIDGE, "detail": event}, {**EVENTBRIDGE, "detail": notification}):
        signal = one(signals.from_sqs_record(record(around)))
        assert (signal.id, signal.time_us, signal.time_is_own) == ("load-1", TIME_US, False)
    piped = {**EVENTBRIDGE, "detail": record(event)}
    assert read_signal(piped).time_us == SENT_US
    assert (
        one(signals.from_sqs_record(record({"Type": "Notification", "Message": json.dumps(event)}))).time_us == SENT_US
    )
    assert rejected({**notification, "Timestamp": "yesterday"}) == (
        "Timestamp",
        f"{NO_TIME} (of the SNS notification around the event)",
    )


@pytest.mark.parametrize(
    ("given_sequence", "sequence"),
    [
        (0, 0),
        ("0", 0),
        ("00017", 17),
        (2**128 - 1, 2**128 - 1),
        ("0" * 400 + str(2**128 - 1), 2**128 - 1),
        (None, None),
    ],
)
def test_a_sequence_is_an_integer_of_128_bits(given_sequence: object, sequence: int | None) -> None:
    """As a number or as its decimal digits."""
    assert read_signal({**CLOUD_EVENT, "sequence": given_sequence}).sequence == sequence


@pytest.mark.parametrize(
    "sequence", [-1, 2**128, str(2**128), "9" * 5_000, "", "-1", "1.0", 1.5, 1.0, "٣", True, [], " 1"]
)
def test_what_is_no_sequence_is_rejected(sequence: object) -> None:
    """No sign, no fraction, no boolean, no digits of other scripts."""
    reason = "must be an integer from 0 to 2^128 - 1, or a string of its decimal digits"
    assert rejected({**CLOUD_EVENT, "sequence": sequence}) == ("sequence", reason)


def test_a_queue_record_is_opened_and_gives_the_sent_time() -> None:
    """SentTimestamp is milliseconds as a string; it is read only where the event has no time of its own."""
    assert one(signals.from_sqs_record(record(CLOUD_EVENT))).time_us == TIME_US
    assert one(signals.from_sqs_record(record(CLOUD_EVENT, attributes={"SentTimestamp": "soon"}))).time_us == TIME_US
    event = without(CLOUD_EVENT, "time")
    assert one(signals.from_sqs_record(record(event))).time_us == SENT_US
    assert one(signals.from_sqs_record(record(event))).time_is_own is False


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        (None, "Records", "must hold objects, not null"),
        ({"body": "{}"}, "eventSource", "is missing"),
        ({**record({}), "eventSource": "aws:kinesis"}, "eventSource", "must be 'aws:sqs', not 'aws:kinesis'"),
        ({**record({}), "eventSource": []}, "eventSource", "must be 'aws:sqs', not a list"),
        (without(record({}), "body"), "body", "is missing; an SQS record carries its event in it"),
        ({**record({}), "body": 7}, "body", "must be a string, not a number"),
        ({**record({}), "body": ""}, "body", "is empty; expected a JSON text"),
        (
            record(without(CLOUD_EVENT, "time"), attributes={}),
            "time",
            "is missing, and nothing around the event says when it was sent",
        ),
        (
            record(without(CLOUD_EVENT, "time"), attributes={"SentTimestamp": "soon"}),
            "attributes.SentTimestamp",
            "must be milliseconds since the epoch as a string, not 'soon'",
        ),
    ],
)
def test_a_record_that_is_no_queue_record_is_rejected(bad: object, field: str, reason: str) -> None:
    """It never becomes a signal, and it names what is wrong with it."""
    assert rejection(lambda: one(signals.from_sqs_record(bad))) == (field, reason)


def test_an_event_that_lambda_has_decoded_is_exact_again() -> None:
    """The floats of the runtime's decoder become the decimals that were sent."""
    assert one(signals.from_object(json.loads(json.dumps(EVENTBRIDGE)))) == read_signal(EVENTBRIDGE)
    event = {**CLOUD_EVENT, "data": json.loads("[0.1, 1e22, 1.5e-7, 3]")}
    assert one(signals.from_object(event)).data == [Decimal("0.1"), Decimal("1e22"), Decimal("1.5e-7"), 3]
    # Its size is that of its UTF-8, not of the escapes that JSON could be written with.
    assert one(signals.from_object({**CLOUD_EVENT, "data": "é" * 100_000})).data == "é" * 100_000


def test_what_json_cannot_write_is_rejected() -> None:
    """Cycles, depth, foreign objects, NaN, lone surrogates and keys that become equal."""
    cycle: list[object] = []
    cycle.append(cycle)
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    expected: list[tuple[object, str, str]] = [
        (cycle, "body", "cannot be written as JSON: Circular reference detected"),
        (deep, "body", "is nested too deep to be written as JSON"),
        ({"a": object()}, "body", "cannot be written as JSON: Object of type object is not JSON serializable"),
        ({"a": [float("nan")]}, "a[0]", "is NaN, which is not a JSON number"),
        ({"a": "\ud800"}, "a", "contains a lone surrogate"),
        ({"a": 10**399}, "a", "is a number too large for a double (1.8e308)"),
        ({1: "a", "1": "b"}, "1", "is a duplicate key"),
        ({"a": "é" * 524_288}, "body", "is larger than 1,048,576 bytes"),
    ]
    for event, field, reason in expected:
        assert rejection(partial(read_object, event)) == (field, reason)


@pytest.mark.parametrize(
    ("event", "event_id"),
    [
        ({**CLOUD_EVENT, "time": "soon"}, "load-1"),
        (record({**CLOUD_EVENT, "time": "soon"}), "load-1"),
        ({**CLOUD_EVENT, "id": "a\0"}, None),
        (without(CLOUD_EVENT, "id"), None),
    ],
)
def test_a_rejected_event_is_named_where_it_has_an_id(event: object, event_id: str | None) -> None:
    """An answer and a log line can say which event it was."""
    with pytest.raises(EventRejected) as rejected:
        one(signals.from_body(json.dumps(event), sent_us=SENT_US))
    assert rejected.value.event_id == event_id

"""What the triggers send, byte by byte."""

import json

import pytest

from devkit.vefaas.triggers import KafkaMessage, packed
from vefaas import cloud_events
from vefaas.cloud_events import InvalidEvent

MESSAGE = KafkaMessage(7, b'{"load": 1}', sent_us=1_772_355_600_250_001)


def test_a_message_is_named_by_its_place_in_the_topic_and_keeps_its_body() -> None:
    message = cloud_events.read_one(MESSAGE.headers, MESSAGE.body)
    assert (message.kind, message.id, message.body) == ("kafka", "rooms-0-7", b'{"load": 1}')
    assert (message.sent_us, message.topic) == (1_772_355_600_250_001, "rooms")


def test_a_batch_keeps_values_with_colons() -> None:
    """The vendor's own parser loses them, and ce-time has three."""
    messages = cloud_events.read_batch({}, packed([MESSAGE, KafkaMessage(8, b"")]))
    assert [message.id for message in messages] == ["rooms-0-7", "rooms-0-8"]
    assert messages[0].sent_us == 1_772_355_600_250_001


def test_an_event_without_a_time_is_taken() -> None:
    headers = {name: value for name, value in MESSAGE.headers.items() if name != "ce-time"}
    assert cloud_events.read_one(headers, b"").sent_us is None


def test_a_batch_that_is_cut_short_is_none() -> None:
    """Wherever it ends."""
    batch = packed([MESSAGE, MESSAGE])
    for cut in range(len(batch)):
        with pytest.raises(InvalidEvent, match="cut short"):
            cloud_events.read_batch({}, batch[:cut])


def test_a_batch_with_more_than_its_events_is_none() -> None:
    with pytest.raises(InvalidEvent, match="bytes after its last event"):
        cloud_events.read_batch({}, packed([MESSAGE]) + b"x")


def test_of_data_and_data_base64_the_second_has_the_bytes() -> None:
    """The vendor sends both for a message that is no text."""
    event = {"type": "faas.kafka.event", "id": "1", "data": "?", "data_base64": "/w=="}
    headers = {"content-type": "application/cloudevents+json"}
    assert cloud_events.read_one(headers, json.dumps(event).encode()).body == b"\xff"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"data_base64": "/w="}, "data_base64"),
        ({"data_base64": "\uff0fw=="}, "data_base64"),  # not even ASCII
        ({"data": {"load": 1}}, "data: must be a string"),
    ],
)
def test_a_structured_event_whose_body_cannot_be_told_is_none(members: dict[str, object], reason: str) -> None:
    """And no defect of ours: what cannot be read is written down, as nobody else keeps it."""
    event = {"type": "faas.kafka.event", "id": "1", **members}
    with pytest.raises(InvalidEvent, match=reason):
        cloud_events.read_one({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())


@pytest.mark.parametrize("type_", ["faas.tos.event", "faas.kafka", "kafka", "", "faas.KAFKA.event"])
def test_another_type_is_no_message(type_: str) -> None:
    with pytest.raises(InvalidEvent, match="ce-type"):
        cloud_events.read_one({"ce-type": type_, "ce-id": "1"}, b"{}")


def test_the_older_prefix_is_taken() -> None:
    assert cloud_events.read_one({"ce-type": "bytefaas.timer.event", "ce-id": "1"}, b"").kind == "timer"

"""The bodies of events/bodies: each gives exactly the signals that are listed here, wherever it stands."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.engine import Policy

BODIES = Path(__file__).parents[3] / "events" / "bodies"
APP_ID = "5f3a1c0e9b7d4e2a8c6f0b13"
NINE_US = 1_772_355_600_000_000
LOAD = "rtc.room.load"
RECORD = record_of(id="record-1", key="room-418", topic=LOAD, headers={"app": APP_ID})


def about(room: int, load: str | None = None, task: int = 1) -> dict[str, Json]:
    data: dict[str, Json] = {"AppId": APP_ID, "RoomId": f"room-{room}", "TaskId": f"task-{task}"}
    return data if load is None else {**data, "load": Decimal(load)}


def made(
    id_: str,
    source: str,
    type_: str,
    seconds: float,
    data: Json,
    *,
    sequence: int | None = None,
    time_is_own: bool = True,
) -> Signal:
    """`seconds` after nine."""
    time_us = NINE_US + round(seconds * 1_000_000)
    return Signal(id_, source, type_, time_us, data, time_is_own, sequence)


EXPECTED = {
    "alertmanager": [
        made(
            "0f1e2d3c4b5a6978/firing/2026-03-01T09:00:31.123Z",
            "/events/alertmanager",
            "alertmanager.firing",
            31.123,
            about(401, "0.93"),
        ),
        made(
            "18a7b6c5d4e3f201/resolved/2026-03-01T08:40:00Z",
            "/events/alertmanager",
            "alertmanager.resolved",
            32.5,
            about(402, "0.42"),
        ),
    ],
    "grafana": [
        made(
            "a3c8f1d2e4b59607/firing/2026-03-01T09:00:33Z",
            "/events/grafana",
            "grafana.firing",
            33,
            about(403, "0.88"),
        )
    ],
    "cloudwatch_alarm": [
        made(
            "room-load-room-404/ALARM/2026-03-01T09:00:34.567+0000",
            "/events/cloudwatch-alarm",
            "cloudwatch-alarm.ALARM",
            34.567,
            about(404),
        )
    ],
    "cloud_monitor": [
        made(
            "1784000000000000000/room-405/firing/1772355630",
            "/events/cloud-monitor",
            "cloud-monitor.firing",
            30,
            about(405),
        ),
        made(
            "1784000000000000000/room-406/resolved/1772352000",
            "/events/cloud-monitor",
            "cloud-monitor.resolved",
            35,
            about(406),
        ),
    ],
    "cloud_monitor_event": [made("7c9e6679-7425-40de-944b-e07fc1f90ae7", "rtc", "rtc:Room:Overloaded", 36, about(407))],
    "room_readings": [
        made("m-1-task-1", "/events/monitor", LOAD, 37.123, about(408, "0.91"), sequence=41),
        made("m-1-task-2", "/events/monitor", LOAD, 37.124, about(408, "0.35", task=2), sequence=42),
    ],
    "lists_in_lists": [
        made("record-1-0", "/events/cluster", LOAD, 38, about(409, "0.7")),
        made("record-1-1", "/events/cluster", LOAD, 38, about(409, "0.95", task=2)),
        made("record-1-2", "/events/cluster", LOAD, 38, about(411, "0.2")),
    ],
    "otlp": [made("room.load/room-412/1772355639000000000", "/events/otlp", "room.load", 39, about(412, "0.87"))],
    "map_by_id": [
        made("record-1-room-413", "/events/by-room", LOAD, 40, about(413, "0.9")),
        made("record-1-room-414", "/events/by-room", LOAD, 40, about(414, "0.1")),
    ],
    "json_in_text": [made("f-1", "/events/forwarded", LOAD, 41, about(415, "0.83"))],
    "time_series": [made("record-1", "/events/series", LOAD, 42, about(416, "0.97"))],
    "dotted_keys": [made("record-1", "/events/dotted", LOAD, 43, about(417, "0.86"))],
    "kafka_value": [made("record-1", "/events/kafka", LOAD, 44, about(418, "0.92"), time_is_own=False)],
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load(BODIES / "policy.yaml")


def body_of(name: str) -> str:
    return (BODIES / f"{name}.json").read_text(encoding="utf-8")


def test_every_body_is_listed() -> None:
    """And described in the table of events/README.md."""
    table = (BODIES.parent / "README.md").read_text(encoding="utf-8")
    for path in BODIES.glob("*.json"):
        assert path.stem in EXPECTED
        assert f"| `bodies/{path.name}`" in table


@pytest.mark.parametrize("name", EXPECTED)
def test_a_body_gives_its_signals(name: str, policy: Policy) -> None:
    """Every field of every signal is the one listed, and the policy beside it adjusts every task."""
    sent_us = NINE_US + 44_000_000
    events = signals.from_body(body_of(name), sent_us=sent_us, readings=policy.readings, record=RECORD)
    assert events == EXPECTED[name]
    is_alert = name in ("alertmanager", "grafana", "cloudwatch_alarm", "cloud_monitor", "cloud_monitor_event")
    assert {event.is_alert for event in events if isinstance(event, Signal)} == {is_alert}
    assert all(policy.decide(event).adjustments for event in events if isinstance(event, Signal))


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "kafka_value"])
def test_a_body_in_envelopes_gives_the_same_signals(name: str, policy: Policy) -> None:
    """A queue's record, a topic's notification in a queue's record, both with the id that the default id uses."""
    stamp = {"messageId": "record-1", "eventSource": "aws:sqs", "attributes": {"SentTimestamp": "1772355644000"}}
    notification = {"Type": "Notification", "MessageId": "record-1", "TopicArn": "arn", "Message": body_of(name)}
    for body in (body_of(name), json.dumps(notification)):
        found = signals.from_sqs_record({**stamp, "body": body}, readings=policy.readings)
        assert [(event.id, event.time_us, event.data) for event in found if isinstance(event, Signal)] == [
            (event.id, event.time_us, event.data) for event in EXPECTED[name]
        ]
        assert {event.sent_us for event in found if isinstance(event, Signal)} == {NINE_US + 44_000_000}


def test_inside_a_complete_event_only_some_readings_are_tried(policy: Policy) -> None:
    """Those that are built in, and those that say `inside`: a complete event is never taken over by the others."""
    envelopes: list[dict[str, Json]] = [
        {"specversion": "1.0", "id": "e", "source": "/s", "type": "t"},
        {"id": "e", "source": "s", "detail-type": "t", "time": "2026-03-01T09:00:00Z"},
    ]
    for envelope, member in zip(envelopes, ("data", "detail"), strict=True):

        def found(name: str, envelope: dict[str, Json] = envelope, member: str = member) -> list[str]:
            text = json.dumps({**envelope, member: json.loads(body_of(name))})
            events = signals.from_body(text, sent_us=NINE_US, readings=policy.readings)
            return [event.type for event in events if isinstance(event, Signal)]

        assert found("alertmanager") == ["alertmanager.firing", "alertmanager.resolved"]
        assert found("room_readings") == ["t"]
        own = (BODIES / "policy.yaml").read_text(encoding="utf-8")
        inside = Policy.parse(own.replace("- name: monitor", "- name: monitor\n    inside: true"), "policy.yaml")
        text = json.dumps({**envelope, member: json.loads(body_of("room_readings"))})
        assert len(signals.from_body(text, sent_us=NINE_US, readings=inside.readings)) == 2

"""The sample events of events/: each file gives exactly the signals and rejections that are listed here."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from queue_worker.batches import batch_of
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.model import Json, NoEvent, Signal

EVENTS = Path(__file__).parents[2] / "events"
NINE_US = 1_772_355_600_000_000
"""2026-03-01T09:00:00Z."""
APP_ID = "5f3a1c0e9b7d4e2a8c6f0b13"
ALERT, LEFT = "moderation.alert", "rtc.user.left"


def data(room: int, **more: Json) -> dict[str, Json]:
    return {"AppId": APP_ID, "RoomId": f"room-{room}", "TaskId": "task-1", **more}


def load(room: int, value: str, **more: Json) -> dict[str, Json]:
    return {**data(room), "load": Decimal(value), **more}


def left(room: int, user: str) -> dict[str, Json]:
    return {"AppId": APP_ID, "RoomId": f"room-{room}", "UserId": user}


def no_app(room: int) -> dict[str, Json]:
    return {name: value for name, value in load(room, "0.9").items() if name != "AppId"}


def posted(
    id_: str,
    seconds: float,
    about: Json,
    type_: str = "rtc.room.load",
    *,
    own: bool = True,
    queued: float | None = None,
) -> Signal:
    """`queued`: so many seconds after nine the nearest queue or topic took it."""
    attributes: dict[str, Json] = {"datacontenttype": "application/json"}
    if id_.startswith("load-101"):
        attributes["subject"] = "room-101"
    time_us = NINE_US + round(seconds * 1_000_000)
    return Signal(
        id_, "/monitor/rtc", type_, time_us, about, time_is_own=own, attributes=attributes, sent_us=_us(queued)
    )


def bussed(id_: str, seconds: int, about: Json, type_: str = "rtc.room.load", *, queued: float | None = None) -> Signal:
    attributes: dict[str, Json] = {
        "version": "0",
        "account": "123456789012",
        "region": "ap-southeast-1",
        "resources": [],
    }
    time_us = NINE_US + seconds * 1_000_000
    return Signal(id_, "com.example.monitor", type_, time_us, about, attributes=attributes, sent_us=_us(queued))


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else NINE_US + round(seconds * 1_000_000)


EXPECTED: dict[str, list[Signal | str]] = {
    "sqs/cloudevent.json": [posted("load-101-2", 60.25, load(101, "0.93"), queued=61)],
    "sqs/duplicate.json": [posted("load-101-2", 60.25, load(101, "0.93"), queued=65)],
    "sqs/late.json": [posted("load-101-1", 30, load(101, "0.42"), queued=90)],
    "sqs/cloudevent_base64.json": [posted("load-102-1", 62, load(102, "0.85"), queued=63)],
    "sqs/cloudevent_without_time.json": [posted("load-103-1", 64, load(103, "0.3"), own=False, queued=64)],
    "sqs/eventbridge.json": [bussed("ad879f48-534a-acdd-e47e-0aaba380a195", 66, load(104, "1.0"), queued=67)],
    "sqs/sns_cloudevent.json": [posted("load-105-1", 68, load(105, "0.9"), queued=69.004)],
    "sqs/sns_eventbridge.json": [bussed("283fda9b-b918-f7f1-b019-396cab943d50", 70, load(106, "0.8"), queued=71.12)],
    "sqs/queue_bus_queue.json": [posted("load-107-1", 72, load(107, "0.95"), queued=73)],
    "sqs/moderation_alert.json": [posted("alert-108-1", 76, data(108, label="violence"), ALERT, queued=77)],
    "sqs/dead_band.json": [posted("load-109-1", 78, load(109, "0.7"), queued=79)],
    "sqs/unmatched.json": [posted("left-110-1", 80, left(110, "user-7"), LEFT, queued=81)],
    "sqs/malformed_not_json.json": ["body: is not JSON: Expecting value at line 1, column 54"],
    "sqs/malformed_missing_app_id.json": [posted("load-112-1", 83, no_app(112), queued=84)],
    "sqs/poison_unknown_task.json": [posted("load-113-1", 85, load(113, "0.9", TaskId="task-gone"), queued=86)],
    "sqs/mixed_batch.json": [
        posted("load-114-1", 87, load(114, "0.99"), queued=88),
        "body: is not JSON: Expecting value at line 1, column 1",
        posted("load-115-1", 88, load(115, "0.2"), queued=89),
        posted("load-114-2", 89, load(114, "0.5"), queued=90),
    ],
    "http/cloudevent.json": [posted("load-201-2", 120, load(201, "0.97"))],
    "http/duplicate.json": [posted("load-201-2", 120, load(201, "0.97"))],
    "http/late.json": [posted("load-201-1", 100, load(201, "0.1"))],
    "http/base64_body.json": [posted("load-202-1", 122.5, load(202, "0.6"))],
    "http/moderation_alert.json": [posted("alert-203-1", 124, data(203, label="nudity"), ALERT)],
    "http/several_tasks.json": [posted("load-204-1", 126, load(204, "0.88", TaskId=["task-1", "task-2"]))],
    "http/dead_band.json": [posted("load-205-1", 128, load(205, "0.65"))],
    "http/unmatched.json": [posted("left-206-1", 130, left(206, "user-9"), LEFT)],
    "http/malformed_not_json.json": ["body: is not JSON: Expecting ',' delimiter at line 1, column 42"],
    "http/malformed_missing_app_id.json": [posted("load-208-1", 133, no_app(208))],
    "http/poison_unknown_task.json": [posted("load-209-1", 135, load(209, "0.9", TaskId="task-gone"))],
    "eventbridge/room_load.json": [bussed("c18e7d33-7a8c-71a8-a51b-050b64b69562", 180, load(301, "0.86"))],
    "eventbridge/duplicate.json": [bussed("c18e7d33-7a8c-71a8-a51b-050b64b69562", 180, load(301, "0.86"))],
    "eventbridge/late.json": [bussed("4e5157d9-9bd7-93b8-6be6-3f164b6ad2c5", 170, load(301, "0.2"))],
    "eventbridge/cloudevent_in_detail.json": [posted("load-303-1", 183, load(303, "0.92"))],
    "eventbridge/sqs_record_in_detail.json": [posted("load-304-1", 185, load(304, "0.81"), queued=185)],
    "eventbridge/moderation_alert.json": [
        bussed("b3bf60a5-756a-ff77-fb9f-edd761269385", 182, data(302, label="violence"), ALERT)
    ],
    "eventbridge/dead_band.json": [bussed("b310ec04-5be1-1a16-f38e-2d2b073cbf9e", 188, load(305, "0.79"))],
    "eventbridge/unmatched.json": [bussed("8bcbbaf4-c262-9f25-ee20-882191c902e5", 189, left(306, "user-3"), LEFT)],
    "eventbridge/malformed_not_json_in_detail.json": ["body: is not JSON: Expecting value at line 1, column 30"],
    "eventbridge/malformed_missing_app_id.json": [bussed("2abd81a0-4945-8fdf-0269-1e465e698ac0", 191, no_app(308))],
    "eventbridge/poison_unknown_task.json": [
        bussed("447a201a-5507-38bd-2810-204a8a59100d", 192, load(309, "0.9", TaskId="task-gone"))
    ],
    "kafka/msk.json": [
        posted("load-401-1", 300, load(401, "0.9"), queued=300.5),
        posted("load-401-2", 300, load(401, "0.5"), queued=301),
        "body: is not JSON: Expecting property name enclosed in double quotes at line 1, column 24",
        posted("load-403-1", 303, load(403, "0.84"), own=False, queued=303),
        "the record has no value",
        posted("load-404-1", 305, load(404, "1.0"), queued=305),
    ],
    "kafka/self_managed.json": [posted("load-405-1", 310, load(405, "0.8"), queued=310)],
    "kinesis/records.json": [
        posted("load-411-1", 320, load(411, "0.95"), queued=320.679),
        "body: is not UTF-8: byte 0 cannot be decoded",
        posted("load-413-1", 321.75, load(413, "0.2"), own=False, queued=321.75),
    ],
    "mq/activemq.json": [posted("load-421-1", 330, load(421, "0.88"), queued=330.12)],
    "mq/rabbitmq.json": [
        posted("load-431-1", 340, load(431, "0.9"), own=False, queued=340),
        posted("load-432-1", 341, load(432, "0.1")),
    ],
    "sns/cloudevent.json": [posted("load-441-1", 350, load(441, "0.92"), queued=351.004)],
}


def openings(source: str, text: str) -> Iterator[Callable[[], list[Event]]]:
    """One way to open each event of a file, as the function of its source does it."""
    payload = json.loads(text)
    match source:
        case "sqs" | "kafka" | "kinesis" | "mq":
            batch = batch_of(payload)
            assert batch is not None
            yield from (partial(batch.read, record) for record in batch.records)
        case "sns":
            yield from (partial(signals.from_object, record["Sns"]) for record in payload["Records"])
        case "http":
            body = base64.b64decode(payload["body"]) if payload["isBase64Encoded"] else payload["body"]
            yield partial(signals.from_body, body, sent_us=payload["requestContext"]["timeEpoch"] * 1000)
        case "eventbridge":
            yield partial(signals.from_object, payload)


def opened(opening: Callable[[], list[Event]]) -> Signal | str:
    try:
        (event,) = opening()
    except EventRejected as rejected:
        return str(rejected)
    assert not isinstance(event, EventRejected)
    return event.reason if isinstance(event, NoEvent) else event


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_file_gives_its_signals(name: str) -> None:
    """Every field of every signal, and every rejection, is the one listed."""
    text = (EVENTS / name).read_text(encoding="utf-8")
    assert [opened(opening) for opening in openings(name.partition("/")[0], text)] == EXPECTED[name]


def test_every_sample_file_is_listed() -> None:
    """A file that is neither tested here nor described in the table of events/README.md does not exist."""
    files = sorted(path.relative_to(EVENTS).as_posix() for path in EVENTS.glob("*/*") if path.parent.name != "bodies")
    table = re.findall(r"^\| `((?!bodies/)[^`]+)`", (EVENTS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert files == sorted(EXPECTED)
    assert files == sorted(table)

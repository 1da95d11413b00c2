"""The log lines of outcomes say enough of their events to make these again, and no more than they may."""

from decimal import Decimal

import pytest

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.telemetry.event_fields import TEXT_CHARACTERS_MOST
from tests.logged_lines import RECEIVED, log_lines

TIME = "2026-03-01T08:59:59.000001Z"
TASK: dict[str, Json] = {"AppId": "app", "RoomId": "room", "TaskId": "task"}


def signal(data: Json, type_: str = "other", *, own: bool = True, **more: Json) -> Signal:
    return Signal("e-1", "/test", type_, rfc3339.to_microseconds(TIME), data, time_is_own=own, attributes=more)


def test_a_line_has_the_whole_event() -> None:
    """What Powertools says itself, then the outcome, then the event; data and attributes are texts of JSON."""
    (line,) = log_lines(signal({**TASK, "load": Decimal("0.90")}, "load", subject="room"))
    assert list(line.items())[4:] == [
        ("service", "tests"),
        ("event_id", "e-1"),
        ("source", "/test"),
        ("rule", "load"),
        ("app_id", "app"),
        ("room_id", "room"),
        ("task_id", "task"),
        ("interval", 5),
        ("reason", "fixed 5 s; dry run"),
        ("received", RECEIVED),
        ("policy", line["policy"]),
        ("event_type", "load"),
        ("event_time", TIME),
        ("attributes", '{"subject":"room"}'),
        ("data", '{"AppId":"app","RoomId":"room","TaskId":"task","load":0.90}'),
    ]


def test_a_time_that_stands_in_is_told_from_the_events_own() -> None:
    (line,) = log_lines(signal(None, own=False))
    assert line["event_sent"] == TIME
    assert "event_time" not in line
    assert line["data"] == "null"


def test_a_time_beyond_the_year_9999_has_no_text() -> None:
    """Nor has it a date that a reader of logs could parse."""
    (line,) = log_lines(Signal("e-1", "/test", "other", 253_402_300_800_000_000, None))
    assert not {"event_time", "event_sent"} & line.keys()


def test_a_sequence_is_text() -> None:
    """It has up to 128 bits, and most readers of JSON keep 53."""
    (line,) = log_lines(Signal("e-1", "/test", "other", 0, None, sequence=2**128 - 1))
    assert line["sequence"] == "340282366920938463463374607431768211455"


def test_of_several_tasks_only_the_first_line_has_the_event() -> None:
    """The others say which they are, and of which delivery: the event is written once."""
    first, *others = log_lines(signal({**TASK, "TaskId": ["a", "b", "c"]}, "load"))
    assert (first["task_id"], first["tasks"], first["event_type"]) == ("a", 3, "load")
    assert [(line["task_id"], line["task_number"], line["received"]) for line in others] == [
        ("b", 2, RECEIVED),
        ("c", 3, RECEIVED),
    ]
    assert not {"data", "event_type", "event_time"} & others[0].keys()


@pytest.mark.parametrize("name", ["data", "attributes"])
def test_a_text_that_is_too_long_is_left_out_and_measured(name: str) -> None:
    """16,384 characters are taken whole; one more, and the line says how many there were."""
    around = len('{"text":""}')
    for length, present in ((TEXT_CHARACTERS_MOST, True), (TEXT_CHARACTERS_MOST + 1, False)):
        text = "x" * (length - around)
        (line,) = log_lines(signal({"text": text}) if name == "data" else signal(None, text=text))
        assert (name in line) == present
        assert line.get(f"{name}_omitted_characters") == (None if present else TEXT_CHARACTERS_MOST + 1)


def test_without_event_data_neither_data_nor_attributes_are_logged() -> None:
    """LOG_EVENT_DATA=false: the line still says which event it was, of which type and when."""
    (line,) = log_lines(signal({"user": "hunter2"}, subject="hunter2"), log_event_data=False)
    assert "hunter2" not in str(line)
    assert {"event_id", "event_type", "event_time", "received"} <= line.keys()
    assert not {"data", "attributes"} & line.keys()


def test_what_is_no_event_has_nothing_to_say_of_one() -> None:
    """An envelope that could not be opened is logged by its fault alone."""
    (line,) = log_lines(EventRejected("body", "is empty"))
    assert list(line)[4:] == ["service", "reason", "cause", "received", "policy"]

"""Bodies are made again from the lines of what a reading made of them, so that another reading can be tried on them."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.record.parsers import Form
from devkit.tuner.record.recording import Recording, Summary
from devkit.tuner.record.sorting import SortedLines
from devkit.tuner.recordings import Arrival, arrivals
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import Event, Readings, record_of
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
from tests.events.readings.reading_policies import alert, group, readings_of
from tests.logged_lines import log_text

BODIES = Path(__file__).parents[3] / "events" / "bodies"
NAMES = sorted(path.stem for path in BODIES.glob("*.json"))
RECORD = record_of(id="record-1", key="room-418", topic="rtc.room.load", headers={"app": "app"})
SENT_US = 1_772_355_644_000_000


@pytest.fixture(scope="module")
def readings() -> Readings:
    return Policy.load(BODIES / "policy.yaml").readings


def recorded(log: str) -> tuple[list[Mapping[str, Any]], Summary]:
    with SortedLines() as lines:
        recording = Recording(frozenset(Form), lines)
        recording.take("log", StringIO(log, newline="\n"))
        summary = recording.summary()
        return [json.loads(line) for _, line in lines.lines()], summary


def seen(events: list[Event]) -> list[Signal]:
    return [event for event in events if isinstance(event, Signal)]


@pytest.mark.parametrize("name", NAMES)
def test_a_body_is_made_again(name: str, readings: Readings) -> None:
    """From lines in any order; the reading makes the same events of it as before."""
    text = (BODIES / f"{name}.json").read_text(encoding="utf-8")
    events = signals.from_body(text, sent_us=SENT_US, readings=readings, record=RECORD)
    log = log_text(*events)
    (line,), _ = recorded("".join(reversed(log.splitlines(keepends=True))))
    body = json.loads(text)
    if name == "lists_in_lists":
        del body["rooms"][1]  # it has no task, so no line
    assert line["event"] == body
    found = [each.signal for each in arrivals(1, json.dumps(line), [readings]) if isinstance(each, Arrival)]
    assert found == seen(events)


def test_the_body_is_logged_once_and_each_element_once(readings: Readings) -> None:
    """Without its list on the first line; a long list costs what it is long."""
    body = group(*[alert(str(number)) for number in range(50)])
    events = signals.from_body(json.dumps(body), sent_us=SENT_US, readings=readings, record=RECORD)
    lines = [json.loads(line) for line in log_text(*events).splitlines()]
    assert [json.loads(line["body"])["alerts"] for line in lines if "body" in line] == [[]]
    assert [line["element_number"] for line in lines] == [*range(50)]
    assert all("data" not in line for line in lines)


def test_another_reading_is_tried_on_a_recorded_body(readings: Readings) -> None:
    """An element that was rejected is there too: the new reading takes it."""
    body = {"kind": "room-readings", "msg": "m", "app": "a", "room": 1, "readings": [{"task": "t", "load": "much"}]}
    events = signals.from_body(json.dumps(body), sent_us=SENT_US, readings=readings, record=RECORD)
    (line,), _ = recorded(log_text(*events))
    other = readings_of("- {name: other, match: {kind: [room-readings]}, each: body.readings, type: t}")
    (arrival,) = arrivals(1, json.dumps(line), [other])
    assert isinstance(arrival, Arrival)
    assert arrival.signal.data == {"task": "t", "load": "much"}
    both = arrivals(1, json.dumps(line), [readings, other])
    assert [each.of for each in both if isinstance(each, Arrival)] == [1]


def test_what_is_missing_of_a_body_is_said(readings: Readings) -> None:
    """Its first line, or a text that was too long for the log."""
    body = group(alert("a"), alert("b"))
    events = signals.from_body(json.dumps(body), sent_us=SENT_US, readings=readings, record=RECORD)
    first, second = log_text(*events).splitlines(keepends=True)
    assert [loss.count for loss in recorded(second)[1].losses.values()] == [1]
    long = group(alert("a", annotations={"text": "x" * 20_000}))
    events = signals.from_body(json.dumps(long), sent_us=SENT_US, readings=readings, record=RECORD)
    found, summary = recorded(log_text(*events))
    assert not found
    assert "element_omitted_characters" in summary.describe()[1]
    assert len(recorded(first)[0]) == 1

"""What `tuner explain` says of events that end what others asked for, worked out by hand."""

import json
from pathlib import Path

import pytest

from tests.tuner.explain.explaining import Explainer, cloud_event

POLICY = """
version: 1
rules:
  - {name: alert, match: {type: [firing]}, interval: 1, for: 10m, default: 30}
  - {name: crowded, match: {type: [crowded]}, interval: 3, for: 1h, then: 40}
  - {name: resolved, match: {type: [resolved]}, hold: true, ends: [alert]}
  - {name: calm, match: {type: [calm]}, interval: 60, lengthen_after: 5m, ends: [alert, crowded]}
"""


@pytest.fixture
def explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explainer:
    return Explainer(tmp_path, capsys)


def told(explain: Explainer, *events: str) -> list[tuple[str, list[tuple[str, int | None, str]]]]:
    """The outcome of each event, and its steps from what it ends on."""
    policy = explain.file("policy.yaml", POLICY)
    answers = explain.events(policy, explain.file("events.ndjson", *events))
    outcomes = [answer["outcomes"][0] for answer in answers]
    shown = ("ends", "ended", "order", "open", "stabilizing")
    return [
        (
            f"{each['outcome']} {each['interval']}",
            [(step["step"], step["seconds"], step["says"]) for step in each["steps"] if step["step"] in shown],
        )
        for each in outcomes
    ]


def test_it_says_what_is_over_and_what_holds_then(explain: Explainer) -> None:
    """The next one that is open; then, of the alert that came late, which event had ended it."""
    _, _, ended, late = told(
        explain,
        cloud_event("f1", 0, type_="firing"),
        cloud_event("c1", 1, type_="crowded"),
        cloud_event("r1", 2, type_="resolved"),
        cloud_event("f0", 1, 30, type_="firing"),
    )
    assert ended == (
        "applied 3",
        [
            ("ended", None, "rule alert wanted 1 s until 2026-03-01T09:10:00Z (event f1): over with this event"),
            ("open", 3, "rule crowded wants 3 s until 2026-03-01T10:01:00Z (event c1); the shortest is in effect"),
            ("stabilizing", 3, "no lengthen_after"),
        ],
    )
    step, seconds, says = late[1][0]
    assert (step, seconds) == ("ends", 30)
    assert "until 2026-03-01T09:11:30Z (over since event r1 of 2026-03-01T09:02:00Z); then it ends" in says


def test_it_says_that_there_is_nothing_to_end(explain: Explainer) -> None:
    [only] = told(explain, cloud_event("r1", 0, type_="resolved"))
    assert only == ("held None", [("ended", None, "nothing older of alert is open")])


def test_it_says_what_comes_by_default(explain: Explainer) -> None:
    [alert] = told(explain, cloud_event("f1", 0, type_="firing"))
    text = "for 600 s from the event's time on, until 2026-03-01T09:10:00Z; then 30 s: nothing else was ever asked for"
    assert alert[1][0] == ("ends", 1, text)


def test_it_says_that_an_interval_of_its_own_waits(explain: Explainer) -> None:
    """Five minutes after the alert asked for less."""
    *_, calm = told(
        explain,
        cloud_event("f1", 0, type_="firing"),
        cloud_event("c1", 1, type_="crowded"),
        cloud_event("k1", 2, type_="calm"),
    )
    assert calm[0] == "deferred 60"
    says = "60 s is longer than the 40 s that event c1 asked for: it waits until 2026-03-01T09:06:00Z"
    assert calm[1][-1] == ("stabilizing", 40, says)


def test_people_see_it_too(explain: Explainer) -> None:
    """An event without an interval of its own has steps all the same."""
    policy = explain.file("policy.yaml", POLICY)
    events = explain.file("events.ndjson", cloud_event("f1", 0, type_="firing"), cloud_event("r1", 2, type_="resolved"))
    shown = " ".join(explain.output(policy, events).split())
    assert "→ applied: ends alert; set to 30 s" in shown
    assert "ended rule alert wanted 1 s until 2026-03-01T09:10:00Z (event f1): over with this event" in shown
    assert json.loads(explain.output(policy, events, "--json"))["events"][1]["reason"] == "ends alert"

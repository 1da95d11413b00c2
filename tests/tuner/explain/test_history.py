"""What was before an event: open adjustments, cooldowns and confirmed calls are those of its moment."""

import json
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.exits import Exit
from tests.tuner.explain.explaining import AT_NINE, Explainer, cloud_event, steps

POLICY = """
version: 1
bounds: {min: 2, max: 300}
lengthen_after: 2m
skip_unchanged_within: 5m
rules:
  - {name: alert, match: {type: [alert]}, interval: 3, for: 10m}
  - {name: watch, match: {type: [watch]}, interval: 4, for: 5m, then: 7}
  - name: load
    match: {type: [rtc.room.load]}
    interval: {of: data.load, curve: [[0, 5], [1, 105]]}
"""


@pytest.fixture
def policy(explainer: Explainer) -> Path:
    return explainer.file("policy.yaml", POLICY)


def explain_outcome(explainer: Explainer, policy: Path, event: str, *before: str, exit_code: Exit = Exit.FINE) -> Any:  # noqa: ANN401 - JSON
    """The one outcome of an event after others."""
    history = explainer.file("before.ndjson", *before)
    event_file = explainer.file("event.json", event)
    (printed,) = explainer.events(policy, event_file, "--after", str(history), exit_code=exit_code)
    (outcome,) = printed["outcomes"]
    return outcome


def test_an_open_adjustment_that_is_shorter_holds(explainer: Explainer, policy: Path) -> None:
    """09:00 an alert for ten minutes; the load of 09:05 asks for 55 s, which the task gets when the alert ends."""
    outcome = explain_outcome(explainer, policy, cloud_event("load", 5, load=0.5), cloud_event("a", 0, type_="alert"))
    assert outcome["outcome"] == "deferred"
    assert steps(outcome) == {
        "asked": (55, "load 0.5 -> curve 55 s"),
        "bounds": (55, "within 2 to 300 s"),
        "order": (55, "nothing without an end was known of the task"),
        "open": (3, "rule alert wants 3 s until 2026-03-01T09:10:00Z (event a); the shortest is in effect"),
        "stabilizing": (3, "lengthen_after 120 s: nothing to wait for"),
    }
    (open_step,) = [step for step in outcome["steps"] if step["step"] == "open"]
    assert open_step["until"] == "2026-03-01T09:10:00.000000Z"
    assert outcome["follows"] == [
        {"at": "2026-03-01T09:10:00.000000Z", "interval": 55, "rule": "load", "event": "load"}
    ]


def test_an_open_adjustment_that_is_longer_does_not_hold(explainer: Explainer, policy: Path) -> None:
    """A watch of 4 s is open; an alert asks for 3 s, gets it at once, and the watch comes after it no more."""
    outcome = explain_outcome(
        explainer, policy, cloud_event("a", 1, type_="alert"), cloud_event("w", 0, type_="watch"), cloud_event("l", 0)
    )
    assert outcome["outcome"] == "applied"
    assert steps(outcome)["order"] == (3, "rule alert had nothing open for the task")
    says = "rule watch wants 4 s until 2026-03-01T09:05:00Z (event w); this one is the shortest"
    assert steps(outcome)["open"] == (3, says)
    over = "then it ends, and the task returns to what else was asked for"
    says = f"for 600 s from the event's time on, until 2026-03-01T09:11:00Z; {over}"
    assert steps(outcome)["ends"] == (3, says)
    # The watch ends before the alert does, and leaves its `then` behind.
    assert outcome["follows"] == [{"at": "2026-03-01T09:11:00.000000Z", "interval": 7, "rule": "watch", "event": "w"}]


def test_an_end_that_leaves_nothing_is_told(explainer: Explainer, policy: Path) -> None:
    """Nobody knows what the task was before: it keeps the interval, until an event asks for something else."""
    outcome = explain_outcome(explainer, policy, cloud_event("a", 0, type_="alert"))
    says = "for 600 s from the event's time on, until 2026-03-01T09:%s:00Z; "
    assert steps(outcome)["ends"] == (3, f"{says % 10}then it stays at 3 s: nothing else was ever asked for")
    assert outcome["follows"] == []
    outcome = explain_outcome(explainer, policy, cloud_event("a", 5, type_="alert"), cloud_event("l", 0, load=0.5))
    assert steps(outcome)["ends"] == (3, f"{says % 15}then it ends, and the task returns to what else was asked for")


def test_an_adjustment_with_then_says_what_follows(explainer: Explainer, policy: Path) -> None:
    """Also where nothing was known before."""
    outcome = explain_outcome(explainer, policy, cloud_event("w", 0, type_="watch"))
    says = "for 300 s from the event's time on, until 2026-03-01T09:05:00Z; then 7 s"
    assert steps(outcome)["ends"] == (4, says)
    assert steps(outcome)["order"] == (4, "nothing was known of the task")
    assert outcome["follows"] == [{"at": "2026-03-01T09:05:00.000000Z", "interval": 7, "rule": "watch", "event": "w"}]


def test_an_adjustment_that_is_over_when_it_arrives_asks_for_what_comes_then(
    explainer: Explainer, policy: Path
) -> None:
    """A watch of 09:00 ended at 09:05 with 7 s; an alert, which leaves nothing behind, is superseded by its own end."""
    watch = f'{{"received": "{AT_NINE.format(6, 0)}", "event": {cloud_event("w", 0, type_="watch")}}}'
    outcome = explain_outcome(explainer, policy, watch)
    says = "for 300 s from the event's time on, until 2026-03-01T09:05:00Z (over by now); then 7 s"
    assert steps(outcome)["ends"] == (7, says)
    assert [seconds for seconds, _ in steps(outcome).values()] == [4, 4, 7, 7, 7, 7, 7]
    alert = f'{{"received": "{AT_NINE.format(10, 1)}", "event": {cloud_event("a", 0, type_="alert")}}}'
    outcome = explain_outcome(explainer, policy, alert)
    assert outcome["outcome"] == "superseded"
    assert [seconds for seconds, _ in steps(outcome).values()] == [3, 3, None, None]
    assert steps(outcome)["order"] == (None, "superseded: its time is over")


def test_the_same_event_twice_in_a_batch_is_told_so(explainer: Explainer, policy: Path) -> None:
    """As the function answers it: one is applied, the other a duplicate."""
    record = {"eventSource": "aws:sqs", "attributes": {}, "body": cloud_event("l", 0, load=0.5)}
    batch = explainer.file("batch.json", json.dumps({"Records": [record, record]}))
    (first, again) = (event["outcomes"][0] for event in explainer.events(policy, batch))
    assert (first["outcome"], again["outcome"]) == ("applied", "duplicate")
    assert steps(again)["order"] == (55, "the same event arrived a moment ago")


def test_what_arrived_at_the_same_moment_was_not_before(explainer: Explainer, policy: Path) -> None:
    """Nobody knows which of them was first."""
    outcome = explain_outcome(explainer, policy, cloud_event("l2", 0, load=0.5), cloud_event("l1", 0, load=0.05))
    assert steps(outcome)["order"] == (55, "nothing was known of the task")


def test_an_adjustment_that_has_ended_is_open_no_more(explainer: Explainer, policy: Path) -> None:
    """At 09:10 the alert of 09:00 is over, and its end was followed by the base."""
    outcome = explain_outcome(
        explainer,
        policy,
        cloud_event("l2", 10, load=0.05),
        cloud_event("l1", 0, load=0.5),
        cloud_event("a", 0, 1, type_="alert"),
        cloud_event("w", 9, 59, type_="watch"),
    )
    assert outcome["outcome"] == "deferred"
    says = "rule alert wants 3 s until 2026-03-01T09:10:01Z (event a), rule watch wants 4 s until 2026-03-01T09:14:59Z"
    assert steps(outcome)["open"][1].startswith(says)
    later = explain_outcome(
        explainer,
        policy,
        cloud_event("l2", 11, load=0.05),
        cloud_event("l1", 0, load=0.5),
        cloud_event("a", 0, 1, type_="alert"),
    )
    assert (later["outcome"], steps(later)["open"]) == ("applied", (10, "nothing else is open"))


def test_a_longer_interval_waits(explainer: Explainer, policy: Path) -> None:
    """09:00 asks for 10 s; 09:01 for 55 s, which has to wait until nothing shorter was asked for in two minutes."""
    outcome = explain_outcome(explainer, policy, cloud_event("l2", 1, load=0.5), cloud_event("l1", 0, load=0.05))
    assert outcome["outcome"] == "deferred"
    assert steps(outcome) == {
        "asked": (55, "load 0.5 -> curve 55 s"),
        "bounds": (55, "within 2 to 300 s"),
        "order": (55, "newer than event l1 of 2026-03-01T09:00:00Z, which asked for 10 s"),
        "open": (55, "nothing else is open"),
        "stabilizing": (
            10,
            "55 s is longer than the 10 s that event l1 asked for: it waits until 2026-03-01T09:02:00Z",
        ),
    }
    assert outcome["follows"] == [{"at": "2026-03-01T09:02:00.000000Z", "interval": 55, "rule": "load", "event": "l2"}]


def test_an_interval_that_was_confirmed_needs_no_call(explainer: Explainer, policy: Path) -> None:
    """Within five minutes; after them it does."""
    before = cloud_event("l1", 0, load=0.5)
    soon = explain_outcome(explainer, policy, cloud_event("l2", 4, 59, load=0.5), before)
    seconds, says = steps(soon)["unchanged"]
    assert (seconds, says.partition(" at ")[0]) == (55, "confirmed")
    assert says.endswith("less than 300 s ago: no call is needed")
    assert soon["reason"] == "load 0.5 -> curve 55 s; unchanged: no call was needed"
    later = explain_outcome(explainer, policy, cloud_event("l3", 5, 1, load=0.5), before)
    assert steps(later)["unchanged"] == (55, "not confirmed within 300 s: a call is made")
    assert later["reason"] == "load 0.5 -> curve 55 s"


def test_what_became_due_on_its_own_was_called_for(explainer: Explainer, policy: Path) -> None:
    """The 55 s of 09:01 waited until 09:02 and were confirmed then, so that at 09:06 they are unchanged."""
    before = [cloud_event("l1", 0, load=0.05), cloud_event("l2", 1, load=0.5)]
    outcome = explain_outcome(explainer, policy, cloud_event("l3", 6, load=0.5), *before)
    assert steps(outcome)["unchanged"][1].startswith("confirmed at 2026-03-01T09:02:0")


def test_an_older_event_is_superseded(explainer: Explainer, policy: Path) -> None:
    """It arrives after a newer one of its competitor; the steps end there."""
    late = f'{{"received": "{AT_NINE.format(3, 0)}", "event": {cloud_event("l1", 1, load=0)}}}'
    outcome = explain_outcome(explainer, policy, late, cloud_event("l2", 2, load=0.5))
    assert outcome["outcome"] == "superseded"
    assert list(steps(outcome)) == ["asked", "bounds", "order"]
    assert steps(outcome)["order"] == (None, "older than event l2 of 2026-03-01T09:02:00Z: nothing changes")


def test_the_same_event_again_is_a_duplicate(explainer: Explainer, policy: Path) -> None:
    """And with another payload it is rejected."""
    before = cloud_event("l1", 1, load=0.5)
    again = f'{{"received": "{AT_NINE.format(3, 0)}", "event": {before}}}'
    outcome = explain_outcome(explainer, policy, again, before)
    assert (outcome["outcome"], steps(outcome)["order"]) == (
        "duplicate",
        (None, "this event was applied before: nothing changes"),
    )
    other = again.replace('"load": 0.5', '"load": 0.6')
    outcome = explain_outcome(explainer, policy, other, before, exit_code=Exit.REJECTED)
    assert (outcome["outcome"], steps(outcome)["order"]) == (
        "rejected",
        (None, "conflict: id: already used with another payload"),
    )


def test_only_what_arrived_before_it_counts(explainer: Explainer, policy: Path) -> None:
    """Not what came later, not other tasks' events, not itself, and no line that cannot be read."""
    event = cloud_event("l2", 1, load=0.5)
    history = explainer.file(
        "day.ndjson",
        cloud_event("l1", 0, load=0.5),
        cloud_event("other", 0, load=0.05, TaskId="task-2"),
        "{not JSON",
        event,
        cloud_event("l3", 2, load=0.05),
    )
    answer = explainer.answer(policy, explainer.file("event.json", event), "--after", str(history))
    assert answer["history"] == {"file": str(history), "events": 2, "unreadable": 1}
    (outcome,) = answer["events"][0]["outcomes"]
    assert outcome["outcome"] == "applied"
    assert steps(outcome)["order"][1] == "newer than event l1 of 2026-03-01T09:00:00Z, which asked for 55 s"
    printed = explainer.output(policy, explainer.file("event.json", event), "--after", str(history))
    assert printed.startswith("History: 2 other events of ")
    assert "adjust the same tasks; 1 of its lines cannot be read." in " ".join(printed.split())


def test_several_lines_of_a_recording_each_come_after_what_was_before_them(explainer: Explainer, policy: Path) -> None:
    """Whether it is in the recording alone or among the lines to explain."""
    first, between, last = (cloud_event(f"l{minute}", minute, load=minute / 100) for minute in (1, 2, 3))
    history = explainer.file("day.ndjson", first, between, last)
    events = explainer.events(policy, explainer.file("two.ndjson", first, last), "--after", str(history))
    printed = [steps(outcome)["order"][1] for event in events for outcome in event["outcomes"]]
    assert printed == [
        "nothing was known of the task",
        "newer than event l2 of 2026-03-01T09:02:00Z, which asked for 7 s",
    ]


def test_an_event_of_a_later_time_than_its_arrival_allows_is_rejected(explainer: Explainer, policy: Path) -> None:
    """As by the ledger: its clock would be five minutes wrong."""
    early = f'{{"received": "{AT_NINE.format(0, 0)}", "event": {cloud_event("l1", 6, load=0)}}}'
    outcome = explain_outcome(explainer, policy, early, exit_code=Exit.REJECTED)
    assert steps(outcome)["order"] == (None, "rejected: time: 360 s in the future")


def test_a_history_that_cannot_be_read_is_a_usage_error(explainer: Explainer, policy: Path) -> None:
    event = explainer.file("event.json", cloud_event("l", 0, load=0))
    missing = str(explainer.folder / "missing.ndjson")
    complaint = explainer.complaint(policy, event, "--after", missing, exit_code=Exit.USAGE)
    assert complaint.endswith("missing.ndjson: No such file or directory\n")

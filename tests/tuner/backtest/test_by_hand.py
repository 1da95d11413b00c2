"""A backtest's numbers for an example that was worked out by hand.

Two rooms; seconds since the first event. A batch starts 1 s after its first event, the first call of a batch is sent at
once, a second one 1/145 s (6,897 us) later, and each is confirmed after 0.1 s. So an event takes effect 1.1 s after it
came, or 1.106897 s where it is the second of its batch.

    at    event             new policy                         old policy
    0     r1 load 0.2       20 s                               20 s
    100   r1 load 0.8       50 s                               20 s again
    100   r2 load 0         10 s (second of its batch)         20 s
    200   r1 alert          2 s (1 s, clamped) until 260       5 s
    300   r1 load 0.8       the reconciler's minute: 50 s      the same event once more: a duplicate
    400   r1 load 1         60 s                               20 s
    500   r2 join           no rule                            no rule
    500   r1 load 0         10 s, after the last event         20 s again

New, r1:  0 to 1.1 at 2, to 101.1 at 20, to 201.1 at 50, to 300.1 at 2, to 401.1 at 50, to 500 at 60
          0.55 + 5 + 2 + 49.5 + 2.02 + 1.6483 = 60.7183 pictures
Old, r1:  0 to 1.1 at 2, to 201.1 at 20, to 401.1 at 5, to 500 at 20
          0.55 + 10 + 40 + 4.945 = 55.495 pictures
r2:       100 to 101.106897 at 2, then to 500 at 10 (new) or at 20 (old)
          0.5534485 + 39.8893103 = 40.4427588, and 0.5534485 + 19.94465515 = 20.49810365 pictures
"""

import json
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from tests.tuner.backtest.recorded import START_US, again, event, write

NEW = """
version: 1
bounds: {min: 2, max: 60}
rules:
  - {name: alert, match: {type: [alert]}, interval: 1, for: 60s}
  - {name: load, match: {type: [load]}, interval: {of: data.load, curve: [[0, 10], [1, 60]]}}
"""
OLD = """
version: 1
bounds: {min: 5, max: 60}
rules:
  - {name: alert, match: {type: [alert]}, interval: 5}
  - {name: load, match: {type: [load]}, interval: 20}
"""
SECOND = event("e2", 100, "r1", load=0.8)
EVENTS = [
    event("e1", 0, "r1", load=0.2),
    SECOND,
    event("e3", 100, "r2", load=0),
    event("e4", 200, "r1", "alert"),
    again(SECOND, 300),
    event("e6", 400, "r1", load=1),
    event("e7", 500, "r2", "join"),
    event("e8", 500, "r1", load=0),
]


@pytest.fixture
def report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    new, old = tmp_path / "new.yaml", tmp_path / "old.yaml"
    new.write_text(NEW, encoding="utf-8")
    old.write_text(OLD, encoding="utf-8")
    events = write(tmp_path, EVENTS)
    assert main(["backtest", str(new), str(events), "--against", str(old), "--json", "--price", "2.5"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_pictures_and_what_they_cost(report: dict[str, Any]) -> None:
    """Each task's time over its interval, from its first event to its last."""
    new, old = (policy["figures"] for policy in report["policies"])
    assert (new["tasks"], new["task_hours"]) == (2, pytest.approx(900 / 3600))
    assert new["pictures"] == pytest.approx(60.718333 + 40.442759, abs=1e-5)
    assert old["pictures"] == pytest.approx(55.495 + 20.498104, abs=1e-5)
    assert (new["cost"], old["cost"]) == pytest.approx((0.25290273, 0.18998276), abs=1e-7)


def test_calls_and_changes(report: dict[str, Any]) -> None:
    """A call that sets the same interval again is no change; the reconciler's is one."""
    new, old = (policy["figures"] for policy in report["policies"])
    assert (new["calls"], new["changes"], new["changes_per_task_hour"]) == (7, 7, pytest.approx(28))
    assert (old["calls"], old["changes"], old["changes_per_task_hour"]) == (6, 4, pytest.approx(16))
    assert (new["most_calls_in_a_second"], old["most_calls_in_a_second"]) == (2, 2)
    over_time = report["policies"][0]["calls_over_time"]
    sent = [second for second, most in enumerate(over_time["most"]) if most]
    assert (over_time["start"], over_time["bucket_seconds"]) == (START_US / 1e6, 1)
    assert sent == [1, 101, 201, 300, 401, 501]
    assert [over_time["most"][second] for second in sent] == [1, 2, 1, 1, 1, 1]


def test_time_at_the_bounds_and_the_mean(report: dict[str, Any]) -> None:
    """What is at a bound or beyond it: the default of 2 s is below a bound of 5 s."""
    new, old = (policy["figures"] for policy in report["policies"])
    assert new["seconds_at_min_share"] == pytest.approx((1.1 + 99 + 1.106897) / 900)
    assert new["seconds_at_max_share"] == pytest.approx(98.9 / 900)
    assert old["seconds_at_min_share"] == pytest.approx((1.1 + 200 + 1.106897) / 900)
    r1 = 2 * 1.1 + 20 * 100 + 50 * 100 + 2 * 99 + 50 * 101 + 60 * 98.9
    assert new["mean_interval_seconds"] == pytest.approx((r1 + 2 * 1.106897 + 10 * 398.893103) / 900)


def test_histogram(report: dict[str, Any]) -> None:
    """Weighted by time, in the same buckets for both."""
    new, old = (
        {bucket["from"]: bucket["task_seconds"] for bucket in policy["histogram"] if bucket["task_seconds"]}
        for policy in report["policies"]
    )
    assert new == pytest.approx({2: 101.206897, 10: 398.893103, 20: 100, 30: 201, 60: 98.9})
    assert old == pytest.approx({2: 2.206897, 5: 200, 20: 200 + 98.9 + 398.893103})


def test_outcomes_rules_and_delays(report: dict[str, Any]) -> None:
    """From an event's arrival to its confirmed call, batch window and slot included."""
    new = report["policies"][0]
    assert {kind: count for kind, count in new["outcomes"].items() if count} == {
        "applied": 6,
        "duplicate": 1,
        "unmatched": 1,
    }
    assert new["rules"] == [{"rule": "alert", "events": 1, "applied": 1}, {"rule": "load", "events": 6, "applied": 5}]
    assert new["event_to_effect_seconds"] == {
        "count": 6,
        "p50": 1.1,
        "p95": 1.107,
        "p99": 1.107,
        "most": pytest.approx(1.106897),
    }


def test_rooms_that_differ(report: dict[str, Any]) -> None:
    """Sorted by the difference of their pictures, with the share of their time at which they differ."""
    assert (report["rooms_count"], report["rooms_different"]) == (2, 2)
    r2, r1 = report["rooms"]
    assert (r1["task"]["RoomId"], r1["events"], r1["changes"]) == ("r1", 6, [6, 3])
    assert r1["pictures"] == pytest.approx([60.718333, 55.495], abs=1e-5)
    assert r1["different_share"] == pytest.approx(398.9 / 500)
    assert (r2["task"]["RoomId"], r2["events"], r2["changes"]) == ("r2", 2, [1, 1])
    assert r2["different_share"] == pytest.approx(398.893103 / 400)
    assert r2["mean_interval_seconds"][1] == pytest.approx((2 * 1.106897 + 20 * 398.893103) / 400)


def test_the_chart_of_a_room_tells_every_step_with_its_cause(report: dict[str, Any]) -> None:
    """Each change with its event, rule and reason; also what came without an event."""
    [chart] = [each for each in report["charts"] if each["task"]["RoomId"] == "r1"]
    start = START_US / 1e6
    assert [(each["at"] - start, each["type"], each["id"]) for each in chart["events"]] == [
        (0, "load", "e1"),
        (100, "load", "e2"),
        (200, "alert", "e4"),
        (300, "load", "e2"),
        (400, "load", "e6"),
        (500, "load", "e8"),
    ]
    new, old = chart["steps"]
    assert [(round(each["at"] - start, 3), each["interval"], each["rule"], each["event"]) for each in new] == [
        (0, 2, None, None),
        (1.1, 20, "load", "e1"),
        (101.1, 50, "load", "e2"),
        (201.1, 2, "alert", "e4"),
        (300.1, 50, "load", "e2"),
        (401.1, 60, "load", "e6"),
        (501.1, 10, "load", "e8"),
    ]
    assert [each["reason"] for each in new[3:5]] == [
        "fixed 1 s, clamped to 2 s by bounds.min, for 60 s, then previous",
        "now due: load 0.8 -> curve 50 s",
    ]
    assert [each["interval"] for each in old] == [2, 20, 5, 20]

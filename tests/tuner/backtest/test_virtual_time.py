"""What happens without an event, and under the rate limit, at the moments at which a deployment would do it."""

import json
from pathlib import Path

import pytest

from devkit.tuner.backtest import assumptions
from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.replay import Replay
from devkit.tuner.backtest.trail import Trail
from snapshot_tuner.model import OutcomeKind
from snapshot_tuner.policy.engine import Policy
from tests.template import cloudformation
from tests.tuner.backtest.recorded import event, replayed, write

POLICY = """
version: 1
rules:
  - {name: alert, match: {type: [alert]}, interval: 1, for: 90s, then: 7}
  - {name: calm, match: {type: [calm]}, interval: 30, lengthen_after: 100s}
  - {name: load, match: {type: [load]}, interval: 5}
"""


def steps(folder: Path, lines: list[object], policy: str = POLICY) -> list[tuple[float, int, str, bool]]:
    """Of room r: when, interval, rule, and whether an event did it."""
    replay, trail = Replay([Policy.parse(policy, "policy.yaml")], Assumptions()), Trail()
    replay.run(write(folder, lines), trail=trail)
    [room] = [room.number for task, room in replay.rooms.of.items() if task.room_id == "r"]
    found = trail.read({room})[room].steps[0]
    trail.close()
    return [(round(when, 3), interval, rule, by_event) for when, interval, rule, _, _, by_event in found]


def test_an_adjustment_ends_at_the_first_minute_of_the_reconciler_behind_its_end(tmp_path: Path) -> None:
    """It was asked for at 30 s and holds for 90 s: at 120 s, not at 60 s, it gives way to what comes then."""
    lines: list[object] = [event("e1", 0, "r"), event("e2", 30, "r", "alert"), event("e3", 500, "other")]
    assert steps(tmp_path, lines) == [
        (1.1, 5, "load", True),
        (31.1, 1, "alert", True),
        (120.1, 7, "alert", False),
    ]


def test_a_longer_interval_waits_for_its_cooldown(tmp_path: Path) -> None:
    """Until nobody has asked for less for 100 s: it is recorded, then the reconciler sets it in the next minute."""
    lines: list[object] = [event("e1", 0, "r"), event("e2", 20, "r", "calm"), event("e3", 500, "other")]
    assert steps(tmp_path, lines) == [(1.1, 5, "load", True), (120.1, 30, "calm", False)]


def test_a_full_batch_does_not_wait_for_its_window(tmp_path: Path) -> None:
    """Two events make a batch here: the first two are called at once, the third when its window is over."""
    path = write(tmp_path, [event(f"e{number}", 0, f"r{number}") for number in range(3)])
    replay = replayed(path, [POLICY], Assumptions(batch_size=2, batch_window=4.0, call_seconds=0.25))
    confirmed = [round(room.sides[0].confirmed_at, 3) for room in replay.rooms.of.values()]
    assert confirmed == [0.25, 0.257, 4.25]


def test_more_events_than_calls_are_possible_come_back_and_the_limit_holds(tmp_path: Path) -> None:
    """At 3 calls/s ten workers of 20 s get through some; the others come again after the visibility timeout."""
    path = write(tmp_path, [event(f"e{number:03}", 0, f"r{number}") for number in range(150)])
    replay = replayed(path, [POLICY], Assumptions(max_qps=3, batch_size=10))
    [run] = replay.runs
    assert run.rate.most_in_a_second <= 3
    assert run.kinds[OutcomeKind.APPLIED] + run.dead_letters == 150
    assert run.kinds[OutcomeKind.APPLIED] == run.rate.calls == run.delays.count
    assert run.kinds[OutcomeKind.RETRY] > 0
    assert run.delays.most > Assumptions().queue.visibility


def test_ten_workers_use_the_whole_rate(tmp_path: Path) -> None:
    """A burst is carried out at 145 calls/s, never more than 150 in any second."""
    path = write(tmp_path, [event(f"e{number:03}", 0, f"r{number}") for number in range(450)])
    [run] = replayed(path, [POLICY]).runs
    assert 145 <= run.rate.most_in_a_second <= 146
    assert run.delays.most == pytest.approx(450 / 145 + 0.1, abs=0.02)


@pytest.mark.parametrize("urgent_types", [("alert",), ()], ids=["urgent", "queued"])
def test_an_urgent_event_does_not_wait_behind_a_backlog(tmp_path: Path, urgent_types: tuple[str, ...]) -> None:
    """3,000 events are there at once; of ten alerts among them each takes one queue or the other."""
    lines: list[object] = [event(f"e{number:04}", 0, f"r{number}") for number in range(3000)]
    lines += [event(f"a{number}", 2 + number / 2, f"alert-{number}", "alert") for number in range(10)]
    [run] = replayed(write(tmp_path, lines), [POLICY], Assumptions(urgent_types=urgent_types)).runs
    assert 145 <= run.rate.most_in_a_second <= 150
    assert run.other_delays.most > 20
    if urgent_types:
        assert (run.urgent_delays.count, run.other_delays.count) == (10, 3000)
        assert run.urgent_delays.most < 0.25
    else:
        assert (run.urgent_delays.count, run.other_delays.count) == (0, 3010)


def test_what_an_urgent_rule_decides_is_told_apart_whichever_queue_it_takes(tmp_path: Path) -> None:
    """It goes first in its batch: a hundred others are called behind it."""
    policy = POLICY.replace("interval: 1,", "interval: 1, urgent: true,")
    lines: list[object] = [event(f"e{number:02}", 0, f"r{number}") for number in range(99)]
    lines.append(event("a", 0, "alert", "alert"))
    [run] = replayed(write(tmp_path, lines), [policy]).runs
    assert (run.urgent_delays.count, run.other_delays.count) == (1, 99)
    assert run.urgent_delays.most == pytest.approx(0.1, abs=0.02)
    assert run.other_delays.most == pytest.approx(0.1 + 99 / 145, abs=0.02)


def test_a_rejected_event_is_a_dead_letter_and_its_room_keeps_its_time(tmp_path: Path) -> None:
    """An event far older than the task memory is rejected; it names its task all the same."""
    old = event("e0", -20 * 86_400, "r")
    lines = [event("e1", 0, "r"), {"received": event("e", 60, "r")["time"], "event": old}]
    replay = replayed(write(tmp_path, lines), [POLICY])
    [run], [room] = replay.runs, replay.rooms.of.values()
    assert (run.dead_letters, run.kinds[OutcomeKind.REJECTED]) == (1, 1)
    assert run.rejected == [("e0", "fixed 5 s; time: 1728061 s ago, older than the task memory")]
    assert room.seconds == 60


def test_decisions_are_those_of_the_policy_word_for_word(tmp_path: Path) -> None:
    """In the order in which they were made; the reason begins with the policy's own, with numbers as written."""
    text = (
        "version: 1\nrules:\n  - {name: load, match: {type: [load]},"
        " interval: {of: data.load, curve: [[0, 10], [1, 60]]}}\n"
    )
    lines = [event(f"e{number}", number * 2, "r", load=0.5) for number in range(3)] + [event("x", 7, "r", "join")]
    path = write(tmp_path, lines)
    path.write_text(path.read_text(encoding="utf-8").replace('"load": 0.5', '"load": 0.50'), encoding="utf-8")
    replay = Replay([Policy.parse(text, "policy.yaml")], Assumptions())
    with (tmp_path / "decisions").open("w+", encoding="utf-8") as decisions:
        replay.run(path, decisions=decisions)
        decisions.seek(0)
        found = [json.loads(line) for line in decisions]
    assert [each["id"] for each in found] == ["e0", "e1", "e2", "x"]
    assert found[1] == {
        "id": "e1",
        "source": "/test",
        "task": {"AppId": "app", "RoomId": "r", "TaskId": "task"},
        "rule": "load",
        "interval": 35,
        "outcome": "applied",
        "reason": "load 0.50 -> curve 35 s",
    }
    assert (found[3]["outcome"], found[3]["task"]) == ("unmatched", None)


def test_the_surroundings_are_those_of_the_template() -> None:
    """Batches, workers, timeouts and redelivery as they are deployed."""
    template, default = cloudformation.load(), Assumptions()
    stack = cloudformation.deploy(template, cloudformation.REQUIRED)
    resources = template["Resources"]
    for name, batches, queue in (
        ("EventQueue", "Batches", default.queue),
        ("UrgentQueue", "UrgentBatches", assumptions.URGENT_QUEUE),
    ):
        mapping, deployed = (cloudformation.properties(stack, each) for each in (f"QueueWorker{batches}", name))
        assert queue == assumptions.QueueAssumptions(
            batch_size=mapping["BatchSize"],
            batch_window=mapping.get("MaximumBatchingWindowInSeconds", 0),
            workers=mapping["ScalingConfig"]["MaximumConcurrency"],
            visibility=deployed["VisibilityTimeout"],
            receives=deployed["RedrivePolicy"]["maxReceiveCount"],
        )
    assert template["Parameters"]["UrgentTypes"]["Default"].split(",") == list(default.urgent_types)
    assert template["Globals"]["Function"]["Timeout"] == assumptions.WORKER_SECONDS
    assert resources["Reconciler"]["Properties"]["Timeout"] == assumptions.RECONCILER_SECONDS

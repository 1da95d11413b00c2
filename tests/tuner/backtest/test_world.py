"""The world of a backtest decides, calls and waits as the functions' own code does, to the microsecond."""

import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from devkit.tuner.backtest import policy_run
from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.replay import Replay
from devkit.tuner.backtest.report import Choice, report
from devkit.tuner.backtest.trail import Trail
from snapshot_tuner.policy.engine import Policy
from tests.effort import cases
from tests.tuner.backtest import reference_world
from tests.tuner.backtest.recorded import again, event, write

ROOT = Path(__file__).parents[3]
POLICIES = [
    Policy.parse(text, "policy.yaml")
    for text in (
        """
version: 1
bounds: {min: 2, max: 60}
target: {task_id: "{data.tasks}"}
skip_unchanged_within: 20s
rules:
  - {name: alert, match: {type: [alert]}, interval: 1, for: 90s, urgent: true}
  - {name: short, match: {type: [short]}, interval: 3, for: 10s, then: 7}
  - {name: load, match: {type: [load]}, interval: {of: data.load, curve: [[0, 1], [100, 100]]}, lengthen_after: 20s}
""",
        """
version: 1
target: {task_id: "{data.tasks}"}
rules:
  - {name: hold, match: {type: [load], data: {load: [{numeric: [">", 50]}]}}, hold: true}
  - {name: any, match: {type: [load, short]}, interval: 9}
""",
    )
]

# Few rooms and few moments: batches hold several events of a task, and tasks are busy when they are called.
events = st.tuples(
    st.sampled_from([0, 0, 0, 1, 1.5, 2, 2.1, 60, 61.05, 400]),
    st.sampled_from([f"r{number}" for number in range(12)]),
    st.sampled_from(["load", "load", "load", "alert", "short", "join"]),
    st.integers(0, 99),
    st.sampled_from([["t1"], ["t1"], ["t1", "t2"], ["t2", "t3", "t4"], []]),
    st.sampled_from([None, None, 0.5, 1, 62, 130]),
)
surroundings = st.builds(
    Assumptions,
    max_qps=st.sampled_from([1, 3, 20, 150, 150]),
    batch_size=st.sampled_from([1, 3, 100]),
    batch_window=st.sampled_from([0, 0.25, 1]),
    urgent_types=st.sampled_from([(), ("short",), ("alert", "load")]),
    call_seconds=st.sampled_from([0, 0.005, 0.1, 2.5, 6]),
)


def found(path: Path, policies: list[Policy], assumptions: Assumptions) -> dict[str, Any]:
    """All that a backtest tells, with the trail of every room and every decision."""
    replay, trail, decisions = Replay(policies, assumptions), Trail(), io.StringIO()
    replay.run(path, trail=trail, decisions=decisions)
    made = report(replay, [""] * len(policies), "", Choice(0, (), None, ""), trail)
    rooms = replay.rooms.of
    trails = trail.read(set(range(len(rooms))))
    trail.close()
    return {
        "report": made,
        "rooms": rooms,
        "trails": trails,
        "decisions": [json.loads(line) for line in decisions.getvalue().splitlines()],
        "dead": [run.dead_letters for run in replay.runs],
        "delays": [(run.delays.count, run.delays.most) for run in replay.runs],
    }


def both(path: Path, policies: list[Policy], assumptions: Assumptions) -> tuple[dict[str, Any], dict[str, Any]]:
    with patch.object(policy_run, "World", reference_world.ReferenceWorld):
        reference = found(path, policies, assumptions)
    return found(path, policies, assumptions), reference


@settings(max_examples=cases(50), deadline=None, suppress_health_check=[*HealthCheck])
@given(history=st.lists(events, min_size=1, max_size=60), assumptions=surroundings)
@example(
    [(0, f"r{number}", "load", 1, ["t1"], None) for number in range(25)], Assumptions(max_qps=1, call_seconds=6)
).via("calls that do not end in their time, and tasks for which there is no slot")
@example(
    [(0, f"r{number}", "load", 1, ["t1"], None) for number in range(200)],
    Assumptions(max_qps=150, batch_size=80, batch_window=0, call_seconds=0.1),
).via("batches beside each other that ask for slots more than once")
def test_any_recording_gives_what_the_functions_own_code_gives(
    history: list[tuple[float, str, str, int, list[str], float | None]], assumptions: Assumptions
) -> None:
    """Reports, steps, outcomes with their reasons, and the moments of all of them are equal."""
    lines = []
    for number, (when, room, kind, load, tasks, later) in enumerate(history):
        lines.append(event(f"e{number}", when, room, kind, load=load, tasks=tasks))
        if later is not None:
            lines.append(again(lines[-1], when + later))
    with tempfile.TemporaryDirectory() as folder:
        one, reference = both(write(Path(folder), lines), POLICIES, assumptions)
    assert one == reference


@pytest.mark.slow
def test_the_sample_day_gives_what_the_functions_own_code_gives(tmp_path: Path) -> None:
    """Of 500 rooms, some events duplicates, late or malformed; the whole day where there is time for it."""
    policy = Policy.load(ROOT / "layers" / "policy" / "policy.yaml")
    lines = gzip.decompress((ROOT / "events" / "day.ndjson.gz").read_bytes()).splitlines(keepends=True)
    recording = tmp_path / "day.ndjson"
    recording.write_bytes(b"".join(lines[: cases(3_000)]))
    one, reference = both(recording, [policy], Assumptions())
    assert one == reference
    assert len(one["decisions"]) > min(cases(2_500), 25_000)

"""Targets and curves may look into lists and at dotted keys; findings about their rules are shown with such events."""

import pytest

from devkit.tuner.check.constraints import spelled
from devkit.tuner.check.coverage import parse_path
from devkit.tuner.check.findings import FindingKind
from devkit.tuner.check.inspection import Finding, inspect

FLAPPING = """
version: 1
target:
  app_id: app-1
  room_id: "{data.Trigger.Dimensions[?@.name=='RoomId'].value}"
  task_id: "{data['task.ids'][1].id}"
rules:
  - {name: calm, match: {data: {load: [{numeric: ["<", 0.8]}]}}, interval: 10}
  - {name: busy, match: {data: {load: [{numeric: [">=", 0.8]}]}}, interval: 60}
"""


def suspicious(text: str) -> list[Finding]:
    found = inspect(text, "policy.yaml")
    assert not found.mistakes
    return list(found.suspicious)


def test_an_example_has_what_the_steps_lead_to() -> None:
    """Otherwise the policy would reject the example, and the finding be dropped without a word."""
    (finding,) = suspicious(FLAPPING)
    assert finding.suspicion.kind is FindingKind.FLAPPING
    for example in finding.suspicion.examples:
        data = example.event["data"]
        assert isinstance(data, dict)
        assert data["Trigger"] == {"Dimensions": [{"name": "RoomId", "value": "room-1"}]}
        assert data["task.ids"] == [{}, {"id": "task-1"}]
        assert example.decision.adjustments[0].task == ("app-1", "room-1", "task-1")


def test_a_curve_over_the_last_point_is_examined() -> None:
    """A curve with a peak is one, wherever its number stands."""
    text = """
version: 1
rules:
  - name: load
    match: {type: [load]}
    interval: {of: "data.points[-1]['room.load']", curve: [[0, 10], [0.5, 60], [1, 20]]}
"""
    kinds = {each.suspicion.kind for each in suspicious(text)}
    assert kinds == {FindingKind.CURVE_NOT_MONOTONIC}


def test_what_is_meant_is_spelled_as_the_policy_would() -> None:
    """And what an index too far away would need is not made."""
    text = """
version: 1
rules:
  - {name: load, match: {type: [load]}, interval: {of: "dta.points[-1]['room.load']", curve: [[0, 10], [1, 60]]}}
"""
    (finding,) = suspicious(text)
    assert "did you mean data.points[-1]['room.load']?" in finding.suspicion.message
    assert suspicious(FLAPPING.replace("[1]", "[100000000]")) == []


@pytest.mark.parametrize(
    "path",
    [
        "data.load",
        "data.a[0][-1]",
        "data['a.b'].c",
        r"data['it\'s so']",
        "data[?@.name=='x'].v",
        "data[?@.a['b.c']==1]",
    ],
)
def test_a_path_is_spelled_as_it_was(path: str) -> None:
    assert spelled(parse_path(path)) == path

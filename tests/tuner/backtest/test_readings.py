"""Recorded bodies under two policies whose readings differ: each policy sees the events that its own readings make."""

import json
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from tests.tuner.backtest.recorded import at, write

RULES = """
rules:
  - {name: load, match: {type: [load]}, interval: {of: data.load, curve: [[0, 10], [1, 110]]}}
"""
NEW = f"""
version: 1
events:
  - name: list
    match: {{kind: [list]}}
    each: body.list
    type: load
    time: "{{item.ms}}"
    numbers: [data.load]
    data: {{AppId: app, RoomId: "{{item.room}}", TaskId: task, load: "{{item.load}}"}}
{RULES}
"""
OTHER_FIELD = NEW.replace('"{item.load}"', '"{item.peak}"')
WITHOUT = f"version: 1\n{RULES}"


def body(number: int, *rooms: str) -> dict[str, object]:
    """A list of readings, all of one moment, as a function's log or a queue gave them."""
    made = [{"room": room, "load": "0.50", "peak": "0.90", "ms": 1_772_323_200_000 + number * 60_000} for room in rooms]
    return {"received": at(number * 60), "record": {"id": f"m-{number}"}, "event": {"kind": "list", "list": made}}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {"new": NEW, "other": OTHER_FIELD, "without": WITHOUT}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    bad = body(3, "r-1")
    bad["event"] = {"kind": "list", "list": [{"room": "r-1", "load": "much", "peak": "0.9", "ms": 1_772_323_200_000}]}
    recording = write(tmp_path, [body(1, "r-1", "r-2", "r-3"), body(2, "r-3", "r-2"), bad])
    return {**{name: str(tmp_path / f"{name}.yaml") for name in texts}, "events": str(recording)}


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["backtest", *arguments, "--json", "--start-interval", "2"]) == Exit.FINE
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def intervals(made: dict[str, Any]) -> dict[str, list[int]]:
    """Where each room stands at the end, under each policy."""
    return {chart["task"]["RoomId"]: [steps[-1]["interval"] for steps in chart["steps"]] for chart in made["charts"]}


def test_each_policy_reads_the_bodies_in_its_own_way(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of one body several events of one moment; each task stands where the policy's own number puts it."""
    made = report(capsys, files["new"], files["events"], "--against", files["other"])
    assert intervals(made) == {room: [60, 100] for room in ("r-1", "r-2", "r-3")}
    assert {room["task"]["RoomId"]: room["events"] for room in made["rooms"]} == {"r-1": 1, "r-2": 2, "r-3": 2}
    new, old = ({name: n for name, n in policy["outcomes"].items() if n} for policy in made["policies"])
    assert (new, old) == ({"applied": 5}, {"applied": 5, "superseded": 1})
    assert made["recording"]["events"] == 5
    assert [(each["line"], each["reason"]) for each in made["recording"]["unreadable"]] == [
        (3, "new: reading list, data.load: must be a number, not 'much'")
    ]


def test_a_policy_that_cannot_read_the_bodies_takes_nothing_from_the_other(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The one with readings is replayed; of the one without them each body is told."""
    assert main(["backtest", files["new"], files["events"], "--against", files["without"], "--json"]) == Exit.SUSPICIOUS
    made = json.loads(capsys.readouterr().out)
    assert made["policies"][0]["outcomes"]["applied"] == 5
    assert sum(made["policies"][1]["outcomes"].values()) == 0
    assert made["recording"]["events"] == 5
    told = [each["reason"].partition(":")[0] for each in made["recording"]["unreadable"]]
    assert sorted(told) == ["new", "old", "old", "old"]


def test_what_neither_policy_can_read_is_told_once(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Though each of them was asked."""
    made = report(capsys, files["new"], files["events"], "--against", files["new"])
    assert [each["reason"] for each in made["recording"]["unreadable"]] == [
        "reading list, data.load: must be a number, not 'much'"
    ]

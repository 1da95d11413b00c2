"""Promise: a policy that was checked by a build decides as the file does, and never in the place of another one."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from devkit.build.policies import keep_form
from devkit.build.step import BuildFailed
from snapshot_tuner.errors import PolicyError
from snapshot_tuner.model import Signal
from snapshot_tuner.policy import compiled, loader
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.rules import Measured, Rule
from tests.policy.test_properties import signals

EVERYTHING = """
version: 1
order: sequence
require_time: true
bounds: {min: 2, max: 300}
target: {app_id: app, room_id: "{data.room}"}
events: [{name: monitor, match: {kind: [x]}, type: t, target: {task_id: one}}]
limits:
  - {name: vip, match: {data: {AppId: [vip]}}, bounds: {max: 5}}
  - {task: {app_id: [slow]}, factor: 2.5, when: {days: [sat], zone: "+08:00"}}
lengthen_after: 60s
skip_unchanged_within: 5m
rules:
  - {name: alert, match: {type: [alert]}, interval: 2, for: 10m, then: 30, urgent: true, bounds: {max: 40}}
  - name: load
    match: {type: [load], data: {load: [{numeric: [">=", 0.80]}]}}
    interval: {of: data.load, curve: [[0.80, 10], [1, 60.5]]}
    lengthen_after: 2m
    target: {task_id: "{data.task}"}
    when: {days: [mon-wed, sun], from: "22:00", to: "06:00", zone: Asia/Shanghai}
  - {name: watch, match: {type: [watch]}, interval: 5, for: 1h, default: 20}
  - {name: calm, match: {type: [calm]}, hold: true, ends: [alert, watch]}
  - {name: rest, hold: true}
"""

FORM_7 = {
    "version": 1,
    "order": "sequence",
    "require_time": True,
    "readings": [
        {
            "name": "monitor",
            "match": [{"kind": ["x"]}],
            "inside": False,
            "open": [],
            "each": [],
            "parts": [],
            "fields": {"type": "t"},
            "numbers": [],
            "zone": None,
            "is_alert": False,
            "left_out": None,
        }
    ],
    "bounds": {"min": 2, "max": 300},
    "target": {
        "app_id": "app",
        "room_id": "{data.room}",
        "task_id": "{data.TaskId}",
        "business_id": "{data.BusinessId}",
    },
    "reading_targets": {"monitor": {"task_id": "one"}},
    "limits": [
        {
            "label": "vip",
            "match": {"data": {"AppId": ["vip"]}},
            "task": {},
            "when": None,
            "factor": None,
            "bounds": {"min": 1, "max": 5},
        },
        {
            "label": "limits[1]",
            "match": {},
            "task": {"app_id": ["slow"]},
            "when": {"days": [5], "begins": 0, "ends": 1440, "zone": "+08:00"},
            "factor": 2.5,
            "bounds": None,
        },
    ],
    "lengthen_after": 60,
    "skip_unchanged_within": 300,
    "rules": [
        {
            "name": "alert",
            "match": {"type": ["alert"]},
            "interval": 2,
            "lasts": 600,
            "then": 30,
            "default": None,
            "ends": [],
            "lengthen_after": None,
            "urgent": True,
            "when": None,
            "target": {},
            "bounds": {"min": 1, "max": 40},
        },
        {
            "name": "load",
            "match": {"type": ["load"], "data": {"load": [{"numeric": [">=", 0.8]}]}},
            "interval": {"of": "data.load", "curve": [[0.8, 10], [1, 60.5]]},
            "lasts": None,
            "then": None,
            "default": None,
            "ends": [],
            "lengthen_after": 120,
            "urgent": False,
            "when": {"days": [0, 1, 2, 6], "begins": 1320, "ends": 360, "zone": "Asia/Shanghai"},
            "target": {"task_id": "{data.task}"},
            "bounds": None,
        },
        {
            "name": "watch",
            "match": {"type": ["watch"]},
            "interval": 5,
            "lasts": 3600,
            "then": None,
            "default": 20,
            "ends": [],
            "lengthen_after": None,
            "urgent": False,
            "when": None,
            "target": {},
            "bounds": None,
        },
        {
            "name": "calm",
            "match": {"type": ["calm"]},
            "interval": None,
            "lasts": None,
            "then": None,
            "default": None,
            "ends": ["alert", "watch"],
            "lengthen_after": None,
            "urgent": False,
            "when": None,
            "target": {},
            "bounds": None,
        },
        {
            "name": "rest",
            "match": {},
            "interval": None,
            "lasts": None,
            "then": None,
            "default": None,
            "ends": [],
            "lengthen_after": None,
            "urgent": False,
            "when": None,
            "target": {},
            "bounds": None,
        },
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy with every key of the grammar, and its form beside it."""
    file = tmp_path / "policy.yaml"
    file.write_text(EVERYTHING)
    keep_form(file)
    return file


def beside(file: Path) -> Path:
    return file.with_name("policy.yaml.checked.json")


def test_the_form_is_the_one_that_its_number_names(file: Path) -> None:
    """Whoever changes the form raises FORM, and this golden copy with it: an older one is then checked anew."""
    kept = json.loads(beside(file).read_text())
    assert (kept["form"], kept["policy"]) == (7, FORM_7)


def test_a_kept_form_is_taken_without_a_look_at_yaml(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are those of the file, digit for digit."""
    from_yaml = Policy.parse(EVERYTHING, "policy.yaml")

    def never(_: str) -> None:
        raise AssertionError("the file was checked again")

    monkeypatch.setattr(loader, "examine", never)
    policy = Policy.load(file)
    assert policy.sha256 == from_yaml.sha256
    assert [said(rule) for rule in policy.rules] == [said(rule) for rule in from_yaml.rules]


def said(rule: Rule) -> tuple[object, ...]:
    action = rule.action
    number = (action.of.text, action.curve) if isinstance(action, Measured) else action
    times = (rule.lasts, rule.then, rule.default, rule.ends, rule.lengthen_after, rule.when)
    return (rule.name, repr(rule.match), number, *times, rule.urgent, rule.bounds)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(signal=signals)
def test_a_kept_form_decides_as_the_file_does(file: Path, signal: Signal) -> None:
    assert Policy.load(file).decide(signal) == Policy.parse(EVERYTHING, "policy.yaml").decide(signal)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept | {"sha256": "0" * 64},
        lambda kept: kept | {"form": compiled.FORM + 1},
        lambda kept: {"form": kept["form"]},
        lambda kept: [kept],
    ],
)
def test_a_form_of_something_else_is_not_taken(file: Path, spoil: object) -> None:
    """Of another text, of another version of the code, or half of one: the file is checked as if it were not there."""
    kept = json.loads(beside(file).read_text())
    kept["policy"]["rules"][0]["interval"] = 99
    assert callable(spoil)
    beside(file).write_text(json.dumps(spoil(kept)))
    assert Policy.load(file).decide(alert()).adjustments[0].interval == 2


def test_a_form_that_is_no_json_is_not_taken(file: Path) -> None:
    beside(file).write_text('{"form": 1, ')
    assert Policy.load(file).decide(alert()).adjustments[0].interval == 2


def test_an_edited_file_is_checked_again(file: Path) -> None:
    """Somebody mends the file where it is deployed, and makes a mistake: the form of the old text does not hide it."""
    file.write_text(EVERYTHING.replace("interval: 2,", "interval: 0,"))
    with pytest.raises(PolicyError, match="rule 'alert', interval"):
        Policy.load(file)


def test_a_broken_policy_is_not_built(tmp_path: Path) -> None:
    """`make build` says what a function would say, and nothing is kept."""
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\nrules:\n  - {name: a, interval: 0}\n  - {name: a, hold: true}\n")
    with pytest.raises(BuildFailed, match=r"(?s)line 3.*line 4"):
        keep_form(file)
    assert not beside(file).exists()


def alert() -> Signal:
    return Signal("1", "test", "alert", 0, {"room": "r", "TaskId": "t"}, sequence=1)

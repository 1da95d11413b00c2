"""What `tuner check` tells, in which form, and how it ends."""

import json
from pathlib import Path

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.check import examples
from devkit.tuner.check.coverage import rule_coverage
from devkit.tuner.check.findings import Example, FindingKind
from devkit.tuner.exits import Exit
from snapshot_tuner.events import signals
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.loader import examine
from tests.one_signal import one
from tests.tuner.check.checking import found, rules

FLAPPING = """\
version: 1
rules:
  - {name: high, match: {type: [load], data: {load: [{numeric: [">=", 0.8]}]}}, interval: 60}
  - {name: low, match: {type: [load]}, interval: 5}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def test_a_finding_is_told_like_a_compiler_does(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The place, what is suspicious, and the events that show it, each with what comes of it."""
    file.write_text(FLAPPING, encoding="utf-8")
    assert main(["check", str(file)]) == Exit.SUSPICIOUS
    event = (
        '    {"specversion": "1.0", "id": "example-1", "source": "/example", "type": "load", '
        '"time": "2026-03-01T09:00:00Z",\n'
        '     "data": {"AppId": "app-1", "RoomId": "room-1", "TaskId": "task-1", "load": %s}}\n'
    )
    assert capsys.readouterr().out == (
        f"{file}:3:47: suspicious (flapping): rules 'low' and 'high' touch at 0.8 of data.load with no band between: "
        "a task whose value wavers there changes between 5 s and 60 s each time\n"
        + event % "0.79"
        + "    -> rule 'low': fixed 5 s\n"
        + event % "0.8"
        + "    -> rule 'high': fixed 60 s\n"
    )


def test_an_event_that_is_told_can_be_read_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The indented lines up to the arrow are the text of an event."""
    file.write_text(FLAPPING, encoding="utf-8")
    main(["check", str(file)])
    _, text, _ = capsys.readouterr().out.replace("\n    -> ", "\n    {").split("\n    {", 2)
    signal = one(signals.from_body("{" + text, sent_us=None))
    assert Policy.load(file).decide(signal).rule == "low"


def test_every_mistake_is_told_with_its_place(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With line, column, rule and reason, in the order of the file; what is suspicious comes when these are mended."""
    file.write_text(FLAPPING.replace("60", "6000"), encoding="utf-8")
    assert main(["check", str(file)]) == Exit.MISTAKES
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (f"{file}:3:81: mistake: rule 'high', interval: must be a whole number of seconds from 1 to 600")
    assert len(lines) == 1
    main(["check", str(file), "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "policy": str(file),
        "rules": 0,
        "mistakes": [
            {
                "line": 3,
                "column": 81,
                "place": "rule 'high', interval",
                "reason": "must be a whole number of seconds from 1 to 600",
            }
        ],
        "suspicious": [],
        "left_out": [],
        "not_examined": [],
    }


def test_a_clean_policy_takes_one_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the number of its rules."""
    file.write_text(FLAPPING.replace("60", "5"), encoding="utf-8")
    assert main(["check", str(file)]) == Exit.FINE
    assert capsys.readouterr().out == f"{file}: 2 rules, no mistakes, nothing suspicious\n"


def test_a_kind_can_be_ignored(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is neither told nor does it decide the exit code; the others are."""
    file.write_text(FLAPPING, encoding="utf-8")
    assert main(["check", str(file), "--ignore", "gap"]) == Exit.SUSPICIOUS
    assert main(["check", str(file), "--ignore", "gap", "--ignore", "flapping"]) == Exit.FINE
    assert main(["check", str(file), "--json", "--ignore", "flapping"]) == Exit.FINE
    assert json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["suspicious"] == []


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"\xff", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_another_code(
    file: Path, content: bytes | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is that of a wrong command line, the reason goes to standard error."""
    if content is not None:
        file.write_bytes(content)
    assert main(["check", str(file)]) == Exit.USAGE
    assert f"{file}: {reason}" in capsys.readouterr().err


AFTER = {FindingKind.NEVER_ENDS, FindingKind.UNUSUAL_ATTRIBUTE, FindingKind.FINDS_NOTHING}
"""Of these the file itself shows enough, or the events that were given do."""


def test_without_an_example_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding whose event does not come to what it says, or that has none, is not told."""
    planted = [
        rules("name: a, match: {type: [t]}, interval: 5", "name: b, match: {type: [t]}, interval: 6"),
        rules("name: a, match: {type: [t], data: {x: [1]}, $or: [{data: {x: [2]}}, {data: {x: [3]}}]}, interval: 5"),
        rules(
            'name: a, match: {data: {x: [{numeric: ["<", 1]}]}}, interval: 5',
            'name: b, match: {data: {x: [{numeric: [">", 3]}]}}, interval: 6',
        ),
        rules(
            'name: a, match: {data: {x: [{numeric: ["<", 3]}]}}, interval: 5, for: 1m',
            'name: b, match: {data: {x: [{numeric: [">", 1]}]}}, interval: 6',
        ),
        FLAPPING,
        rules("name: a, interval: {of: data.x, curve: [[0, 1], [1, 9], [2, 1]]}"),
        rules("name: a, interval: {of: data.x, curve: [[0, 1], [1, 2]]}", head="bounds: {min: 5}"),
        rules("name: a, interval: 5", head="limits: [{bounds: {min: 9}}, {bounds: {max: 4}}]"),
        rules("name: a, interval: 5", head="limits: [{bounds: {max: 9}}]"),
    ]
    kinds = [found(text)[0][0] for text in planted]
    assert set(kinds) == set(FindingKind) - AFTER
    # Every example is of a policy whose one rule holds: whatever was claimed, this does not show it.
    other = Policy.parse(rules("name: other, match: {type: [other]}, hold: true"), "other.yaml")
    signal = one(signals.from_body('{"specversion": "1.0", "id": "e", "source": "s", "type": "other"}', sent_us=0))
    wrong = Example({}, signal, other.decide(signal))
    for module in ("unreachable", "gaps", "overlaps", "flapping", "curves", "limits"):
        monkeypatch.setattr(f"devkit.tuner.check.{module}.show", lambda *_: wrong)
    never_contradicted = [text for text in planted if "$or" not in text]  # not to match is all that it has to show
    assert [found(text) for text in never_contradicted] == [[]] * len(never_contradicted)


def test_an_event_that_cannot_be_written_down_is_no_example() -> None:
    """One whose target is inside of a field that has to be a number, say."""
    text = rules("name: a, match: {data: [5]}, interval: 5")
    document = examine(text).document
    assert document is not None
    coverage = rule_coverage(Policy.parse(text, "policy.yaml"), document)
    assert examples.show(coverage, examples.point_in(coverage, coverage.decided[0][0], 0)) is None


def test_what_cannot_be_examined_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason; it takes nothing from other rules, and other rules are examined all the same."""
    many = ", ".join(f"{{$or: [{{source: [a{i}]}}, {{source: [b{i}]}}]}}" for i in range(40))
    text = rules(
        'name: night, match: {time: [{prefix: "2027-"}]}, hold: true',
        "name: inside, match: {data: {a: {b: [1]}}}, interval: 5",
        "name: outside, match: {data: {a: [1]}}, interval: 5",
        f"name: many, match: {{$or: [{many}]}}, interval: 5",
        "name: t, match: {type: [t]}, interval: 5",
        "name: again, match: {type: [t]}, interval: 5",
    )
    file.write_text(text, encoding="utf-8")
    assert main(["check", str(file), "--json"]) == Exit.SUSPICIOUS
    answer = json.loads(capsys.readouterr().out)
    assert answer["not_examined"] == [
        {"rule": "night", "reason": "it looks at the event's time, for which no examples are made"},
        {"rule": "outside", "reason": "it looks at data.a, and the policy also looks inside it"},
        {"rule": "many", "reason": "it can match in more than 64 ways"},
    ]
    assert [(each["kind"], each["rules"]) for each in answer["suspicious"]] == [("never-matches", ["t", "again"])]
    main(["check", str(file)])
    assert "rule 'many' was not checked for anything suspicious: it can match in more than 64 ways" in (
        capsys.readouterr().out
    )


def test_more_tests_of_a_field_than_can_be_compared_are_said(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of hours of silence; what does not look at that field is examined all the same."""
    monkeypatch.setattr("devkit.tuner.check.coverage.COMPARISONS_MOST", 50)
    ranges = [f'name: r{n}, match: {{data: {{load: [{{numeric: [">", {n}]}}]}}}}, interval: 5' for n in range(10)]
    file.write_text(
        rules(*ranges, "name: t, match: {type: [t]}, interval: 5", "name: u, match: {type: [t]}, hold: true")
    )
    assert main(["check", str(file), "--json"]) == Exit.SUSPICIOUS
    answer = json.loads(capsys.readouterr().out)
    reason = "the policy has too many tests of data.load (10) to compare them all"
    assert answer["not_examined"] == [{"rule": f"r{n}", "reason": reason} for n in range(10)]
    assert [(each["kind"], each["rules"]) for each in answer["suspicious"]] == [("never-matches", ["t", "u"])]


SIZES = """\
version: 1
rules:
  - {name: quiet, match: {type: [room.size], data: {muted: [true], gone: [{exists: false}]}}, hold: true}
  - {name: size, match: {type: [room.size]}, interval: {of: data.users, curve: [[1, 60], [50, 5]]}}
"""
TASK = {"AppId": "a", "RoomId": "r", "TaskId": "t"}


@pytest.mark.parametrize("form", ["sample", "recording"])
def test_paths_that_find_nothing_in_the_events_that_are_given_are_told(
    form: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what there is instead; not a path of which a rule only asks that nothing is there."""
    file.write_text(SIZES, encoding="utf-8")
    data = {**TASK, "room": {"Users": 7}, "mute": False}
    attributes = {"specversion": "1.0", "id": "e", "source": "s", "type": "room.size", "time": "2026-03-01T09:00:00Z"}
    event = json.dumps({**attributes, "data": data})
    events = tmp_path / "events.ndjson"
    received = f'{{"received": "2026-03-01T09:00:00Z", "sent": "2026-03-01T09:00:00Z", "event": {event}}}\n'
    events.write_text(received * 2 if form == "recording" else event, encoding="utf-8")
    assert main(["check", str(file), "--events", str(events)]) == Exit.SUSPICIOUS
    where = "any of 2 events" if form == "recording" else "the event"
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:3:53: suspicious (finds-nothing): data.muted finds nothing in {where}; data.mute is there",
        f"{file}:4:57: suspicious (finds-nothing): data.users finds nothing in {where}; data.room.Users is there",
    ]
    file.write_text(SIZES.replace("data.users", "data.room.Users").replace("muted: [true], ", ""), encoding="utf-8")
    assert main(["check", str(file), "--events", str(events)]) == Exit.FINE


def test_an_attribute_that_events_do_not_have_is_told_with_the_likely_one(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a curve, a target and a pattern, whether data. was forgotten or the name is a slip."""
    file.write_text(
        """\
version: 1
target: {room_id: "{room}"}
rules:
  - {name: a, match: {typ: [x]}, interval: 5}
  - {name: b, interval: {of: participants, curve: [[1, 60], [50, 5]]}}
""",
        encoding="utf-8",
    )
    assert main(["check", str(file)]) == Exit.SUSPICIOUS
    told = [line.removeprefix(str(file)) for line in capsys.readouterr().out.splitlines() if "suspicious" in line]
    says = "is not an attribute that events usually have;"
    assert told == [
        f":2:10: suspicious (unusual-attribute): room {says} did you mean data.room?",
        f":4:23: suspicious (unusual-attribute): typ {says} did you mean type?",
        f":5:26: suspicious (unusual-attribute): participants {says} did you mean data.participants?",
    ]


def test_events_that_cannot_be_read_are_an_error(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason: a file in which nothing was looked at must not pass for one in which all was found."""
    file.write_text(SIZES, encoding="utf-8")
    events = tmp_path / "event.json"
    events.write_text('{"specversion": "1.0", "id": "e", "source": "s", "type": "t"}', encoding="utf-8")
    assert main(["check", str(file), "--events", str(events)]) == Exit.USAGE
    assert f"{events}: no event in it can be read: time: " in capsys.readouterr().err


def test_of_each_kind_only_the_first_are_looked_for_and_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty, so that an answer is read and comes soon; that there is more is said."""
    steps = [
        f'name: r{i}, match: {{data: {{x: [{{numeric: [">=", {60 - i}]}}]}}}}, interval: {i + 1}' for i in range(60)
    ]
    file.write_text(rules(*steps), encoding="utf-8")
    assert main(["check", str(file)]) == Exit.SUSPICIOUS
    *_, last = told = capsys.readouterr().out.splitlines()
    assert sum("suspicious (flapping)" in line for line in told[:-1]) == 20
    assert last == f"{file}: only the first 20 of this kind (flapping) were looked for"
    main(["check", str(file), "--json"])
    assert json.loads(capsys.readouterr().out)["left_out"] == ["flapping"]

"""`tuner check` on policy files: it finds what was planted in the faulty ones, and nothing in the good ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.check.findings import FindingKind
from devkit.tuner.exits import Exit
from snapshot_tuner.events import signals
from snapshot_tuner.policy.engine import Policy
from tests.one_signal import one
from tests.tuner.check.showing import assert_shown

ROOT = Path(__file__).parents[3]
POLICIES = Path(__file__).parent / "policies"
FAULTY = sorted((POLICIES / "faulty").glob("*.yaml"))
GOOD = [*sorted((POLICIES / "good").glob("*.yaml")), ROOT / "layers" / "policy" / "policy.yaml"]
PLANTED = re.compile(r"# plants: (\S+)((?: [a-z]+)*) @ ([0-9]+)(?:: (.+))?\n")


def check(file: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = main(["check", str(file), "--json", *options])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, answer


def planted(file: Path) -> tuple[str, list[str], int, str]:
    found = PLANTED.match(file.read_text(encoding="utf-8"))
    assert found is not None
    return found[1], found[2].split(), int(found[3]), found[4] or ""


def test_there_are_faulty_policies_of_every_kind_and_good_ones() -> None:
    """In each faulty file one fault; each kind of suspicion that needs no events, and mistakes too."""
    assert len(FAULTY) == 31
    assert len(GOOD) == 14 + 1
    assert {planted(file)[0] for file in FAULTY} == {"mistake", *FindingKind} - {FindingKind.FINDS_NOTHING}


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_the_planted_fault_is_found_and_nothing_else(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its kind, its rules and its line are those that the file's first line tells."""
    kind, rules, line, text = planted(file)
    code, answer = check(file, capsys)
    if kind == "mistake":
        assert code == Exit.MISTAKES
        (mistake,) = answer["mistakes"]
        assert mistake["line"] == line
        assert f"{mistake['place']}: {mistake['reason']}".startswith(text)
        assert answer["suspicious"] == []
    else:
        assert code == Exit.SUSPICIOUS
        assert answer["mistakes"] == []
        assert [(each["kind"], each["rules"], each["line"]) for each in answer["suspicious"]] == [(kind, rules, line)]


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_nothing_is_found_in_a_good_policy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bands, curves that meet, cooldowns, ends, alternatives, steps from narrow to wide: all of that is usual."""
    code, answer = check(file, capsys)
    assert (code, answer["mistakes"], answer["suspicious"]) == (Exit.FINE, [], [])


@pytest.mark.parametrize("file", [file for file in FAULTY if planted(file)[0] != "mistake"], ids=lambda file: file.stem)
def test_an_example_is_an_event_that_shows_the_fault(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Opened as the functions open it and decided by the policy, it comes to what the finding says of it."""
    policy = Policy.load(file)
    (finding,) = check(file, capsys)[1]["suspicious"]
    events = [one(signals.from_body(json.dumps(example["event"]), sent_us=None)) for example in finding["examples"]]
    decisions = [policy.decide(event) for event in events]
    assert [(each.verdict, each.rule, each.reason) for each in decisions] == [
        (example["verdict"], example["rule"], example["reason"]) for example in finding["examples"]
    ]
    assert_shown(policy, finding["kind"], finding["rules"], events)

"""`./tuner publish`: what it tells of a change, what it writes with the AWS CLI, and when it takes it for in force."""

import base64
import gzip
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from tests.tuner.aws_standin import AwsStandIn, aws

__all__ = ["aws"]

NAME = "/snapshot-tuner/policy"
OLD = """\
version: 1
rules:
  - {name: alert, match: {type: [moderation.alert]}, interval: 1, for: 10m}
  - {name: pinned, match: {type: [pin]}, interval: 2}
  - {name: load, match: {type: [rtc.room.load]}, interval: 5}
"""
NEW = """\
version: 1
lengthen_after: 60s
rules:
  - {name: load, match: {type: [rtc.room.load]}, interval: 7}
  - {name: calm, match: {type: [calm]}, interval: 60}
"""
STACK = {"Stacks": [{"Outputs": [{"OutputKey": "EventQueueUrl", "OutputValue": "https://sqs/queue"}]}]}


def short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def holding(text: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - answers of the CLI
    parameter = {"Name": NAME, "Type": "String", "Value": text, "Version": 3}
    return {"ssm__get_parameter": {"Parameter": parameter}, "ssm__put_parameter": {"Version": 4}, **more}


def seen(text: str) -> dict[str, Any]:
    line = {"event_id": "doctor-1", "policy": short(text)}
    return {
        "cloudformation__describe_stacks": STACK,
        "sqs__send_message": {"MessageId": "m"},
        "logs__filter_log_events": {"events": [{"message": json.dumps(line)}]},
    }


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "new.yaml"
    file.write_text(NEW)
    return file


def written(aws: AwsStandIn) -> list[dict[str, Any]]:
    return [json.loads(words[3]) for words in aws.asked() if words[1] == "put-parameter"]


def test_a_change_is_told_in_words_written_and_followed(
    aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rule by rule, with what tasks keep of the rules that are gone, and how they are released."""
    aws.answer(**holding(OLD, **seen(NEW)))
    code = main(["publish", str(policy), "--parameter", NAME, "--stack", "tuner", "--yes"])
    text = capsys.readouterr().out
    assert code == Exit.FINE, text
    assert text.splitlines()[:6] == [
        f"{NAME} holds {short(OLD)}",
        '+ lengthen_after: "60s"',
        "- rule alert is gone",
        "- rule pinned is gone",
        '+ rule calm is new: {"name": "calm", "match": {"type": ["calm"]}, "interval": 60}',
        "~ rule load, interval: 5 becomes 7",
    ]
    assert "! rule alert goes on holding its tasks until 600 s after their events. To release them sooner," in text
    assert "`for: 1s`" in text
    assert "! what rule pinned has set stays until an event of another rule comes for the task" in text
    assert f"In force: a test event was decided by {short(NEW)}." in text
    assert written(aws) == [{"Name": NAME, "Type": "String", "Value": NEW, "Overwrite": True}]


def test_line_ends_are_published_as_they_are(aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They count for the hash that is waited for: with others, no line would ever show it."""
    text = NEW.replace("\n", "\r\n")
    policy.write_bytes(text.encode())
    aws.answer(**holding(OLD, **seen(text)))
    assert main(["publish", str(policy), "--parameter", NAME, "--stack", "tuner", "--yes"]) == Exit.FINE
    assert f"In force: a test event was decided by {short(text)}." in capsys.readouterr().out
    assert [each["Value"] for each in written(aws)] == [text]


def test_what_is_not_utf8_is_refused_before_anything_is_asked(
    aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy.write_bytes(b"version: 1 # caf\xe9\n")
    assert main(["publish", str(policy), "--parameter", NAME]) == Exit.USAGE
    assert capsys.readouterr().err == f"{policy}: not UTF-8: the byte at offset 16\n"
    assert aws.asked() == []


def test_nothing_is_written_unless_somebody_says_yes(
    aws: AwsStandIn, policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answer(**holding(OLD))
    for said, code, writes in (("no\n", Exit.FAILED, 0), ("", Exit.FAILED, 0), ("yes\n", Exit.FINE, 1)):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        assert main(["publish", str(policy), "--parameter", NAME]) == code
        assert len(written(aws)) == writes
    assert "Nothing was written." in capsys.readouterr().out


def test_what_is_there_already_is_not_written_again(
    aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answer(**holding("gzip:" + base64.b64encode(gzip.compress(NEW.encode())).decode()))
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.FINE
    assert "The parameter already holds this policy." in capsys.readouterr().out
    assert written(aws) == []


def test_a_first_policy_makes_the_parameter(aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answer(ssm__get_parameter={"error": "An error occurred (ParameterNotFound)"}, ssm__put_parameter={"Version": 1})
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.FINE
    assert f"{NAME} holds no policy yet" in capsys.readouterr().out
    assert len(written(aws)) == 1


def test_a_policy_that_no_function_would_take_is_not_written(
    aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mistakes, another order, and one that is too big even when compressed."""
    aws.answer(**holding(OLD))
    for text, code, says in (
        ("version: 1\nrules: []\n", Exit.MISTAKES, "rules: must hold at least one rule"),
        (f"order: sequence\n{NEW}", Exit.MISTAKES, "order: must stay time"),
    ):
        policy.write_text(text)
        assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == code
        assert says in capsys.readouterr().err
    noise = "".join(sha256(str(number).encode()).hexdigest() for number in range(300))
    policy.write_text(f"# {noise}\n{NEW}")
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.USAGE
    assert "a parameter takes 8192" in capsys.readouterr().err
    assert written(aws) == []


def test_a_long_policy_is_compressed(aws: AwsStandIn, policy: Path) -> None:
    """And of the tier that takes it, where it is still over 4 KB."""
    aws.answer(**holding(OLD))
    policy.write_text(f"{NEW}#{' long' * 2000}\n")
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.FINE
    noise = "".join(sha256(str(number).encode()).hexdigest() for number in range(120))
    policy.write_text(f"{NEW}# {noise}\n")
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.FINE
    small, large = written(aws)
    assert gzip.decompress(base64.b64decode(small["Value"].removeprefix("gzip:"))).decode().startswith(NEW)
    assert ("Tier" in small, large["Tier"]) == (False, "Advanced")


def test_a_policy_that_does_not_come_into_force_is_told(
    aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines show another hash."""
    aws.answer(**holding(OLD, **seen(OLD)))
    words = ["publish", str(policy), "--parameter", NAME, "--stack", "tuner", "--yes", "--wait", "1", "--json"]
    assert main(words) == Exit.FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["policy"], told["in_force"]) == (short(NEW), False)
    assert "./tuner doctor --stack tuner" in told["says"]


def test_a_broken_parameter_is_replaced(aws: AwsStandIn, policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to compare with; what is wrong with it is told."""
    aws.answer(**holding("rules: ["))
    assert main(["publish", str(policy), "--parameter", NAME, "--yes"]) == Exit.FINE
    assert "what the parameter holds is refused: " in capsys.readouterr().err
    assert len(written(aws)) == 1


def test_a_backtest_of_log_lines_shows_the_difference(
    aws: AwsStandIn, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the last hour, as the AWS CLI has written them."""
    aws.answer(**holding(OLD))
    lines = [
        {
            "message": "adjustment_applied",
            "event_id": f"e-{number}",
            "source": "/test",
            "event_type": "rtc.room.load",
            "event_time": f"2026-03-01T09:00:{number:02d}Z",
            "received": f"2026-03-01T09:00:{number:02d}.5Z",
            "data": json.dumps({"AppId": "app", "RoomId": "room", "TaskId": "task"}),
        }
        for number in range(3)
    ]
    hour = tmp_path / "hour.json"
    hour.write_text(json.dumps({"events": [{"message": json.dumps(line)} for line in lines]}))
    assert main(["publish", str(policy), "--parameter", NAME, "--events", str(hour), "--yes"]) == Exit.FINE
    text = capsys.readouterr().out
    assert "3 events" in text
    assert "in-force.yaml" in text

"""Running `tuner explain`, for the tests of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"
SHIPPED = ROOT / "layers" / "policy" / "policy.yaml"
AT_NINE = "2026-03-01T09:{:02}:{:02}Z"


class Explainer:
    """The command, with a policy and what is written into files of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def file(self, name: str, *texts: str) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return path

    def output(self, policy: Path, event: Path | str, *options: str, exit_code: Exit = Exit.FINE) -> str:
        """Standard output, for people."""
        assert main(["explain", str(policy), str(event), *options]) == exit_code
        return self._capsys.readouterr().out

    def events(self, policy: Path, event: Path | str, *options: str, exit_code: Exit = Exit.FINE) -> list[Any]:
        """What the JSON answer says of each event."""
        return list(self.answer(policy, event, *options, exit_code=exit_code)["events"])

    def answer(self, policy: Path, event: Path | str, *options: str, exit_code: Exit = Exit.FINE) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.output(policy, event, "--json", *options, exit_code=exit_code))
        return answer

    def complaint(self, policy: Path, event: Path | str, *options: str, exit_code: Exit) -> str:
        """Standard error; nothing is on standard output."""
        assert main(["explain", str(policy), str(event), *options]) == exit_code
        captured = self._capsys.readouterr()
        assert captured.out == ""
        return captured.err


def cloud_event(id_: str, minute: int, second: int = 0, type_: str = "rtc.room.load", **data: object) -> str:
    """A CloudEvent of room-1, so many minutes and seconds after 09:00; `data` beside or instead of the task's names."""
    members = {"AppId": "app", "RoomId": "room-1", "TaskId": "task-1", **data}
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": "/s",
        "type": type_,
        "time": AT_NINE.format(minute, second),
        "data": members,
    }
    return json.dumps(event)


def steps(outcome: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    """The interval after each step, and what it says."""
    return {step["step"]: (step["seconds"], step["says"]) for step in outcome["steps"]}

"""What can be seen from outside: the application's log lines, and the calls that reached the stand-in."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

from devkit.rtc_standin import LoggedCall, ProviderError, StandIn
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from snapshot_tuner.tuning.tuner import LOG_NAMES

_OUTCOMES = {message: kind.value for kind, message in LOG_NAMES.items()}
_STATUS = {error.code: error.status for error in ProviderError}


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one event for one task, as its log line says, with the call that was made for it."""

    event_id: str | None
    outcome: str
    rule: str | None
    interval: int | None
    reason: str
    call: LoggedCall | None

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer to the call."""
        return None if self.call is None else _STATUS.get(self.call.outcome, 200)


class Observer:
    """Hands out each log line and each call once."""

    def __init__(self, log: TextIO, stand_in: StandIn) -> None:
        self._log = log
        self._stand_in = stand_in
        self._calls_seen = 0

    @classmethod
    @contextmanager
    def watching(cls, log_file: Path, stand_in: StandIn) -> Iterator[Self]:
        """The application's log goes to the file, from its first line on."""
        with log_file.open("w", encoding="utf-8", buffering=1) as sink, log_file.open(encoding="utf-8") as log:
            with redirect_stdout(sink):
                bootstrap.logger()  # it keeps the stdout of the moment in which it is made
            yield cls(log, stand_in)

    def news(self) -> list[Seen]:
        """What the last invocation did, in the order of its events."""
        calls = list(self._stand_in.calls()[self._calls_seen :])
        self._calls_seen += len(calls)
        lines = [json.loads(line) for line in self._log]
        return [_seen(line, calls) for line in lines if line["message"] in _OUTCOMES]


def _seen(line: dict[str, Any], calls: list[LoggedCall]) -> Seen:
    task = TaskRef(line["app_id"], line["room_id"], line["task_id"]) if "task_id" in line else None
    interval = line.get("interval")
    call = next((each for each in calls if (each.task, each.interval) == (task, interval)), None)
    if call is not None:
        calls.remove(call)
    return Seen(line.get("event_id"), _OUTCOMES[line["message"]], line.get("rule"), interval, line["reason"], call)

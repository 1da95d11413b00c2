"""What it costs to read a body, as a multiple of a CloudEvent read without readings.

`python -m devkit.benchmarks.readings REVISION` compares such a CloudEvent with the same under another revision of the
code, in turns.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import NO_READINGS, Readings
from snapshot_tuner.policy.engine import Policy

_ELEMENTS = 100
_ROUNDS = 9
_POLICY = """
version: 1
events:
  - name: one
    match: {kind: [one]}
    type: rtc.room.load
    id: "{body.id}"
    time: "{body.at}"
    data: {AppId: "{body.app}", RoomId: "{body.room}", TaskId: "{body.task}", load: "{body.load}"}
  - name: many
    match: {kind: [many]}
    each: body.list
    type: rtc.room.load
    id: "{item.id}"
    time: "{item.at}"
    data: {AppId: "{body.app}", RoomId: "{item.room}", TaskId: "{item.task}", load: "{item.load}"}
rules: [{name: all, interval: 5}]
"""
_TASK = {"room": "room-1", "task": "task-1", "load": 0.84, "id": "load-1", "at": "2026-03-01T09:00:00.123Z"}

_EVENT: Final[Mapping[str, Any]] = {
    "specversion": "1.0",
    "id": "load-1",
    "source": "/monitor/rtc",
    "type": "rtc.room.load",
    "time": _TASK["at"],
    "data": {"AppId": "app-1", "RoomId": "room-1", "TaskId": "task-1", "load": 0.84},
}


def ratios(*, times: int = 500) -> Mapping[str, float]:
    """By what is read: a CloudEvent, a bare object, and each further element of a list."""
    readings = Policy.parse(_POLICY, "benchmark").readings
    many = {"kind": "many", "app": "app-1"}
    calls = {
        "a CloudEvent": _read(_EVENT, NO_READINGS),
        "a CloudEvent, with `events`": _read(_EVENT, readings),
        "a bare object, by a reading": _read({"kind": "one", "app": "app-1", **_TASK}, readings),
        "one": _read({**many, "list": [_TASK]}, readings),
        "all": _read({**many, "list": [_TASK] * (_ELEMENTS + 1)}, readings),
    }
    seconds = _least(calls, times)
    base = seconds["a CloudEvent"]
    further = (seconds.pop("all") - seconds.pop("one")) / _ELEMENTS
    return {name: each / base for name, each in (seconds | {"each further element of a list": further}).items()}


_PROGRAM: Final = """
import json, sys, time
from snapshot_tuner.events import signals
text, least = sys.argv[1], float("inf")
for _ in range(40):
    begin = time.process_time()
    for _ in range(1000):
        signals.from_body(text, sent_us=0)
    least = min(least, time.process_time() - begin)
print(least / 1000)
"""
"""The least processor time of reading a text, in seconds."""


def ratio_to(revision: str, *, turns: int = 5) -> float:
    """What a CloudEvent costs here, as a multiple of what it cost under the revision."""
    layer = Path("layers") / "snapshot_tuner"
    with TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", revision, str(layer)], check=True, capture_output=True)  # noqa: S603, S607 - the revision that the caller names
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        roots = (layer, Path(folder) / layer)
        least = dict.fromkeys(roots, float("inf"))
        for _ in range(turns):
            for root in roots:
                command = [sys.executable, "-c", _PROGRAM, json.dumps(_EVENT)]
                run = subprocess.run(command, check=True, capture_output=True, env={"PYTHONPATH": str(root)})  # noqa: S603 - ours
                least[root] = min(least[root], float(run.stdout))
        here, there = least.values()
        return here / there


def _read(body: Mapping[str, Any], readings: Readings) -> Callable[[], object]:
    text = json.dumps(body)
    return lambda: signals.from_body(text, sent_us=0, readings=readings)


def _least(calls: Mapping[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Seconds of each, the least of several rounds; in turns, so that what else the machine does is shared."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            count = times // 50 if name == "all" else times
            begin = time.process_time()
            for _ in range(count):
                call()
            least[name] = min(least[name], (time.process_time() - begin) / count)
    return least


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m devkit.benchmarks.readings", description=__doc__)
    parser.add_argument("revision", help="as git names it")
    print(f"a CloudEvent without `events`: {ratio_to(parser.parse_args().revision):.2f}")

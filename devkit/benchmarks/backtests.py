"""`python -m devkit.benchmarks.backtests`: what a backtest of many events takes, in processor time and memory."""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from devkit.build.step import ROOT
from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.replay import Replay
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.policy.engine import Policy

_DAY_SECONDS = 86_400
_START_US = rfc3339.to_microseconds("2026-03-01T00:00:00Z")
_ALERTS, _JOINS = 0.01, 0.05


def write_day(path: Path, events: int, rooms: int) -> None:
    """So many events spread over a day: the loads of rooms that go up and down, and a few alerts and joins."""
    random = Random(1)  # noqa: S311 - a seed has to give the same file
    loads = [random.random() for _ in range(rooms)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(events):
            room, chance = random.randrange(rooms), random.random()
            loads[room] = min(1.0, max(0.0, loads[room] + random.gauss(0, 0.08)))
            kind = "moderation.alert" if chance < _ALERTS else "rtc.room.load"
            data = {"AppId": "5f3a1c0e9b7d4e2a8c6f0b13", "RoomId": f"room-{room}", "TaskId": "task-1"}
            event = {
                "specversion": "1.0",
                "id": f"evt-{number}",
                "source": "/monitor/rtc",
                "type": "rtc.UserJoinRoom" if chance > 1 - _JOINS else kind,
                "time": rfc3339.from_microseconds(_START_US + number * _DAY_SECONDS * 1_000_000 // events),
                "data": {**data, "load": round(loads[room], 2)},
            }
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devkit.benchmarks.backtests", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rooms", type=int, default=500)
    parser.add_argument("--policies", type=int, choices=(1, 2), default=1, help="2: as with --against")
    arguments = parser.parse_args()
    policy = Policy.load(ROOT / "layers" / "policy" / "policy.yaml")
    with tempfile.TemporaryDirectory(prefix="backtests-") as folder:
        path = Path(folder) / "day.ndjson"
        write_day(path, arguments.events, arguments.rooms)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        replay = Replay([policy] * arguments.policies, Assumptions())
        began, began_cpu = time.perf_counter(), time.process_time()
        replay.run(path)
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{arguments.events:,} events, {replay.runs[0].rate.calls:,} calls, policies: {arguments.policies}: "
        f"{seconds:.1f} s ({cpu:.1f} s of processor time, {cpu / arguments.events * 1e6:.0f} us per event), "
        f"peak {peak / 1024:.0f} MB ({before / 1024:.0f} MB before)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

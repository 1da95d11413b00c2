"""`make simulate-day`: a day of virtual time, 10,000 tasks, random adjustments that end, a run every minute.

One worker and one reconciler take turns on a SQLite ledger. Some calls end unknown, some tasks start again.
At the end every task must be at its base.
"""

import argparse
import sys
import tempfile
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import track

from devkit.silent_log import SilentLog
from devkit.simulation.instance import EPOCH
from devkit.simulation.provider import DEFAULT_INTERVAL
from snapshot_tuner.errors import CallFailed
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits, Slot
from snapshot_tuner.model import Order, OutcomeKind, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner

DAY_SECONDS = 86_400
EVENTS_PER_TASK = 5
QUOTA = 150
BATCH = 100
UNKNOWN_SHARE = 0.01
RESTARTED_SHARE = 0.1
VISIBILITY_SECONDS = 180.0

POLICY = """
version: 1
rules:
  - name: base
    match: {type: [base]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
  - {name: alert, match: {type: [alert]}, interval: 1, for: 10m}
  - {name: watch, match: {type: [watch]}, interval: 3, for: 1h}
  - {name: slow, match: {type: [slow]}, interval: 60, for: 4h}
  - {name: short, match: {type: [short]}, interval: 2, for: 90s}
"""
TYPES = ("alert", "watch", "slow", "short")
QUIET_SECONDS = 5 * 3600
"""No event in the day's last hours, so that everything can end."""


@dataclass
class DayClock:
    """Seconds since the day began, on both faces."""

    seconds: float = 0.0

    def wall_us(self) -> int:
        return round((EPOCH + self.seconds) * 1e6)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class DayProvider:
    """Calls and readings that take no time beyond their slots."""

    clock: DayClock
    random: Random
    intervals: dict[TaskRef, int] = field(default_factory=dict)
    calls: int = 0
    most_in_a_second: int = 0
    _sent: deque[float] = field(default_factory=deque)
    _ended: list[Finished] = field(default_factory=list)

    @property
    def parallelism(self) -> int:
        return 64

    def start(self, call: Call) -> None:
        self.clock.seconds = max(self.clock.seconds, call.slot.start)
        call.check(self.clock.seconds)
        self.calls += 1
        self._sent.append(self.clock.seconds)
        while self._sent[0] <= self.clock.seconds - 1:
            self._sent.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(self._sent))
        unknown = self.random.random() < UNKNOWN_SHARE
        if not unknown or self.random.random() < 0.5:  # noqa: PLR2004 - half of them are carried out
            self.intervals[call.task] = call.intent.interval
        error = CallFailed("Timeout", "no answer", outcome_unknown=True) if unknown else None
        self._ended.append(Finished(call, error))

    def finished(self, until: float) -> list[Finished]:
        if not self._ended:
            self.clock.seconds = max(self.clock.seconds, until)
        ended, self._ended = self._ended, []
        return ended

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:  # noqa: ARG002 - it takes no time
        self.clock.seconds = max(self.clock.seconds, slot.start)
        return TaskReading(TaskStatus.RUNNING, self.intervals.get(task, DEFAULT_INTERVAL))


@dataclass(frozen=True, slots=True)
class DayReport:
    """The day's result; `wrong` are the tasks that are not at their base."""

    tasks: int
    events: int
    calls: int
    most_calls_in_a_second: int
    counts: dict[str, int]
    wrong: tuple[str, ...]


def day(tasks: int, seed: int, *, every: int = 60, progress: bool = False) -> DayReport:
    """With a run of the reconciler `every` so many seconds."""
    random = Random(seed)  # noqa: S311 - a seed has to replay the day
    clock = DayClock()
    provider = DayProvider(clock, random)
    limits = Limits(Order.TIME, QUOTA * SLOT_SHARE, DAY_SECONDS, 14 * DAY_SECONDS, 300)
    bases: dict[TaskRef, int] = {}
    events = _events(tasks, random, bases)
    restarts = sorted((random.uniform(0, DAY_SECONDS - QUIET_SECONDS), task) for task in _some(bases, random))
    queue = [(signal.time_us / 1e6 - EPOCH, signal.id, signal) for signal in events]
    heapify(queue)
    counts: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory(prefix="day-") as folder,
        closing(SqliteLedger(Path(folder) / "db", "day", limits, clock)) as ledger,
    ):
        policy = Policy.parse(POLICY, "day.yaml")
        tuner = Tuner(policy=policy, ledger=ledger, calls=provider, clock=clock, log=SilentLog())
        reconciler = Reconciler(ledger=ledger, calls=provider, reads=provider, clock=clock, log=SilentLog())
        starts = range(0, DAY_SECONDS, every)
        console = Console(stderr=True)
        for start in track(starts, "a day", console=console, disable=not (progress and console.is_terminal)):
            clock.seconds = max(clock.seconds, start)
            while restarts and restarts[0][0] <= clock.seconds:
                provider.intervals.pop(restarts.pop(0)[1], None)
            while queue and queue[0][0] <= clock.seconds:
                due = sum(1 for moment, _, _ in queue[:BATCH] if moment <= clock.seconds)
                batch = [heappop(queue)[2] for _ in range(due)]
                for signal, answer in zip(batch, tuner.process(batch, clock.seconds + 20), strict=True):
                    if answer[0].kind is OutcomeKind.RETRY:
                        heappush(queue, (clock.seconds + VISIBILITY_SECONDS, signal.id, signal))
            for name, count in reconciler.run(clock.seconds + 50).counts().items():
                counts[name] = counts.get(name, 0) + count
    wrong = tuple(
        task.room_id for task, base in bases.items() if provider.intervals.get(task, DEFAULT_INTERVAL) != base
    )
    return DayReport(tasks, len(events), provider.calls, provider.most_in_a_second, counts, wrong)


def _events(tasks: int, random: Random, bases: dict[TaskRef, int]) -> list[Signal]:
    """In the order of their times; `bases` gets the interval that each task must have in the end."""
    found = []
    for number in range(tasks):
        task = TaskRef("app", f"room-{number:05}", "task")
        moments = sorted(random.uniform(0, DAY_SECONDS - QUIET_SECONDS) for _ in range(EVENTS_PER_TASK))
        for index, moment in enumerate(moments):
            is_base = index == 0 or random.random() < 0.2  # noqa: PLR2004 - one in five
            interval = random.randint(1, 600)
            if is_base:
                bases[task] = interval
            kind = "base" if is_base else random.choice(TYPES)
            names = {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}
            time_us = round((EPOCH + moment) * 1e6)
            found.append(Signal(f"{number}-{index}", "day", kind, time_us, {**names, "interval": interval}))
    return sorted(found, key=lambda signal: signal.time_us)


def _some(tasks: dict[TaskRef, int], random: Random) -> list[TaskRef]:
    return [task for task in tasks if random.random() < RESTARTED_SHARE]


def main() -> int:
    """Exit code 1 where a task is not at its base."""
    parser = argparse.ArgumentParser(prog="python -m devkit.simulation.day", description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    report = day(arguments.tasks, arguments.seed, progress=True)
    print(
        f"{report.tasks:,} tasks, {report.events:,} events, {report.calls:,} calls (at most "
        f"{report.most_calls_in_a_second} in a second), {report.counts}, in {time.monotonic() - began:.0f} s: "
        f"{len(report.wrong)} tasks are not at their base"
    )
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

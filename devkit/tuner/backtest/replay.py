"""One reading of a recording, fed to one policy or two."""

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from typing import IO, Final

from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.policy_run import PolicyRun
from devkit.tuner.backtest.rooms import Rooms
from devkit.tuner.backtest.trail import Trail
from devkit.tuner.recordings import Arrival, Unreadable, read
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.arrival import Arrivals
from snapshot_tuner.model import Decision, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.tuning.tuner import DEFAULTS

LOOK_AHEAD = 10_000
"""How many events are put into the order of their arrival; one that is further behind arrives late."""

SPAN_DAYS_MOST = 366
"""From the first event of a recording to its last: time passes minute by minute, a year of it in some seconds."""

UNREADABLE_SHOWN = 20

ROLES: Final = ("new", "old")
"""Of the policies, in their order."""

_ALLOCATED_BETWEEN_COLLECTIONS = 10_000_000
"""So many that a day of events is over first: each look at all that is remembered took a tenth of the whole time."""


@dataclass(slots=True)
class RecordingFigures:
    """What was read; `late` are those that were too far behind their place."""

    events: int = 0
    first_us: int = 0
    last_us: int = 0
    late: int = 0
    unreadable_count: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


class Replay:
    """Two policies see the same events at the same moments; each has an account of its own."""

    def __init__(self, policies: Sequence[Policy], assumptions: Assumptions) -> None:
        self.assumptions = assumptions
        self.policies = policies
        self.recording = RecordingFigures()
        self.rooms = Rooms(len(policies), assumptions.start_interval)
        self.runs: list[PolicyRun] = []
        self._arrivals_us, self._arrivals = 0, Arrivals(0, 0)

    def run(
        self,
        path: Path,
        *,
        on_progress: Callable[[int], None] | None = None,
        trail: Trail | None = None,
        decisions: IO[str] | None = None,
    ) -> None:
        """`on_progress`: as of `recordings.read`. `decisions` gets a line for each outcome under the first policy."""
        recording = self.recording
        with _few_collections():
            readings = [policy.readings for policy in self.policies]
            for arrival in in_order(self._readable(read(path, on_progress, readings))):
                if not self.runs:
                    recording.first_us = recording.last_us = arrival.received_us
                    self._begin(trail, decisions)
                if arrival.received_us - recording.first_us > SPAN_DAYS_MOST * 86_400_000_000:
                    reason = f"time: is more than {SPAN_DAYS_MOST} days after the first event"
                    self._leave_out(Unreadable(arrival.line, reason, arrival.of))
                    continue
                recording.events += not arrival.of
                recording.late += arrival.received_us < recording.last_us
                recording.last_us = max(recording.last_us, arrival.received_us)
                self._arrive(arrival, (recording.last_us - recording.first_us) / 1e6, trail)
            for run in self.runs:
                run.finish()

    def _begin(self, trail: Trail | None, decisions: IO[str] | None) -> None:
        for number, policy in enumerate(self.policies):
            run = PolicyRun(
                number,
                policy,
                assumptions=self.assumptions,
                origin_us=self.recording.first_us,
                rooms=self.rooms,
                trail=trail,
                decisions=decisions if number == 0 else None,
            )
            self.runs.append(run)

    def _arrive(self, arrival: Arrival, at: float, trail: Trail | None) -> None:
        for run in self.runs:
            run.world.advance(at)
        signal = arrival.signal
        sent_us = self._sent_us(signal)
        runs = self.runs if arrival.of is None else [self.runs[arrival.of]]
        decisions = [run.policy.decide(signal, sent_us, arrival.received_us) for run in runs]
        for task in self._tasks(signal, runs, decisions):
            room = self.rooms.event(task, at, is_first=not arrival.of)
            if trail is not None:
                trail.event(room.number, at, signal)
        for run, decision in zip(runs, decisions, strict=True):
            run.world.put(signal, decision)

    def _sent_us(self, signal: Signal) -> int:
        now_us = self.recording.last_us
        if self._arrivals_us != now_us:
            self._arrivals_us, self._arrivals = (
                now_us,
                Arrivals(now_us, DEFAULTS.idempotency_ttl),
            )
        return self._arrivals.sent_us(signal)

    def _tasks(self, signal: Signal, runs: Sequence[PolicyRun], decisions: Sequence[Decision]) -> Iterable[TaskRef]:
        """Those that any of the policies finds in it, also where its rules change nothing."""
        tasks, *others = [_tasks(run.policy, signal, decision) for run, decision in zip(runs, decisions, strict=True)]
        return dict.fromkeys(chain(tasks, *others)) if others else tasks

    def _readable(self, lines: Iterable[Arrival | Unreadable]) -> Iterator[Arrival]:
        for line in lines:
            if isinstance(line, Arrival):
                yield line
            else:
                self._leave_out(line)

    def _leave_out(self, line: Unreadable) -> None:
        recording = self.recording
        recording.unreadable_count += 1
        if len(recording.unreadable) < UNREADABLE_SHOWN:
            under = "" if line.of is None else f"{ROLES[line.of]}: "
            recording.unreadable.append(line._replace(reason=under + line.reason))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Events come and go by the hundred thousand and hold no cycles: looking for some among them is time lost."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_ALLOCATED_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _tasks(policy: Policy, signal: Signal, decision: Decision) -> list[TaskRef]:
    if decision.adjustments:
        return [adjustment.task for adjustment in decision.adjustments]
    try:
        return policy.tasks(signal)
    except EventRejected:
        return []  # what comes of it, its outcome says


def in_order(arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
    """By their arrival, as far as LOOK_AHEAD reaches; those of the same moment in the recording's order."""
    ascending: deque[tuple[int, int, Arrival]] = deque()
    others: list[tuple[int, int, Arrival]] = []
    """A heap of those that come after later ones: few, as recordings are nearly in order."""

    def first() -> Arrival:
        is_other = not ascending or (others and others[0] < ascending[0])
        return (heappop(others) if is_other else ascending.popleft())[2]

    for number, arrival in enumerate(arrivals):
        entry = (arrival.received_us, number, arrival)
        if not ascending or entry > ascending[-1]:
            ascending.append(entry)
        else:
            heappush(others, entry)
        if len(ascending) + len(others) > LOOK_AHEAD:
            yield first()
    while ascending or others:
        yield first()

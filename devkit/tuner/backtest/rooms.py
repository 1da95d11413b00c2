"""Every task's interval over its time, under one policy or two side by side; summed up as it goes by.

A task's time is from its first event in the recording to its last. Nobody knows which is its last before the next
one comes, so the steps since the newest event are kept, and counted when there is another event behind them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from snapshot_tuner.model import TaskRef


@dataclass(slots=True)
class Side:
    """One task under one policy; `steps` are (when, interval) since the newest event, `interval` is that before them.

    `changes` are confirmed calls with another interval than before. `confirmed_at` is when the newest call was.
    """

    interval: int
    stands_at: int
    pictures: float = 0.0
    interval_seconds: float = 0.0
    changes: int = 0
    confirmed_at: float = -1.0
    steps: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True)
class RoomFigures:
    """One task; moments in seconds since the recording began."""

    number: int
    first: float
    last: float
    sides: list[Side]
    events: int = 0
    different_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        return self.last - self.first

    def mean_interval(self, side: int) -> float:
        """Seconds, over its time; its interval if it has no time."""
        one = self.sides[side]
        return one.interval_seconds / self.seconds if self.seconds else float(one.stands_at)

    @property
    def difference(self) -> float:
        """Pictures, the first policy's less the second's; of one policy alone, its pictures."""
        first, *second = self.sides
        return first.pictures - sum(side.pictures for side in second)


class Rooms:
    """All tasks, under `policies` of them."""

    def __init__(self, policies: int, start_interval: int) -> None:
        self._start_interval = start_interval
        self._policies = policies
        self.of: dict[TaskRef, RoomFigures] = {}
        self.seconds_at: list[defaultdict[int, float]] = [defaultdict(float) for _ in range(policies)]
        """For each policy: how many seconds of all tasks' time were spent at an interval."""

    def event(self, task: TaskRef, at: float, *, is_first: bool = True) -> RoomFigures:
        """An event for the task arrived: its time goes on until now.

        `is_first` is false where another policy has seen it, in its own way, before.
        """
        room = self.of.get(task)
        if room is None:
            sides = [Side(self._start_interval, self._start_interval) for _ in range(self._policies)]
            room = self.of[task] = RoomFigures(len(self.of), at, at, sides)
        elif at > room.last:
            self._count(room, at)
        room.events += is_first
        return room

    def step(self, room: RoomFigures, policy: int, at: float, interval: int) -> bool:
        """A call for the task was confirmed; whether it changed its interval."""
        side = room.sides[policy]
        side.confirmed_at = at
        if interval == side.stands_at:
            return False
        side.changes += 1
        side.stands_at = interval
        side.steps.append((at, interval))
        return True

    def _count(self, room: RoomFigures, until: float) -> None:
        """The sides' intervals from `room.last` on."""
        steps = [(at, number, to) for number, side in enumerate(room.sides) for at, to in side.steps]
        if steps:
            for at, number, interval in sorted(steps, key=itemgetter(0)):
                self._pass(room, at)
                room.sides[number].interval = interval
            for side in room.sides:
                side.steps.clear()
        self._pass(room, until)

    def _pass(self, room: RoomFigures, until: float) -> None:
        seconds = until - room.last
        for number, side in enumerate(room.sides):
            side.pictures += seconds / side.interval
            side.interval_seconds += seconds * side.interval
            self.seconds_at[number][side.interval] += seconds
        if differ(room.sides):
            room.different_seconds += seconds
        room.last = until


def differ(sides: Sequence[Side]) -> bool:
    """Whether two policies have the task at two intervals now."""
    return len(sides) > 1 and sides[0].interval != sides[1].interval

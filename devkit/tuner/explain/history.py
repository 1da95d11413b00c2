"""What was before an event: the part of a recording that matters for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.tuner import recordings
from devkit.tuner.explain.opening import Invocation
from devkit.tuner.recordings import Unreadable
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy


@dataclass(frozen=True, slots=True)
class History:
    """The events of a recording that adjust the tasks of those to explain, in the order of their arrival."""

    file: Path
    invocations: tuple[Invocation, ...]
    unreadable: int

    def between(self, after_us: int, until_us: int) -> list[Invocation]:
        """What arrived at the first moment or later, and before the second one."""
        return [each for each in self.invocations if after_us <= each.received_us < until_us]


def history(file: Path, policy: Policy, explained: Sequence[Invocation]) -> History:
    """Without the events to explain themselves. Raises CommandFailed where the recording cannot be read."""
    arrived = [
        (event, invocation.received_us)
        for invocation in explained
        for event in invocation.events
        if isinstance(event, Signal)
    ]
    tasks = {adjustment.task for signal, _ in arrived for adjustment in policy.decide(signal).adjustments}
    found: list[Invocation] = []
    unreadable = 0
    for line in recordings.read(file, readings=[policy.readings]):
        if isinstance(line, Unreadable):
            unreadable += 1
            continue
        adjusted = (adjustment.task for adjustment in policy.decide(line.signal).adjustments)
        if not tasks.isdisjoint(adjusted) and (line.signal, line.received_us) not in arrived:
            found.append(Invocation(line.received_us, (line.signal,)))
    found.sort(key=lambda invocation: invocation.received_us)
    return History(file, tuple(found), unreadable)

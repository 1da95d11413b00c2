"""The RTC API as the simulation sees it: what was sent when, and the interval of each task."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from devkit.simulation.instance import Timeline
from snapshot_tuner.ledger.timing import LEASE_SECONDS
from snapshot_tuner.model import TaskRef

DEFAULT_INTERVAL = 2
"""What a task starts from, in seconds (UpdateSnapshot, `ImageConfig.Interval`)."""


@dataclass(slots=True)
class SentCall:
    """One call on its way, `found` being the interval before it, and its `sender` an instance's name.

    `over_at` is when its sender knew the end of it; None while, or where, it never did.
    """

    task: TaskRef
    interval: int
    sent_at: float
    lease_until: float
    found: int
    sender: str
    event_id: str
    over_at: float | None = None


class Provider:
    """Applies what arrives, in the order of arrival, and remembers every call."""

    def __init__(self, timeline: Timeline, throttled: list[tuple[float, float]]) -> None:
        self._timeline = timeline
        self._throttled = throttled
        self.intervals: dict[TaskRef, int] = {}
        self.calls: list[SentCall] = []

    def interval(self, task: TaskRef) -> int:
        """Seconds; what a task starts from where nobody has called."""
        return self.intervals.get(task, DEFAULT_INTERVAL)

    def restarts_at(self, moment: float, task: TaskRef) -> None:
        def restart() -> None:
            self.intervals.pop(task, None)
            self._timeline.trace("provider", f"{task.room_id} starts again")

        self._timeline.at(moment, restart)

    def throttles_now(self) -> bool:
        return any(start <= self._timeline.now < end for start, end in self._throttled)

    def arrives_at(self, moment: float, call: SentCall) -> None:
        def apply() -> None:
            self.intervals[call.task] = call.interval
            room = call.task.room_id
            self._timeline.trace("provider", f"{room} stands at {call.interval} s (sent at {call.sent_at:.4f})")

        self._timeline.at(moment, apply)

    def most_calls_in_a_second(self) -> int:
        sent = sorted(call.sent_at for call in self.calls)
        most, first = 0, 0
        for last, moment in enumerate(sent):
            while sent[first] <= moment - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    def lengthened_by(self, sender: str, since: float, old: Collection[str]) -> list[str]:
        """Calls by those of that name that made an interval longer, before any by another one or for no `old` event."""
        settled: set[TaskRef] = set()
        found = []
        for call in self.calls:
            if call.sent_at < since or call.task in settled:
                continue
            if not call.sender.startswith(sender) or call.event_id not in old:
                settled.add(call.task)
            elif call.interval > call.found:
                found.append(f"{call.task.room_id}: from {call.found} s to {call.interval} s at {call.sent_at:.4f}")
        return found

    def overlaps_under_lease(self, without: Collection[TaskRef] = ()) -> list[str]:
        """Pairs of calls for one task that were in flight at once, though the first one's lease still held.

        `without` those of which the ledger has lost what it knew, leases too. Nor those between which the store's clock
        was set ahead: if nobody sees that, the ledger takes the lease for over, and cannot know better.
        """
        by_task: dict[TaskRef, list[SentCall]] = defaultdict(list)
        for call in self.calls:
            by_task[call.task].append(call)
        found = []
        for task, calls in by_task.items():
            if task in without:
                continue
            calls.sort(key=lambda call: call.sent_at)
            for before, after in pairwise(calls):
                end = before.lease_until if before.over_at is None else min(before.over_at, before.lease_until)
                begun = before.lease_until - LEASE_SECONDS
                is_unseen = any(begun <= step <= after.sent_at for step in self._timeline.steps_ahead)
                if after.sent_at < end and not is_unseen:
                    found.append(f"{task.room_id}: calls sent at {before.sent_at:.4f} and {after.sent_at:.4f}")
        return found

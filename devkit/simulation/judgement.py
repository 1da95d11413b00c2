"""What came of a run: which tasks are not where they should be, and which promises were broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from devkit.simulation.faulty_ports import SimulatedLedger
from devkit.simulation.instance import EPOCH, Timeline
from devkit.simulation.ledgers.stores import Store
from devkit.simulation.oracle import wanted_at_last
from devkit.simulation.people import Steps
from devkit.simulation.provider import Provider
from devkit.simulation.queue import SimulatedQueue
from snapshot_tuner.model import Order, Signal, TaskRef

QUOTA = 30
"""Calls per second of the simulated account: small enough that slots are scarce in a burst."""

REPLICA_BEHIND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of one run.

    `wrong` are the tasks that are not where they should be when every adjustment has ended: at what the limits make
    by then of what the newest event without an end wants, or of the `then` of a newer one, within what a person bounds
    it to by then; unless that event is a dead letter, or the ledger's record of the task was spoilt: it starts anew
    with its next event, and its neighbours notice nothing. After a failover a task may stand at less, as none is made
    longer without an event; and of those that were `lost`, of which the last second is forgotten, an older event may
    have won.
    `in_doubt` are those that the ledger still knows to be uncertain; so many records were `set_aside`.
    """

    tasks: int
    events: int
    calls: int
    dead_letters: int
    wrong: frozenset[str]
    in_doubt: frozenset[str]
    lost: frozenset[str]
    set_aside: int
    violations: tuple[str, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """What must never be."""
        return (*self.violations, *(f"{room} is wrong" for room in sorted(self.wrong)))


class Losses:
    """Failovers to a replica that lost the last second: it forgot part of these `tasks`, `since` this moment."""

    def __init__(self, timeline: Timeline, store: Store, moments: Sequence[float]) -> None:
        self.happened = False
        self.since = inf
        self.tasks: set[TaskRef] = set()
        self._timeline = timeline
        for moment in moments:
            timeline.at(moment - REPLICA_BEHIND_SECONDS, partial(self._falls_behind, store, moment))

    def _falls_behind(self, store: Store, moment: float) -> None:
        take_over = store.copy()

        def fail_over() -> None:
            self.happened = True
            if lost := take_over():
                self.since = min(self.since, moment)
                self.tasks.update(lost)
            self._timeline.trace("store", f"fails over, and forgets of {sorted(task.room_id for task in lost)}")

        self._timeline.at(moment, fail_over)


def judge(
    signals: list[Signal],
    queue: SimulatedQueue,
    provider: Provider,
    ledger: SimulatedLedger,
    *,
    spoilt: frozenset[TaskRef],
    losses: Losses,
    steps: Steps,
) -> RunReport:
    of_tasks: dict[TaskRef, list[Signal]] = {}
    for signal in sorted(signals, key=lambda each: each.order_key(Order.TIME, each.sent_us or 0) or b""):
        of_tasks.setdefault(task_of(signal), []).append(signal)
    dead = {signal.id for signal in queue.dead}
    called = {call.task for call in provider.calls}
    wrong, in_doubt = set(), set()
    for task, of_task in of_tasks.items():
        wanted, stands_at = wanted_at_last(of_task), provider.interval(task)
        interval = wanted and wanted.interval and steps.within(task, wanted.interval)
        is_known = task not in spoilt | losses.tasks
        if wanted is not None and is_known and dead.isdisjoint(signal.id for signal in wanted.by):
            is_right = stands_at == interval if interval else task not in called
            is_short = losses.happened and stands_at < (interval or 0)
            if not is_right and not is_short:
                wrong.add(task.room_id)
        state = ledger.get(task)
        if state is not None and state.doubt_until is not None:
            in_doubt.add(task.room_id)
    violations = provider.overlaps_under_lease(without=spoilt | losses.tasks)
    old = {signal.id for signal in signals if signal.time_us / 1e6 - EPOCH <= losses.since}
    lengthened = provider.lengthened_by("reconciler", losses.since, old)
    violations += [f"after a failover the reconciler lengthens {each}" for each in lengthened]
    lost = {signal.id for signal in signals} - queue.acknowledged - dead
    violations += [f"{event_id} is neither acknowledged nor a dead letter" for event_id in sorted(lost)]
    violations += [
        f"{call.task.room_id}: {call.interval} s at {call.sent_at:.4f} is out of its bounds"
        for call in provider.calls
        if call.task not in spoilt | losses.tasks and steps.are_broken_by(call)
    ]
    most = provider.most_calls_in_a_second()
    if most > QUOTA:
        violations.append(f"{most} calls in one second, {QUOTA} allowed")
    return RunReport(
        tasks=len(of_tasks),
        events=len(signals),
        calls=len(provider.calls),
        dead_letters=len(queue.dead),
        wrong=frozenset(wrong),
        in_doubt=frozenset(in_doubt),
        lost=frozenset(task.room_id for task in losses.tasks),
        set_aside=ledger.set_aside(0).total,
        violations=tuple(violations),
    )


def task_of(signal: Signal) -> TaskRef:
    data = signal.data
    assert isinstance(data, dict)  # noqa: S101 - made so above
    return TaskRef(str(data["AppId"]), str(data["RoomId"]), str(data["TaskId"]))

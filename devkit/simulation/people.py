"""People who step in: what each wants of which task and when, and what has become of it in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, TypeAlias, cast

from devkit.silent_log import SilentLog
from devkit.simulation.faults import Faults
from devkit.simulation.faulty_ports import FaultyLedger, SimulatedCalls, SimulatedLedger
from devkit.simulation.instance import Instance, InstanceClock
from devkit.simulation.provider import SentCall
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.types import Bounds
from snapshot_tuner.model import TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.telemetry.metrics import BatchFigures
from snapshot_tuner.tuning.bounds import OperatorBounds, Wanted
from snapshot_tuner.tuning.inspection import Inspector, Probe
from snapshot_tuner.tuning.tuner import Tuner

if TYPE_CHECKING:
    from snapshot_tuner.policy.source import PolicySource

PEOPLE = 2

REQUEST_SECONDS = 10.0
TRY_AGAIN_SECONDS = 2.0
LASTS = (20, 60, 300, 1200, 86_400)
"""The last one is longer than a run, so that some hold at its end."""

IN_FLIGHT_SECONDS = 60.0
"""So long after a change a call may be sent that was begun before it: a lease, and the longest pause."""


Wire: TypeAlias = tuple[list[tuple[float, float]], Faults, Random]
"""Outages, faults and chances of the way to the ledger."""


@dataclass(frozen=True, slots=True)
class Step:
    """Bounds for so many seconds, or, where that is 0, none any more."""

    at: float
    task: TaskRef
    least: int | None = None
    most: int | None = None
    lasts: int = 0


@dataclass
class Steps:
    """The requests that the store received, in order, by virtual time: they judge a run, whatever the ledger says."""

    clock_off: float
    """How wrong the store's clock may have been, in seconds."""
    ended_at: float = 0.0
    by_task: dict[TaskRef, list[Step]] = field(default_factory=dict)

    def done(self, step: Step) -> None:
        self.by_task.setdefault(step.task, []).append(step)

    def within(self, task: TaskRef, interval: int) -> int:
        """What a person makes of the interval at the end of the run."""
        last = self.by_task.get(task, [])[-1:]
        return _clamped(last[0], interval) if last and self.ended_at < last[0].at + last[0].lasts else interval

    def are_broken_by(self, call: SentCall) -> bool:
        """Whether it is out of bounds that hold for sure."""
        before = [step for step in self.by_task.get(call.task, []) if step.at < call.sent_at]
        if not before:
            return False
        step = before[-1]
        holds = step.at + IN_FLIGHT_SECONDS < call.sent_at < step.at + step.lasts - self.clock_off
        return holds and _clamped(step, call.interval) != call.interval


def plans(tasks: Sequence[TaskRef], random: Random, share: float, horizon: float) -> dict[str, list[Step]]:
    """What each person does, in the order of the times; several change one task's bounds."""
    steps = []
    for task in tasks:
        if random.random() >= share:
            continue
        least = most = None
        for at in sorted(random.uniform(0, horizon) for _ in range(random.randint(1, 5))):
            kind = random.choice(("set", "set", "renew", "clear"))
            if kind == "clear":
                steps.append(Step(at, task))
                continue
            if kind == "set" or (least, most) == (None, None):
                low, high = sorted((random.randint(1, 600), random.randint(1, 600)))
                least, most = random.choice(((low, None), (None, high), (low, high), (low, low)))
            steps.append(Step(at, task, least, most, random.choice(LASTS)))
    steps.sort(key=lambda step: step.at)
    return {f"person-{number}": steps[number::PEOPLE] for number in range(PEOPLE if steps else 0)}


class PersonsLedger(FaultyLedger):
    """As a person reaches it: what the store has done is noted, though its reply be lost."""

    def __init__(self, ledger: SimulatedLedger, instance: Instance, wire: Wire, noted: Steps) -> None:
        super().__init__(ledger, instance, *wire)
        self._noted = noted

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        def operation() -> tuple[Bounds, Bounds | None]:
            answer = self._ledger.set_bounds(
                task, least=least, most=most, lasts_seconds=lasts_seconds, reason=reason, caller=caller
            )
            self._noted.done(Step(self._instance.timeline.now, task, least, most, lasts_seconds))
            self._instance.trace(f"bounds {task.room_id} to {least}..{most} for {lasts_seconds} s")
            return answer

        return self._step(operation)

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        def operation() -> Bounds | None:
            answer = self._ledger.clear_bounds(task)
            self._noted.done(Step(self._instance.timeline.now, task))
            self._instance.trace(f"clears the bounds of {task.room_id}")
            return answer

        return self._step(operation)


def live(instance: Instance, plan: list[Step], ledger: PersonsLedger, calls: SimulatedCalls, policy: Policy) -> None:
    """One step after the other; who gets no answer tries again, also after a death."""
    clock = InstanceClock(instance)
    tuner = Tuner(policy=policy, ledger=ledger, calls=calls, clock=clock, log=SilentLog())
    # Nothing is asked of a policy or of the ledger's health.
    inspector = Inspector(cast("PolicySource", None), ledger, clock, cast("Probe", None))
    person = OperatorBounds(
        store=ledger, tuner=tuner, inspector=inspector, log=SilentLog(), recorder=_Nobody(), dry_run=False
    )
    while plan:
        step = plan[0]
        instance.wait(max(step.at, instance.timeline.now))
        deadline = clock.monotonic() + REQUEST_SECONDS
        try:
            if step.lasts:
                person.set(step.task, Wanted(step.least, step.most, step.lasts, "why"), instance.name, deadline)
            else:
                person.clear(step.task, instance.name, deadline)
        except LedgerUnavailable:
            instance.wait(instance.timeline.now + TRY_AGAIN_SECONDS)
        else:
            plan.pop(0)


class _Nobody:
    """Who counts."""

    def record(self, figures: BatchFigures) -> None:
        """Not here."""


def _clamped(step: Step, interval: int) -> int:
    return min(max(interval, step.least or 1), step.most or 600)

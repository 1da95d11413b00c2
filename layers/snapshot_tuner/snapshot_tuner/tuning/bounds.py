"""Bounds that a person sets on one task, for a time: recorded, and in force at once if a call can be made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger.ports import BoundsStore
from snapshot_tuner.ledger.types import Bounds
from snapshot_tuner.model import BoundsChanged, Outcome, OutcomeKind, TaskRef
from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder
from snapshot_tuner.tuning.inspection import Inspector, TaskReport

HELD_SECONDS = 48 * 3600
"""Bounds that have held for longer, renewed again and again, belong in the policy."""

_DRY_RUN = "dry run: none were set or cleared"


class Wanted(NamedTuple):
    """An interval of at least and at most so many seconds, one of them perhaps None; for how long, and why."""

    least: int | None
    most: int | None
    lasts_seconds: int
    reason: str


class Tunes(Protocol):
    """What is asked of a tuner, or of several that work together."""

    def process(self, events: Sequence[BoundsChanged], deadline: float) -> list[list[Outcome]]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """What came of it: `replaced` is what held before, and was somebody's; `reason` says how far the task is.

    `is_confirmed`: the task has the interval that it should have now.
    """

    task: TaskReport
    replaced: Bounds | None
    is_confirmed: bool
    reason: str


class OperatorBounds:
    """Built for one request. Every method raises LedgerUnavailable, and FixDeployment as the tuner does."""

    def __init__(
        self, *, store: BoundsStore, tuner: Tunes, inspector: Inspector, log: Log, recorder: Recorder, dry_run: bool
    ) -> None:
        self._store = store
        self._tuner = tuner
        self._inspector = inspector
        self._log = log
        self._recorder = recorder
        self._dry_run = dry_run

    def set(self, task: TaskRef, wanted: Wanted, caller: str, deadline: float) -> Change:
        """The later of two people wins, and sees whose bounds were replaced."""
        if self._dry_run:
            return Change(self._report(task), None, True, _DRY_RUN)
        bounds, replaced = self._store.set_bounds(
            task,
            least=wanted.least,
            most=wanted.most,
            lasts_seconds=wanted.lasts_seconds,
            reason=wanted.reason,
            caller=caller,
        )
        is_confirmed, says = self._call(task, deadline)
        keys = {"min": bounds.least, "max": bounds.most, "until": rfc3339.from_microseconds(bounds.until_us)}
        self._write("bounds_set", task, caller, replaced, says=says, reason=bounds.reason, **keys)
        if self._inspector.clock.wall_us() - bounds.set_us > HELD_SECONDS * 1e6:
            self._write("bounds_held_long", task, caller, None, since=rfc3339.from_microseconds(bounds.set_us))
            self._recorder.record(BatchFigures({Metric.BOUNDS_HELD_LONG: 1}))
        return Change(self._report(task), replaced, is_confirmed, says)

    def clear(self, task: TaskRef, caller: str, deadline: float) -> Change | None:
        """None for an unknown task."""
        if self._inspector.task(task) is None:
            return None
        if self._dry_run:
            return Change(self._report(task), None, True, _DRY_RUN)
        replaced = self._store.clear_bounds(task)
        is_confirmed, says = self._call(task, deadline)
        if replaced is None:  # perhaps of a request before this one, whose answer was lost
            return Change(self._report(task), None, is_confirmed, f"it had none; {says}")
        self._write("bounds_cleared", task, caller, replaced, says=says)
        return Change(self._report(task), replaced, is_confirmed, says)

    def _report(self, task: TaskRef) -> TaskReport:
        return self._inspector.task(task) or TaskReport(task, desired=None, applied=None, pending=())

    def _call(self, task: TaskRef, deadline: float) -> tuple[bool, str]:
        """Whether the task has the interval that it should have now, and the result in words."""
        report = self._inspector.task(task)
        if report is None:
            return True, "no event has named the task yet"
        if report.desired is None:
            return False, "no event has named the task yet: the bounds apply from its first event on"
        ((outcome,),) = self._tuner.process([BoundsChanged(task)], deadline)
        match outcome.kind:
            case OutcomeKind.APPLIED:
                return True, outcome.reason or f"set to {outcome.interval} s"
            case OutcomeKind.RETRY:
                return False, f"{outcome.reason}; the reconciler goes on"
            case _:
                return False, outcome.reason

    def _write(self, event: str, task: TaskRef, caller: str, replaced: Bounds | None, **keys: object) -> None:
        named = {"app_id": task.app_id, "room_id": task.room_id, "task_id": task.task_id, "caller": caller}
        before = {} if replaced is None else {"replaced": replaced.reason, "replaced_of": replaced.caller}
        given = {name: value for name, value in keys.items() if value is not None}
        write = self._log.warning if event == "bounds_held_long" else self._log.info
        write(event, **named, **given, **before)

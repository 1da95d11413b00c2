"""The ledger: what every task should be, which event said so, and who may call when.

Every operation is one atomic step in the store, on the store's clock, and safe to repeat with the same
token after a lost reply. Backends: `ledger.sqlite` (one host), `ledger.redis` (a fleet). They share `tests/ledger`.
"""

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.types import (
    Admitted,
    Begun,
    Bounds,
    CallRate,
    CallResult,
    SetAsideRecords,
    Settlement,
    Slot,
    TaskState,
)
from snapshot_tuner.model import Adjustment, TaskRef


class WarningLog(Protocol):
    """Where a warning goes: a stable event name with keys."""

    def warning(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value


class Ledger(Protocol):
    """What the tuner asks of a state store. Every method raises LedgerUnavailable."""

    @property
    def round_trip(self) -> float:
        """Seconds that its answers take on their way, as far as is known; 0 if it is on this machine."""
        ...

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        """Deduplicate and order; one answer per adjustment. Raises LedgerMismatch.

        A batch begins: a store that does not answer costs it, all operations together, no more than `within` seconds.
        """
        ...

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        """Up to `count` slots, none that starts sooner than `after` or later than `within` seconds from now.

        If the first would start more than SLOTS_AHEAD_SECONDS ahead, it is the only one: no worker holds many future
        slots, so that urgent events elsewhere do not wait for them.
        """
        ...

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        """Ask for the right to call each task, under a token that the caller made up."""
        ...

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        """Report the outcome of each call, under the token that it was begun with."""
        ...


class LedgerView(Protocol):
    """What anybody may ask of a state store: no task changes by it. Raises LedgerUnavailable."""

    def get(self, task: TaskRef) -> TaskState | None:
        """What is known of the task now; None if nothing is, or if its record cannot be read and is set aside."""
        ...

    def tasks(self, query: TaskQuery) -> TaskPage:
        """Those that are asked for, page by page; no task is read, and no writer waits."""
        ...

    def set_aside(self, limit: int) -> SetAsideRecords:
        """How many records that could not be read are set aside, and the first of their names in alphabetical order."""
        ...


class BoundsStore(Protocol):
    """What is asked of a state store for a person who steps in. Every method raises LedgerUnavailable.

    Bounds may come before a task's first event, outlive its record, and are gone when their time is over.
    """

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        """What holds from now on, and what it replaces. A call that the task needs by it is due at once."""
        ...

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        """What held until now. Likewise."""
        ...

    def bounds(self, task: TaskRef) -> Bounds | None:
        """What holds now, also for an unknown task."""
        ...


class ReconcilerStore(LedgerView, Protocol):
    """What the reconciler asks of a state store. Every method raises LedgerUnavailable."""

    def lost_at(self) -> int | None:
        """When the store may have forgotten something, as far as the last operation knew (us, the store's clock)."""
        ...

    def claim_due(self, limit: int) -> list[TaskRef]:
        """Up to `limit` tasks that need a call without an event, the longest due first.

        Nobody else gets them for TRY_AGAIN_SECONDS; the outcome of their calls decides when they are due next.
        """
        ...

    def claim_checks(self, limit: int) -> list[TaskRef]:
        """The `limit` tasks that were not claimed here for the longest time; all of them in turn."""
        ...

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        """The provider was seen to hold something else: in doubt from now on, so that a call is due.

        Not where the task has changed since it was `seen`. Returns whether it was.
        """
        ...

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        """The task has ended: nothing of it is kept, unless it has changed since it was `seen`."""
        ...

    def call_rate(self) -> CallRate:
        """How fast calls may start now. Writes what `reserve` writes, and takes no slot."""
        ...

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        """As `Ledger.reserve`, of the slots for GetSnapshotTask."""
        ...

"""What a ledger whose rules run in this process needs of its store: a namespace's records, in steps."""

from contextlib import AbstractContextManager
from typing import Protocol

from snapshot_tuner.ledger.in_process.own_time import ClockRecords
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.rate_limit import Budget, Cursor
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import Bounds, Intent, SetAsideRecords, TaskState
from snapshot_tuner.model import TaskRef


class Records(ClockRecords, Protocol):
    """A namespace's records, inside one step. Times are the ledger's own, in us; what has expired is absent.

    So is what cannot be read: it is set aside when it is asked for.
    """

    def event(self, intent: Intent, now: int) -> KeyState | None:
        """What is known of the intent's event."""
        ...

    def save_event(self, key: str, known: KeyState, expires: int) -> None: ...

    def mark_applied(self, key: str) -> None:
        """Of an event that may have expired."""
        ...

    def task(self, task: TaskRef, now: int) -> TaskState | None: ...

    def save_task(self, task: TaskRef, state: TaskState, now: int, expires: int | None = None) -> None:
        """`expires` is for a task that may be new, and never shortens its life.

        Where the state says no other moment than before when a call is due, a claim stands.
        """
        ...

    def keep_task(self, task: TaskRef, expires: int) -> None:
        """At least until then."""
        ...

    def forget_task(self, task: TaskRef) -> None:
        """Its bounds stay."""
        ...

    def bounds(self, task: TaskRef, now: int) -> Bounds | None:
        """Those of `task` come with them."""
        ...

    def save_bounds(self, task: TaskRef, bounds: Bounds | None, now: int) -> None:
        """None removes them; some of those whose time is over are removed, too."""
        ...

    def due_by(self, task: TaskRef, due: int) -> None:
        """A call is due then, unless its state has said an earlier moment."""
        ...

    def claim_due(self, limit: int, now: int, until: int) -> list[TaskRef]:
        """Those that are due, the longest first; claimed until then."""
        ...

    def claim_checks(self, limit: int, now: int) -> list[TaskRef]:
        """Those that were not claimed here for the longest time."""
        ...

    def order(self) -> str | None: ...

    def save_order(self, order: str) -> None: ...

    def has_tasks(self, now: int) -> bool: ...

    def cursor(self, budget: Budget) -> Cursor | None: ...

    def save_cursor(self, budget: Budget, cursor: Cursor) -> None: ...

    def set_aside(self, limit: int) -> SetAsideRecords: ...

    def list_tasks(self, query: TaskQuery, now: int) -> TaskPage: ...

    def remove_expired(self, now: int, added: int) -> None:
        """More than the events that were just `added` can add, so that the store stops growing."""
        ...


class Storage(Protocol):
    """Where the records of a namespace are."""

    @property
    def namespace(self) -> str: ...

    def step(self) -> AbstractContextManager[Records]:
        """All of it or nothing, and nobody else's in between. Raises LedgerUnavailable."""
        ...

    def view(self) -> AbstractContextManager[Records]:
        """One moment's records, read-only; others may write meanwhile. Raises LedgerUnavailable."""
        ...

"""The ledger of a backtest: the rules of the others, in the memory of one process; used by one thread.

What is remembered of an event is packed, as a million of them may be remembered at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest
from itertools import count
from types import TracebackType
from typing import Self

from snapshot_tuner.ledger import transitions
from snapshot_tuner.ledger.in_process.ledger import InProcessLedger
from snapshot_tuner.ledger.in_process.own_time import KeptClock
from snapshot_tuner.ledger.intents import DIGEST_DIGITS
from snapshot_tuner.ledger.listing import ListedTask, Place, TaskPage, TaskQuery
from snapshot_tuner.ledger.rate_limit import Budget, Cursor
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import Bounds, Intent, SetAsideRecords, TaskState
from snapshot_tuner.model import TaskRef

_LEAST_TO_SWEEP = 10_000


class MemoryLedger(InProcessLedger):
    """A client of a `Memory`. Times are those of the clock; every step takes none."""


@dataclass(slots=True)
class _Task:
    """A task's row: `due` is when a call is due, or claimed until; `told` is what the state last said of it."""

    state: TaskState
    expires: int
    checked: int
    due: int | None = None
    indexed: int | None = None


@dataclass(slots=True)
class Memory:
    """What the clients of one namespace share: the `Storage`, and its `Records`.

    `events` are packed: see `save_event`. `due` is a heap of (when, tie-breaker, task); what has another due time by
    then is passed over.
    """

    namespace: str
    tasks: dict[TaskRef, _Task] = field(default_factory=dict)
    events: dict[int, bytes] = field(default_factory=dict)
    due: list[tuple[int, int, TaskRef]] = field(default_factory=list)
    bounded: dict[TaskRef, Bounds] = field(default_factory=dict)
    event_order: str | None = None
    cursors: dict[Budget, Cursor] = field(default_factory=lambda: dict.fromkeys(Budget, Cursor()))
    kept_clock: KeptClock | None = None
    tie_breaker: "count[int]" = field(default_factory=count)
    tasks_to_sweep: int = _LEAST_TO_SWEEP
    events_to_sweep: int = _LEAST_TO_SWEEP

    def step(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """One thread: nothing comes between."""

    def event(self, intent: Intent, now: int) -> KeyState | None:
        packed = self.events.get(int(intent.key, 16))
        if packed is None or int.from_bytes(packed[1:9]) <= now:
            return None
        # Behind its first part an order key has the id and the source: those of the idempotency key.
        first, rest = packed[25:].decode(), intent.order_key.partition("\0")[2]
        return KeyState(f"{first}\0{rest}", packed[9:25].hex(), applied=packed[0] == 1)

    def save_event(self, key: str, known: KeyState, expires: int) -> None:
        """Applied or not (1 byte), expiry (8), fingerprint (16), the first part of the order key."""
        self.events[int(key, 16)] = b"%c%b%b%b" % (
            known.applied,
            expires.to_bytes(8),
            bytes.fromhex(known.fingerprint[:DIGEST_DIGITS]),
            known.order_key.partition("\0")[0].encode(),
        )

    def mark_applied(self, key: str) -> None:
        number = int(key, 16)
        packed = self.events.get(number)
        if packed is not None:
            self.events[number] = b"\1" + packed[1:]

    def task(self, task: TaskRef, now: int) -> TaskState | None:
        row = self.tasks.get(task)
        if row is None or row.expires <= now:
            return None
        return row.state._replace(bounds=self.bounds(task, now)) if self.bounded else row.state

    def save_task(self, task: TaskRef, state: TaskState, now: int, expires: int | None = None) -> None:
        if expires is None:
            row = self.tasks[task]
        else:
            remembered = self.tasks.get(task)
            if remembered is None or remembered.expires <= now:
                remembered = self.tasks[task] = _Task(state, expires, checked=now)
            row = remembered
            row.expires = max(row.expires, expires)
        row.state = state if state.bounds is None else state._replace(bounds=None)
        due = transitions.due(state, now)
        if due != row.indexed:
            row.indexed = due
            self._set_due(task, row, due)

    def keep_task(self, task: TaskRef, expires: int) -> None:
        row = self.tasks[task]
        row.expires = max(row.expires, expires)

    def due_by(self, task: TaskRef, due: int) -> None:
        row = self.tasks[task]
        if row.indexed is None or row.indexed > due:
            row.indexed = due
            self._set_due(task, row, due)

    def forget_task(self, task: TaskRef) -> None:
        del self.tasks[task]

    def bounds(self, task: TaskRef, now: int) -> Bounds | None:
        found = self.bounded.get(task)
        return found if found is not None and found.until_us > now else None

    def save_bounds(self, task: TaskRef, bounds: Bounds | None, now: int) -> None:
        self.bounded = {each: held for each, held in self.bounded.items() if held.until_us > now and each != task}
        if bounds is not None:
            self.bounded[task] = bounds

    def claim_due(self, limit: int, now: int, until: int) -> list[TaskRef]:
        heap = self.due
        claimed: list[TaskRef] = []
        while heap and heap[0][0] <= now and len(claimed) < limit:
            due, _, task = heappop(heap)
            row = self.tasks.get(task)
            if row is not None and row.expires > now and row.due == due:
                self._set_due(task, row, max(due, until))
                claimed.append(task)
        return claimed

    def claim_checks(self, limit: int, now: int) -> list[TaskRef]:
        tasks = self.tasks
        remembered = (task for task, row in tasks.items() if row.expires > now)
        first = nsmallest(limit, remembered, key=lambda each: tasks[each].checked)
        for task in first:
            tasks[task].checked = max(tasks[task].checked, now)
        return first

    def order(self) -> str | None:
        return self.event_order

    def save_order(self, order: str) -> None:
        self.event_order = order

    def has_tasks(self, now: int) -> bool:
        return any(row.expires > now for row in self.tasks.values())

    def cursor(self, budget: Budget) -> Cursor:
        return self.cursors[budget]

    def save_cursor(self, budget: Budget, cursor: Cursor) -> None:
        self.cursors[budget] = cursor

    def list_tasks(self, query: TaskQuery, now: int) -> TaskPage:
        found: list[tuple[Place, ListedTask]] = []
        for task in {**self.tasks, **self.bounded} if query.bounded else self.tasks:
            place = self._place(task, query, now)
            if place is not None and (query.after is None or place > query.after):
                row = self.tasks.get(task)
                applied = row.state.applied if row is not None and row.expires > now else None
                found.append((place, ListedTask(task, applied.interval if applied is not None else None)))
        found.sort()
        rest = found[query.limit :]
        return TaskPage(tuple(each for _, each in found[: query.limit]), found[query.limit - 1][0] if rest else None)

    def _place(self, task: TaskRef, query: TaskQuery, now: int) -> Place | None:
        """Where in the list it stands; None where it is not asked for."""
        row = self.tasks.get(task)
        if row is not None and row.expires <= now:
            row = None
        bounds = self.bounds(task, now)
        interval = row.state.applied.interval if row is not None and row.state.applied is not None else 0
        is_due = row is not None and row.due is not None and row.due <= now
        is_doubted = row is not None and row.state.doubt_until is not None
        if (query.is_in_doubt and not is_doubted) or (query.is_due and not is_due):
            return None
        if not query.takes(task, interval) or (bounds is None if query.bounded else row is None):
            return None
        if query.bounded:
            return Place(bounds.until_us if bounds is not None else 0, task)
        return Place((row.due if query.is_due and row is not None else None) or interval, task)

    def view(self) -> Self:
        return self

    def set_aside(self, limit: int) -> SetAsideRecords:  # noqa: ARG002 - `Records`; what it keeps are no bytes
        return SetAsideRecords(0, ())

    def clock(self) -> KeptClock | None:
        return self.kept_clock

    def save_clock(self, kept: KeptClock) -> None:
        self.kept_clock = kept

    def move_cursors(self, move: Callable[[Cursor], Cursor]) -> None:
        self.cursors = {budget: move(cursor) for budget, cursor in self.cursors.items()}

    def remove_expired(self, now: int, added: int) -> None:  # noqa: ARG002 - `Records`; it counts for itself
        """What has expired goes whenever there is twice as much as was left the last time."""
        if len(self.events) >= self.events_to_sweep:
            over = [key for key, packed in self.events.items() if int.from_bytes(packed[1:9]) <= now]
            for key in over:
                del self.events[key]
            self.events_to_sweep = max(_LEAST_TO_SWEEP, 2 * len(self.events))
        if len(self.tasks) >= self.tasks_to_sweep:
            ended = [task for task, row in self.tasks.items() if row.expires <= now]
            for task in ended:
                del self.tasks[task]
            self.tasks_to_sweep = max(_LEAST_TO_SWEEP, 2 * len(self.tasks))

    def _set_due(self, task: TaskRef, row: _Task, due: int | None) -> None:
        row.due = due
        if due is not None:
            heappush(self.due, (due, next(self.tie_breaker), task))

"""The ledger of a backtest: the rules of the others, in the memory of one process; used by one thread.

What is remembered of an event is packed, as a million of them may be remembered at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest
from itertools import count

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger import intents, messages, precedence, transitions
from snapshot_tuner.ledger.rate_limit import Cursor
from snapshot_tuner.ledger.timing import LEASE_SECONDS, READS_PER_SECOND, SLOT_VALID_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import (
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Busy,
    CallResult,
    Forgotten,
    Granted,
    Limits,
    Settlement,
    Slot,
    TaskState,
)
from snapshot_tuner.model import Adjustment, TaskRef

_LEAST_TO_SWEEP = 10_000
_TRY_AGAIN_US = round(TRY_AGAIN_SECONDS * 1e6)


@dataclass(slots=True)
class _Task:
    """A task's row: `due` is when a call is due, or claimed until; `told` what the state said of it last."""

    state: TaskState
    expires: int
    checked: int
    due: int | None = None
    told: int | None = None


@dataclass(slots=True)
class Memory:
    """What the clients of one namespace share.

    `events` are packed: see `_pack`. `due` is a heap of (when, tie-breaker, task); what has another due time by
    then is passed over.
    """

    namespace: str
    tasks: dict[TaskRef, _Task] = field(default_factory=dict)
    events: dict[int, bytes] = field(default_factory=dict)
    due: list[tuple[int, int, TaskRef]] = field(default_factory=list)
    order: str | None = None
    cursor: Cursor = field(default_factory=Cursor)
    reads: Cursor = field(default_factory=Cursor)
    tie_breaker: "count[int]" = field(default_factory=count)
    tasks_to_sweep: int = _LEAST_TO_SWEEP
    events_to_sweep: int = _LEAST_TO_SWEEP


class MemoryLedger:
    """A `Ledger` with its `ReconcilerStore`. Times are those of the clock; every step takes none."""

    def __init__(self, memory: Memory, limits: Limits, clock: Clock) -> None:
        self._memory = memory
        self._limits = limits
        self._clock = clock

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        if not adjustments:
            return []
        now = self._clock.wall_us()
        self._sweep(now)
        self._check_order(now)
        return [self._admit_one(adjustment, now) for adjustment in adjustments]

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        memory, now = self._memory, self._clock.wall_us()
        starts, memory.cursor = memory.cursor.take(count, within, self._limits.slots_per_second, now, after)
        return self._slots(starts, now)

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        memory, now = self._memory, self._clock.wall_us()
        starts, memory.reads = memory.reads.take(count, within, READS_PER_SECOND, now)
        return self._slots(starts, now)

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        lease_until = self._clock.monotonic() + LEASE_SECONDS
        now = self._clock.wall_us()
        return [self._begin_one(task, token, now, lease_until) for task, token in starts]

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        now = self._clock.wall_us()
        if any(result is CallResult.THROTTLED for _, _, result in ends):
            self._memory.cursor = self._memory.cursor.pause(now)
        return [self._settle_one(task, token, result, now) for task, token, result in ends]

    def get(self, task: TaskRef) -> TaskState | None:
        now = self._clock.wall_us()
        row = self._task(task, now)
        return None if row is None else transitions.advance_to(row.state, now)

    def claim_due(self, limit: int) -> list[TaskRef]:
        heap, now = self._memory.due, self._clock.wall_us()
        claimed: list[TaskRef] = []
        while heap and heap[0][0] <= now and len(claimed) < limit:
            due, _, task = heappop(heap)
            row = self._task(task, now)
            if row is not None and row.due == due:
                self._set_due(task, row, max(due, now + _TRY_AGAIN_US))
                claimed.append(task)
        return claimed

    def claim_checks(self, limit: int) -> list[TaskRef]:
        now, tasks = self._clock.wall_us(), self._memory.tasks
        first = nsmallest(
            limit, (task for task in tasks if self._task(task, now)), key=lambda each: tasks[each].checked
        )
        for task in first:
            tasks[task].checked = max(tasks[task].checked, now)
        return first

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        now = self._clock.wall_us()
        unchanged = self.get(task) == seen
        if unchanged:
            self._save(task, self._memory.tasks[task], transitions.mark_in_doubt(seen, now), now)
        return unchanged

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        unchanged = self.get(task) == seen
        if unchanged:
            del self._memory.tasks[task]
        return unchanged

    def _admit_one(self, adjustment: Adjustment, now: int) -> Admitted:
        signal, task = adjustment.signal, adjustment.task
        ahead_us = signal.time_us - now
        if not -self._limits.task_ttl * 1_000_000 <= ahead_us <= self._limits.max_clock_skew * 1_000_000:
            return messages.rejected(ahead_us)
        intent = intents.from_adjustment(adjustment)
        key = int(intent.key, 16)
        fingerprint = signal.fingerprint()
        known = self._event(key, intent.order_key, now)
        row = self._task(task, now)
        # Of a fingerprint 128 of the 256 bits are kept: enough to tell two payloads apart.
        before = None if row is None else row.state
        answer, after = transitions.admit(before, known, intent, fingerprint[:32], now)
        if answer is Admission.CONFLICT:
            return messages.CONFLICT
        order_key = intent.order_key if known is None else known.order_key
        applied = answer is Admission.DUPLICATE if known is None else known.applied
        # Nothing of what is deferred can be lost any more.
        self._remember(key, order_key, fingerprint, now, applied=applied or answer is Admission.DEFERRED)
        if after is not None:
            expires = max(now, signal.time_us) + self._limits.task_ttl * 1_000_000
            if row is None:
                row = self._memory.tasks[task] = _Task(after, expires, checked=now)
            row.expires = max(row.expires, expires)
            if answer in (Admission.DUPLICATE, Admission.SUPERSEDED):
                if after.doubt_until is not None:
                    return messages.in_doubt(answer)
            else:
                self._save(task, row, after, now)
            if answer is Admission.DEFERRED:
                return messages.deferred(after.desired, precedence.effective_until(after))
        return messages.superseded(intent, now) if answer is Admission.SUPERSEDED else Admitted(answer)

    def _begin_one(self, task: TaskRef, token: str, now: int, lease_until: float) -> Begun:
        row = self._task(task, now)
        if row is None:
            return Forgotten()
        before = row.state
        lease, busy, state = transitions.begin(before, token, now)
        self._save(task, row, state, now)
        if lease is not None:
            return Granted(lease.intent, lease_until)
        return Busy() if busy else AlreadyApplied(state.desired, unchanged=before.applied != state.applied)

    def _settle_one(self, task: TaskRef, token: str, result: CallResult, now: int) -> Settlement:
        row = self._task(task, now)
        if row is None:
            return Settlement(kept=False, in_doubt=False)
        settlement, applied, state = transitions.settle(row.state, token, result, now)
        self._save(task, row, state, now)
        if applied is not None:
            key = int(applied.key, 16)
            packed = self._memory.events.get(key)
            if packed is not None:
                self._memory.events[key] = b"\1" + packed[1:]
        return settlement

    def _check_order(self, now: int) -> None:
        memory, wanted = self._memory, self._limits.order.value
        if memory.order == wanted:
            return
        if memory.order is not None and any(row.expires > now for row in memory.tasks.values()):
            raise messages.other_order(memory.namespace, self._limits.order, memory.order)
        memory.order = wanted

    def _task(self, task: TaskRef, now: int) -> _Task | None:
        row = self._memory.tasks.get(task)
        return row if row is not None and row.expires > now else None

    def _save(self, task: TaskRef, row: _Task, state: TaskState, now: int) -> None:
        """Where the state says no other moment than before when a call is due, a claim stands."""
        row.state = state
        due = transitions.due(state, now)
        if due != row.told:
            row.told = due
            self._set_due(task, row, due)

    def _set_due(self, task: TaskRef, row: _Task, due: int | None) -> None:
        row.due = due
        if due is not None:
            heappush(self._memory.due, (due, next(self._memory.tie_breaker), task))

    def _event(self, key: int, order_key: str, now: int) -> KeyState | None:
        packed = self._memory.events.get(key)
        if packed is None or int.from_bytes(packed[1:9]) <= now:
            return None
        # Behind its first part an order key has the id and the source: those of the idempotency key.
        first, rest = packed[25:].decode(), order_key.partition("\0")[2]
        return KeyState(f"{first}\0{rest}", packed[9:25].hex(), applied=packed[0] == 1)

    def _remember(self, key: int, order_key: str, fingerprint: str, now: int, *, applied: bool) -> None:
        expires = now + self._limits.idempotency_ttl * 1_000_000
        first = order_key.partition("\0")[0]
        self._memory.events[key] = b"%c%b%b%b" % (
            applied,
            expires.to_bytes(8),
            bytes.fromhex(fingerprint[:32]),
            first.encode(),
        )

    def _slots(self, starts: Sequence[int], now: int) -> list[Slot]:
        monotonic = self._clock.monotonic()
        offsets = [monotonic + (start - now) / 1e6 for start in starts]
        return [Slot(start, start + SLOT_VALID_SECONDS) for start in offsets]

    def _sweep(self, now: int) -> None:
        """What has expired goes whenever there is twice as much as was left the last time."""
        memory = self._memory
        if len(memory.events) >= memory.events_to_sweep:
            over = [key for key, packed in memory.events.items() if int.from_bytes(packed[1:9]) <= now]
            for key in over:
                del memory.events[key]
            memory.events_to_sweep = max(_LEAST_TO_SWEEP, 2 * len(memory.events))
        if len(memory.tasks) >= memory.tasks_to_sweep:
            ended = [task for task, row in memory.tasks.items() if row.expires <= now]
            for task in ended:
                del memory.tasks[task]
            memory.tasks_to_sweep = max(_LEAST_TO_SWEEP, 2 * len(memory.tasks))

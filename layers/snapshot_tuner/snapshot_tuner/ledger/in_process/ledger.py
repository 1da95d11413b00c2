"""A ledger whose rules run in this process, over a store that only keeps records."""

from collections.abc import Sequence
from math import inf

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger import intents, messages, precedence, shift, transitions
from snapshot_tuner.ledger.in_process.own_time import Now, OwnTime
from snapshot_tuner.ledger.in_process.records import Records, Storage
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.ports import WarningLog
from snapshot_tuner.ledger.rate_limit import Budget, Cursor, Pace, RateWatch
from snapshot_tuner.ledger.timing import LEASE_SECONDS, READS_PER_SECOND, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import (
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Bounds,
    Busy,
    CallRate,
    CallResult,
    Forgotten,
    Granted,
    Limits,
    SetAsideRecords,
    Settlement,
    Slot,
    TaskState,
)
from snapshot_tuner.model import Adjustment, TaskRef

_TRY_AGAIN_US = round(TRY_AGAIN_SECONDS * 1e6)


class InProcessLedger:
    """A `Ledger` with its `ReconcilerStore`; each operation is one step, whose time is read inside it."""

    round_trip = 0.0

    def __init__(self, storage: Storage, limits: Limits, clock: Clock, log: WarningLog | None = None) -> None:
        self._storage = storage
        self._time = OwnTime(clock, log)
        self._paces = {Budget.CALLS: Pace.of(limits.slots_per_second), Budget.READS: Pace.of(READS_PER_SECOND)}
        self._rate = RateWatch(limits.slots_per_second, log)
        self._limits = limits
        self._clock = clock
        self._order = limits.order.value
        self._task_ttl_us = limits.task_ttl * 1_000_000
        self._event_ttl_us = limits.idempotency_ttl * 1_000_000
        self._skew_us = limits.max_clock_skew * 1_000_000

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:  # noqa: ARG002 - `Ledger`; its store is on this machine
        if not adjustments:
            return []
        with self._storage.step() as records:
            now = self._time.read(records)
            self._check_order(records, now.us)
            admitted = [self._admit_one(records, adjustment, now) for adjustment in adjustments]
            records.remove_expired(now.us, len(adjustments))
            return admitted

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        slots, pace = self._reserve(Budget.CALLS, count, within, after)
        self._rate.see(pace)
        return slots

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        return self._reserve(Budget.READS, count, within, 0.0)[0]

    def call_rate(self) -> CallRate:
        return self._rate.rate(self._reserve(Budget.CALLS, 0, 0.0, 0.0)[1])

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        lease_until = self._clock.monotonic() + LEASE_SECONDS
        with self._storage.step() as records:
            now = self._time.read(records).us
            return [_begin_one(records, task, token, now, lease_until) for task, token in starts]

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        with self._storage.step() as records:
            now = self._time.read(records).us
            if any(result is CallResult.THROTTLED for _, _, result in ends):
                records.save_cursor(Budget.CALLS, _cursor(records, Budget.CALLS, now).pause(now))
            return [_settle_one(records, task, token, result, now) for task, token, result in ends]

    def get(self, task: TaskRef) -> TaskState | None:
        with self._storage.step() as records:
            now = self._time.read(records)
            state = _state_now(records, task, now.us)
            return shift.state(state, -now.ahead_us) if state is not None else None

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        with self._storage.step() as records:
            now = self._time.read(records)
            replaced = records.bounds(task, now.us)
            since = now.us if replaced is None else replaced.set_us
            bounds = Bounds(least, most, now.us + lasts_seconds * 1_000_000, since, reason, caller)
            records.save_bounds(task, bounds, now.us)
            self._save_bounded(records, task, bounds, now.us)
            ahead_us = -now.ahead_us
            return bounds._replace(until_us=bounds.until_us + ahead_us, set_us=bounds.set_us + ahead_us), shift.bounds(
                replaced, ahead_us
            )

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        with self._storage.step() as records:
            now = self._time.read(records)
            replaced = records.bounds(task, now.us)
            if replaced is not None:
                records.save_bounds(task, None, now.us)
                self._save_bounded(records, task, None, now.us)
            return shift.bounds(replaced, -now.ahead_us)

    def bounds(self, task: TaskRef) -> Bounds | None:
        with self._storage.step() as records:
            now = self._time.read(records)
            return shift.bounds(records.bounds(task, now.us), -now.ahead_us)

    def lost_at(self) -> int | None:
        return None  # what has been written on this host is there

    def tasks(self, query: TaskQuery) -> TaskPage:
        with self._storage.view() as records:
            kept = records.clock()
            return records.list_tasks(query, self._clock.wall_us() + (kept.correction_us if kept is not None else 0))

    def set_aside(self, limit: int) -> SetAsideRecords:
        with self._storage.step() as records:
            return records.set_aside(limit)

    def claim_due(self, limit: int) -> list[TaskRef]:
        with self._storage.step() as records:
            now = self._time.read(records).us
            return records.claim_due(limit, now, now + _TRY_AGAIN_US)

    def claim_checks(self, limit: int) -> list[TaskRef]:
        with self._storage.step() as records:
            now = self._time.read(records).us
            # One that cannot be read is found here at the latest: its task may get no event for days.
            return [task for task in records.claim_checks(limit, now) if self._looks_right(records, task, now)]

    def mark_in_doubt(self, task: TaskRef, seen: TaskState) -> bool:
        with self._storage.step() as records:
            now = self._time.read(records)
            state = _state_now(records, task, now.us)
            unchanged = state is not None and shift.state(state, -now.ahead_us) == seen
            if state is not None and unchanged:
                records.save_task(task, transitions.mark_in_doubt(state, now.us), now.us)
            return unchanged

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        with self._storage.step() as records:
            now = self._time.read(records)
            state = _state_now(records, task, now.us)
            unchanged = state is not None and shift.state(state, -now.ahead_us) == seen
            if unchanged:
                records.forget_task(task)
            return unchanged

    def clock_ahead(self) -> float:
        return 0.0  # it is this machine's

    def _looks_right(self, records: Records, task: TaskRef, now: int) -> bool:
        """Whether there is anything; and a call is due when it is, even if nothing says so.

        Code that knows no bounds has called out of them, or what cannot be read of them is gone.
        """
        state = _state_now(records, task, now)
        due = None if state is None else transitions.due(state, now)
        if due is not None:
            records.due_by(task, due)
        return state is not None

    def _save_bounded(self, records: Records, task: TaskRef, bounds: Bounds | None, now: int) -> None:
        """A record lives as long as the bounds of its task, and the task memory after them."""
        state = records.task(task, now)
        if state is not None:
            expires = (now if bounds is None else bounds.until_us) + self._task_ttl_us
            records.save_task(task, transitions.bounded(state, bounds, now), now, expires)

    def _reserve(self, budget: Budget, count: int, within: float, sooner: float) -> tuple[list[Slot], Pace]:
        own = self._paces[budget]
        with self._storage.step() as records:
            now = self._time.read(records)
            starts, pace, cursor = _cursor(records, budget, now.us).take(count, within, own, now.us, sooner)
            records.save_cursor(budget, cursor)
        # Whatever pause falls between its readings, no slot starts early or is valid too long.
        valid_until = now.before + own.validity
        slots = [Slot(now.after + (start - now.us) / 1e6, valid_until + (start - now.us) / 1e6) for start in starts]
        return slots, pace

    def _check_order(self, records: Records, now: int) -> None:
        found = records.order()
        if found == self._order:
            return
        if found is not None and records.has_tasks(now):
            raise messages.other_order(self._storage.namespace, self._limits.order, found)
        records.save_order(self._order)

    def _admit_one(self, records: Records, adjustment: Adjustment, moment: Now) -> Admitted:
        signal, task = adjustment.signal, adjustment.task
        ahead_us = signal.time_us - moment.wall_us
        if not -self._task_ttl_us <= ahead_us <= self._skew_us:
            return messages.rejected(ahead_us)
        now = moment.us
        intent = shift.intent(intents.from_adjustment(adjustment), moment.ahead_us)
        known = records.event(intent, now)
        fingerprint = signal.fingerprint()
        before = records.task(task, now)
        answer, after = transitions.admit(before, known, intent, fingerprint, now, ends=adjustment.ends)
        after = _with_bounds(records, task, after, now) if before is None else after
        if answer is Admission.CONFLICT:
            return messages.CONFLICT
        if known is None:
            known = KeyState(intent.order_key, fingerprint, applied=answer is Admission.DUPLICATE)
        if answer in (Admission.DEFERRED, Admission.HELD):
            known = known._replace(applied=True)  # nothing of it can be lost any more
        records.save_event(intent.key, known, now + self._event_ttl_us)
        settled = answer in (Admission.DUPLICATE, Admission.SUPERSEDED)
        if after is not None:
            bounded = after.bounds.until_us if after.bounds is not None else 0
            expires = max(now, signal.time_us + moment.ahead_us, bounded) + self._task_ttl_us
            # A retry that is superseded by now takes along what another policy had made of it.
            if settled and before is not None and after == transitions.advance_to(before, now):
                records.keep_task(task, expires)
            else:
                records.save_task(task, after, now, expires)
            if answer is Admission.DEFERRED:
                ends = precedence.effective_until(after)
                return messages.deferred(after.desired, ends - moment.ahead_us if ends is not None else None)
            if settled and after.doubt_until is not None:
                return messages.in_doubt(answer)
        if answer in (Admission.SUPERSEDED, Admission.HELD):
            return messages.changes_nothing(answer, intent, now)
        needs_call = answer in (Admission.NEW, Admission.RETRY)
        return Admitted(answer, shortens=needs_call and after is not None and transitions.shortens(after))


def _with_bounds(records: Records, task: TaskRef, new: TaskState | None, now: int) -> TaskState | None:
    """They may have come before the task's first event."""
    return None if new is None else new._replace(bounds=records.bounds(task, now))


def _begin_one(records: Records, task: TaskRef, token: str, now: int, lease_until: float) -> Begun:
    before = records.task(task, now)
    if before is None or before.asks_nothing:
        return Forgotten()
    lease, busy, state = transitions.begin(before, token, now)
    records.save_task(task, state, now)
    if lease is not None:
        return Granted(intents.without_note(lease.intent), lease_until, state.bounds)
    if busy:
        return Busy()
    is_other = before.applied != state.applied
    return AlreadyApplied(intents.without_note(state.wanted), unchanged=is_other, bounds=state.bounds)


def _settle_one(records: Records, task: TaskRef, token: str, result: CallResult, now: int) -> Settlement:
    state = records.task(task, now)
    if state is None:
        return Settlement(kept=False, in_doubt=False)
    settlement, applied, state = transitions.settle(state, token, result, now)
    records.save_task(task, state, now)
    if applied is not None:
        records.mark_applied(applied.key)
    return settlement


def _cursor(records: Records, budget: Budget, now: int) -> Cursor:
    found = records.cursor(budget)
    return found if found is not None else Cursor.after_loss(now)


def _state_now(records: Records, task: TaskRef, now: int) -> TaskState | None:
    state = records.task(task, now)
    return None if state is None else transitions.advance_to(state, now)

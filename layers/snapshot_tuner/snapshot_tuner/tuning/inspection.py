"""What may be asked of a deployment without changing anything: a decision, a task's state, its health."""

from dataclasses import dataclass
from enum import StrEnum, auto
from threading import RLock
from typing import Protocol

from snapshot_tuner.clock import Clock, Moment, moment, seconds_since
from snapshot_tuner.errors import LedgerClockOff, LedgerUnavailable
from snapshot_tuner.ledger.listing import TaskPage, TaskQuery
from snapshot_tuner.ledger.ports import BoundsStore, LedgerView, ReconcilerStore
from snapshot_tuner.ledger.timing import CURSOR_HORIZON_SECONDS
from snapshot_tuner.ledger.types import Bounds, Intent, SetAsideRecords, TaskState
from snapshot_tuner.model import Signal, TaskRef, Verdict
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.explanation import Explanation, explain
from snapshot_tuner.policy.source import PolicySource

PROBE_SECONDS = 5.0
"""How long an observation of the ledger's health is reused: anybody may ask, and it costs a write."""

_NOBODY = TaskRef("-", "-", "-")


@dataclass(frozen=True, slots=True)
class Setting:
    """An interval in seconds, since when (microseconds since the epoch, the store's clock), and who asked for it.

    `policy` is the one that decided, by its `short_hash`, and `reason` why, with its numbers; "" in a record older than
    these fields.
    """

    interval: int
    since_us: int
    event_id: str
    event_source: str
    rule: str
    policy: str
    reason: str


class PendingKind(StrEnum):
    """What may still happen to a task without another event."""

    CALL_DUE = auto()  # the desired interval has not been applied; the event's retry, or the reconciler, does it
    CALL_IN_FLIGHT = auto()  # a worker may be calling, until its lease ends
    IN_DOUBT = auto()  # a call with an unknown outcome may still arrive, until then
    ADJUSTMENT_ENDS = auto()  # a time-bound adjustment is open until then; of several the shortest is in effect
    LENGTHENING_WAITS = auto()  # a longer interval was asked for, and takes effect then
    LIMITS_HOLD = auto()  # what limits make of the interval by now holds until then
    BOUNDS_END = auto()  # an operator's; then what events ask for holds again


@dataclass(frozen=True, slots=True)
class Pending:
    """`until_us` is microseconds since the epoch, None if only an event ends it.

    `rule`, `policy` and `reason` are those of an adjustment; `then` is the interval that limits make of the base after
    an edge.
    """

    kind: PendingKind
    until_us: int | None
    rule: str | None = None
    policy: str | None = None
    then: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What a task should be, what the last confirmed call made of it, and what is pending.

    `desired` is what its events ask for, None if none has named it yet; `policy` is the one that decided it. A person's
    `bounds` take precedence over it.
    """

    task: TaskRef
    desired: Setting | None
    applied: Setting | None
    pending: tuple[Pending, ...]
    bounds: Bounds | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Inspector:
    """The same policy and ledger that the tuner works with. What is asked of a task alone needs no policy."""

    policies: PolicySource
    ledger: "InspectedLedger"
    clock: Clock
    probe: "Probe"

    @property
    def policy(self) -> Policy:
        """The one in force. Raises FixDeployment if there is none."""
        return self.policies.required()

    def explain(self, signal: Signal) -> Explanation:
        """The decision about a signal, were it processed now, rule by rule."""
        return explain(self.policy, signal, self.clock.wall_us())

    def bounds(self, task: TaskRef) -> Bounds | None:
        """An operator's, that hold now. Raises LedgerUnavailable."""
        return self.ledger.bounds(task)

    def task(self, task: TaskRef) -> TaskReport | None:
        """What is known of a task, None if nothing is. Raises LedgerUnavailable."""
        state = self.ledger.get(task)
        if state is None or state.asks_nothing:
            bounds = self.ledger.bounds(task)
            if bounds is None:
                return None
            return TaskReport(task, None, None, (Pending(PendingKind.BOUNDS_END, bounds.until_us),), bounds)
        applied = state.applied
        if applied and applied.order_key != state.desired.order_key:
            applied = applied._replace(reason="")  # not every ledger keeps it
        return TaskReport(
            task,
            desired=_setting(state.desired, state.desired_at),
            applied=_setting(applied, state.applied_at) if applied and state.applied_at is not None else None,
            pending=_pending(state, self.clock.wall_us()),
            bounds=state.bounds,
            policy=state.desired.policy or None,
        )

    def tasks(self, query: TaskQuery) -> TaskPage:
        """Those that are asked for. Raises LedgerUnavailable."""
        return self.ledger.tasks(query)

    def is_in_flight(self, signal: Signal) -> bool:
        """Whether a call on behalf of this very event is in flight for one of its tasks. Raises LedgerUnavailable."""
        decision = self.policy.decide(signal)
        if decision.verdict is not Verdict.ADJUST:
            return False
        states = (self.ledger.get(adjustment.task) for adjustment in decision.adjustments)
        return any(
            state is not None and state.lease is not None and _is_from(state.lease.intent, signal) for state in states
        )

    def check_ledger(self) -> None:
        """Raises LedgerUnavailable where no event could be recorded; LedgerClockOff."""
        self.probe.check()


class Probe(Protocol):
    """Whether an event could be recorded."""

    def check(self) -> None:
        """Raises LedgerUnavailable; LedgerClockOff."""
        ...


class ProbedStore(ReconcilerStore, Protocol):
    """What is asked of a state store besides."""

    def clock_ahead(self) -> float:
        """Seconds that the store's clock is ahead of this machine's, as the last answer has shown."""
        ...


class LedgerProbe:
    """Tries what an event needs of a ledger: an answer, and a write, which a full store or a replica refuses.

    At most once in PROBE_SECONDS; in between it repeats what it saw. One container's, and one thread's at a time.
    """

    def __init__(self, ledger: ProbedStore, clock: Clock, max_clock_skew: int) -> None:
        """`max_clock_skew` is how far its clock may be off, in seconds."""
        self._ledger = ledger
        self._clock = clock
        self._max_clock_skew = max_clock_skew
        self._seen: tuple[Moment, LedgerUnavailable | None] | None = None

    def check(self) -> None:
        """Raises LedgerUnavailable; LedgerClockOff."""
        if self._seen is None or seconds_since(self._seen[0], self._clock) >= PROBE_SECONDS:
            error = self._error()
            self._seen = (moment(self._clock), error)
        if (error := self._seen[1]) is not None:
            raise type(error)(str(error))

    def try_now(self) -> None:
        """Regardless of what was seen before and of its clock. Raises LedgerUnavailable."""
        self._seen = None
        self._try()

    def round_trip(self) -> float:
        """Seconds to a question and its answer. Raises LedgerUnavailable."""
        began = self._clock.monotonic()
        self._ledger.get(_NOBODY)
        return self._clock.monotonic() - began

    def _error(self) -> LedgerUnavailable | None:
        try:
            self._try()
        except LedgerUnavailable as error:
            return error
        ahead = self._ledger.clock_ahead()
        is_off = abs(ahead) > self._max_clock_skew
        return LedgerClockOff(f"the ledger's clock is {ahead:+.0f} s off this machine's") if is_off else None

    def _try(self) -> None:
        self._ledger.get(_NOBODY)
        # No slot at all, so that the cursor is written as it is, however far ahead it may be.
        self._ledger.reserve_reads(0, CURSOR_HORIZON_SECONDS)


class InspectedLedger(LedgerView, BoundsStore, Protocol):
    """What is asked on behalf of a person."""


class LedgerTurns:
    """A container's ledger and probe for several threads, which take turns."""

    def __init__(self, ledger: InspectedLedger, probe: Probe, turn: RLock) -> None:
        self._ledger = ledger
        self._probe = probe
        self._turn = turn

    def get(self, task: TaskRef) -> TaskState | None:
        with self._turn:
            return self._ledger.get(task)

    def tasks(self, query: TaskQuery) -> TaskPage:
        with self._turn:
            return self._ledger.tasks(query)

    def set_bounds(
        self, task: TaskRef, *, least: int | None, most: int | None, lasts_seconds: int, reason: str, caller: str
    ) -> tuple[Bounds, Bounds | None]:
        with self._turn:
            return self._ledger.set_bounds(
                task, least=least, most=most, lasts_seconds=lasts_seconds, reason=reason, caller=caller
            )

    def clear_bounds(self, task: TaskRef) -> Bounds | None:
        with self._turn:
            return self._ledger.clear_bounds(task)

    def bounds(self, task: TaskRef) -> Bounds | None:
        with self._turn:
            return self._ledger.bounds(task)

    def set_aside(self, limit: int) -> SetAsideRecords:
        with self._turn:
            return self._ledger.set_aside(limit)

    def check(self) -> None:
        with self._turn:
            self._probe.check()


def _is_from(intent: Intent, signal: Signal) -> bool:
    return (intent.event_id, intent.event_source) == (signal.id, signal.source)


def _setting(intent: Intent, since_us: int) -> Setting:
    return Setting(
        intent.interval, since_us, intent.event_id, intent.event_source, intent.rule, intent.policy, intent.reason
    )


def _pending(state: TaskState, now_us: int) -> tuple[Pending, ...]:
    pending: list[Pending] = []
    if state.lease is not None:
        pending.append(Pending(PendingKind.CALL_IN_FLIGHT, state.lease.until))
    elif state.applied != state.wanted:
        pending.append(Pending(PendingKind.CALL_DUE, None))
    if state.doubt_until is not None:
        pending.append(Pending(PendingKind.IN_DOUBT, state.doubt_until))
    pending += [
        Pending(PendingKind.ADJUSTMENT_ENDS, intent.until_us, intent.rule, intent.policy, reason=intent.reason)
        for intent in state.open
        if (intent.until_us or 0) > now_us
    ]
    if state.stabilizing is not None:
        pending.append(Pending(PendingKind.LENGTHENING_WAITS, state.stabilizing.until_us))
    edges = (state.base or state.desired).edges
    pending += [Pending(PendingKind.LIMITS_HOLD, at, then=interval) for at, interval in edges if at > now_us][:1]
    if state.bounds is not None:
        pending.append(Pending(PendingKind.BOUNDS_END, state.bounds.until_us))
    return tuple(pending)

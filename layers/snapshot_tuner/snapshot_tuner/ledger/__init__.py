"""The ledger: what every task should be, which event said so, and who may call when.

Every operation is one atomic step in the store, on the store's clock, and safe to repeat with the same
token after a lost reply. Backends: `ledger.sqlite` (one host), `ledger.redis` (a fleet). They share `tests/ledger`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import NamedTuple, Protocol, TypeAlias

from snapshot_tuner.model import Adjustment, Order, TaskRef

LEASE_SECONDS = 15.0
"""How long one call may be in flight: more than twice the 7 s that a whole call may take."""

LATE_CALL_SECONDS = 15.0
"""After this a call whose outcome is unknown can no longer arrive at the provider."""

SLOT_SHARE = 29 / 30
"""Share of the account's quota that is handed out as slots: 145 of 150 calls/s. The rest is what makes a
slot usable for 1/29 s after its start: 145 slots/s over 1 + 1/29 s are 150 calls."""

SLOT_VALID_SECONDS = 1 / 29

READS_PER_SECOND = 58.0
"""Slots for GetSnapshotTask: of 60 calls/s (Version 2023-11-01) the same share."""

CURSOR_HORIZON_SECONDS = 930.0
"""No caller waits longer than a function may run (900 s): a cursor further ahead comes from a clock step."""

THROTTLE_PAUSE_SECONDS = 1.0
"""How far one throttled call moves the cursor: the provider counts by the second."""

SOURCE_SECONDS = 600.0
"""How long an event that was not applied is left to its source, which brings it again: a queue's visibility
timeout is shorter. From then on the reconciler cares for the task."""

TRY_AGAIN_SECONDS = 60.0
"""After a failed call, and after a reconciler has claimed a task, nobody else takes it up for so long."""

OPEN_MOST = 16
"""Time-bound adjustments that one task remembers, one per rule, ended ones among them."""


class Admission(StrEnum):
    """The answer to one adjustment; DESIGN, Ledger.

    RECORDED: taken, but something else holds now; the ledger applies it when its time has come.
    """

    NEW = auto()
    RETRY = auto()
    DUPLICATE = auto()
    SUPERSEDED = auto()
    CONFLICT = auto()
    REJECTED = auto()
    ASSERT = auto()
    RECORDED = auto()


class Admitted(NamedTuple):
    """`settled_as` is what an ASSERT would have been: DUPLICATE or SUPERSEDED."""

    answer: Admission
    reason: str = ""
    settled_as: Admission | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ledger is told by the settings; seconds, and slots per second."""

    order: Order
    slots_per_second: float
    idempotency_ttl: int
    task_ttl: int
    max_clock_skew: int


class Slot(NamedTuple):
    """A permit for one call: not before `start`, not after `valid_until`; on the local monotonic clock."""

    start: float
    valid_until: float


# What is remembered of a task, and what is answered for every event, is made of tuples: made, compared and changed
# several times for every call.


class Wish(NamedTuple):
    """What an event asked for: the interval in seconds, and which event it was.

    `asked_us` is the event's time. A time-bound wish holds until `until_us`; then its interval is `then`, or,
    where that is None, something else holds. `lengthen_us` and `skip_us` are those of `Adjustment`. Times and
    durations in microseconds.
    """

    order_key: str
    interval: int
    business_id: str | None
    rule: str
    event_id: str
    event_source: str
    key: str  # the ledger's name of the idempotency key
    asked_us: int = 0
    until_us: int | None = None
    then: int | None = None
    lengthen_us: int = 0
    skip_us: int = 0


class Granted(NamedTuple):
    """The call may be made, with this wish, while the lease lasts (local monotonic clock)."""

    wish: Wish
    lease_until: float


@dataclass(frozen=True, slots=True)
class Busy:
    """Another call for the task is in flight."""


class AlreadyApplied(NamedTuple):
    """What the task should be now has been applied: no call is needed.

    `unchanged`: by the call for another event, to the same interval, not long ago.
    """

    wish: Wish
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The ledger has no such task: it expired, or the store lost it, since the event was admitted."""


Begun: TypeAlias = Granted | Busy | AlreadyApplied | Forgotten


class CallResult(StrEnum):
    """What came of a call, as the ledger needs to know it."""

    APPLIED = auto()
    FAILED = auto()
    THROTTLED = auto()
    UNKNOWN = auto()


class Settlement(NamedTuple):
    """`kept` is False where the lease was lost before the call was settled."""

    kept: bool
    in_doubt: bool


class Lease(NamedTuple):
    """One call in flight: who makes it, since and until when (the store's clock), with which wish."""

    token: str
    begun: int
    until: int
    wish: Wish


class Held(NamedTuple):
    """A wish that holds on until a longer one may take its place (`lengthen_us`)."""

    wish: Wish
    until_us: int


class TaskState(NamedTuple):
    """What the ledger knows of one task; times are microseconds since the epoch on the store's clock.

    `desired` is what the task should be now. It comes of `base`, the newest wish without an end; of `open`,
    the newest time-bound wish of each rule, ended ones too; and of `held` (`ledger.levels`). Where the
    provider does not have it, or may not, it is left to the event's source until `call_due`.

    `doubt_until` is there while the provider may hold, or may yet get, an interval that no call of ours
    has confirmed: only an applied call begun after that moment takes it away.
    """

    desired: Wish
    desired_at: int
    applied: Wish | None = None
    applied_at: int | None = None
    lease: Lease | None = None
    doubt_until: int | None = None
    settled_token: str | None = None
    base: Wish | None = None
    open: tuple[Wish, ...] = ()
    held: Held | None = None
    call_due: int = 0


class Ledger(Protocol):
    """What the tuner asks of a state store. Every method raises LedgerUnavailable."""

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        """Deduplicate and order; one answer per adjustment. Raises LedgerMismatch."""
        ...

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        """Up to `count` slots, none that starts sooner than `after` or later than `within` seconds from now."""
        ...

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        """Ask for the right to call each task, under a token that the caller made up."""
        ...

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        """Report what came of each call, under the token that it was begun with."""
        ...


class LedgerView(Protocol):
    """What anybody may ask of a state store: nothing changes by it. Raises LedgerUnavailable."""

    def look(self, task: TaskRef) -> TaskState | None:
        """What is known of the task now; None where nothing is."""
        ...


class Upkeep(LedgerView, Protocol):
    """What the reconciler asks of a state store. Every method raises LedgerUnavailable."""

    def claim_due(self, limit: int) -> list[TaskRef]:
        """Up to `limit` tasks that need a call without an event, the longest due first.

        Nobody else gets them for TRY_AGAIN_SECONDS; what comes of their calls decides when they are due next.
        """
        ...

    def claim_checks(self, limit: int) -> list[TaskRef]:
        """The `limit` tasks that were not claimed here for the longest time; all of them in turn."""
        ...

    def distrust(self, task: TaskRef, seen: TaskState) -> bool:
        """The provider was seen to hold something else: in doubt from now on, so that a call is due.

        Not where the task has changed since it was `seen`. Returns whether it was.
        """
        ...

    def forget(self, task: TaskRef, seen: TaskState) -> bool:
        """The task has ended: nothing of it is kept, unless it has changed since it was `seen`."""
        ...

    def reserve_reads(self, count: int, within: float) -> list[Slot]:
        """As `Ledger.reserve`, of the slots for GetSnapshotTask."""
        ...

"""The ledger: what every task should be, which event said so, and who may call when.

Every operation is one atomic step in the store, on the store's clock, and safe to repeat with the same
token after a lost reply. Backends: `ledger.sqlite` (one host), `ledger.redis` (a fleet). They share `tests/ledger`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol, TypeAlias

from snapshot_tuner.model import Adjustment, Order, TaskRef

LEASE_SECONDS = 15.0
"""How long one call may be in flight: more than twice the 7 s that a whole call may take."""

LATE_CALL_SECONDS = 15.0
"""After this a call whose outcome is unknown can no longer arrive at the provider."""

SLOT_SHARE = 29 / 30
"""Share of the account's quota that is handed out as slots: 145 of 150 calls/s. The rest is what makes a
slot usable for 1/29 s after its start: 145 slots/s over 1 + 1/29 s are 150 calls."""

SLOT_VALID_SECONDS = 1 / 29

CURSOR_HORIZON_SECONDS = 930.0
"""No caller waits longer than a function may run (900 s): a cursor further ahead comes from a clock step."""

THROTTLE_PAUSE_SECONDS = 1.0
"""How far one throttled call moves the cursor: the provider counts by the second."""


class Admission(StrEnum):
    """The answer to one adjustment; DESIGN, Ledger."""

    NEW = auto()
    RETRY = auto()
    DUPLICATE = auto()
    SUPERSEDED = auto()
    CONFLICT = auto()
    REJECTED = auto()
    ASSERT = auto()


@dataclass(frozen=True, slots=True)
class Admitted:
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


@dataclass(frozen=True, slots=True)
class Slot:
    """A permit for one call: not before `start`, not after `valid_until`; on the local monotonic clock."""

    start: float
    valid_until: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What an event asked for: the interval in seconds, and which event it was."""

    order_key: str
    interval: int
    business_id: str | None
    rule: str
    event_id: str
    event_source: str
    key: str  # the ledger's name of the idempotency key


@dataclass(frozen=True, slots=True)
class Granted:
    """The call may be made, with this wish, while the lease lasts (local monotonic clock)."""

    wish: Wish
    lease_until: float


@dataclass(frozen=True, slots=True)
class Busy:
    """Another call for the task is in flight."""


@dataclass(frozen=True, slots=True)
class AlreadyApplied:
    """The newest wish has been applied: no call is needed."""

    wish: Wish


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


@dataclass(frozen=True, slots=True)
class Settlement:
    """`kept` is False where the lease was lost before the call was settled."""

    kept: bool
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """One call in flight: who makes it, since and until when (the store's clock), with which wish."""

    token: str
    begun: int
    until: int
    wish: Wish


@dataclass(frozen=True, slots=True)
class TaskState:
    """What the ledger knows of one task; times are microseconds since the epoch on the store's clock.

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


class Ledger(Protocol):
    """What the tuner asks of a state store. Every method raises LedgerUnavailable."""

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        """Deduplicate and order; one answer per adjustment. Raises LedgerMismatch."""
        ...

    def reserve(self, count: int, within: float) -> list[Slot]:
        """Up to `count` slots, none that starts later than `within` seconds from now."""
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

"""What a ledger remembers of a task, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Final, NamedTuple, TypeAlias

from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Order

OPEN_MOST = 16
"""Time-bound adjustments that one task remembers, one per rule, ended ones among them; and so many ends."""

NOBODY = ""
"""The rule of an intent that no event has asked for: it stands in a record that has nothing but ends."""


class Admission(StrEnum):
    """The answer to one adjustment.

    DEFERRED: recorded, but something else is in effect now; the ledger applies it when its time has come.
    CLOCK_OFF: not recorded; by the store's clock it would be REJECTED, and by this machine's it would not.
    HELD: recorded, and there was nothing to end.
    """

    NEW = auto()
    RETRY = auto()
    DUPLICATE = auto()
    SUPERSEDED = auto()
    CONFLICT = auto()
    REJECTED = auto()
    ASSERT = auto()
    DEFERRED = auto()
    CLOCK_OFF = auto()
    HELD = auto()


class Admitted(NamedTuple):
    """`settled_as` is what an ASSERT would have been: DUPLICATE or SUPERSEDED. `is_too_old`: why it is REJECTED.

    `shortens`: the task's interval becomes a shorter one, as far as is known (NEW and RETRY).
    """

    answer: Admission
    reason: str = ""
    settled_as: Admission | None = None
    is_too_old: bool = False
    shortens: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ledger is told by the settings; seconds, and the slots per second of a ledger that is near."""

    order: Order
    slots_per_second: float
    idempotency_ttl: int
    task_ttl: int
    max_clock_skew: int

    @property
    def remembered_seconds(self) -> int:
        """How long a task is remembered, also where its event's time is ahead."""
        return self.task_ttl + self.max_clock_skew


class RateLimitedBy(StrEnum):
    """Why calls are slower than this deployment's own quota allows."""

    FAR = auto()  # a worker that shares the ledger is far away from it
    LOWER_QUOTA = auto()  # one that shares it has a lower RTC_MAX_QPS


class CallRate(NamedTuple):
    """How fast calls may start now, all workers of the namespace together: slots per second, and why no more.

    `quota` is the lowest that is in use, `own_quota` this deployment's; calls per second.
    """

    slots_per_second: float
    quota: float
    own_quota: float
    limited_by: tuple[RateLimitedBy, ...]


class Slot(NamedTuple):
    """A permit for one call: not before `start`, not after `valid_until`; on the local monotonic clock."""

    start: float
    valid_until: float


# What is remembered of a task, and what is answered for every event, is made of tuples: made, compared and changed
# several times for every call.


class Intent(NamedTuple):
    """What an event asked for: the interval in seconds, and which event it was.

    `asked_us` is the event's time. A time-bound intent is in effect until `until_us`; then its interval is
    `then`, or, where that is None, something else is in effect. One without an end that was called within an operator's
    bounds has in `then` what was asked for. `lengthen_us` and `skip_us` are those of
    `Adjustment`. Times and durations in microseconds.

    What stands behind `skip_us` is the intent's note: a record has it apart from the rest (`ledger.set_aside`).
    `default` is the interval after a time-bound intent without `then`, where nothing else was ever asked for. `edges`
    are those of `Adjustment`, past ones among them, and `policy` is, too. `reason` is its, as far as it is kept.
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
    default: int | None = None
    edges: tuple[tuple[int, int], ...] = ()
    policy: str = ""
    reason: str = ""


NOTE: Final = Intent._fields.index("skip_us") + 1
"""Where the note begins among the fields of an intent."""


class Bounds(NamedTuple):
    """What a person lets a task's interval be, whatever its events ask for: `least` and `most`, in seconds.

    One of them may be None. They end by themselves at `until_us`; `set_us` is since when the task has had bounds
    without a break: whoever sets others in time goes on with it. Both in microseconds since the epoch, on the store's
    clock.
    """

    least: int | None
    most: int | None
    until_us: int
    set_us: int
    reason: str
    caller: str

    def nearest(self, interval: int) -> int:
        """Within them."""
        return min(max(interval, self.least or INTERVAL_MIN_SECONDS), self.most or INTERVAL_MAX_SECONDS)

    def clamp(self, intent: Intent) -> Intent:
        """The intent with the interval that is nearest to its own, which is its `then` where it has no end."""
        interval = self.nearest(intent.interval)
        if interval == intent.interval:
            return intent
        then = intent.interval if intent.until_us is None else intent.then
        return intent._replace(interval=interval, then=then)


class Granted(NamedTuple):
    """The call may be made, with this intent, while the lease lasts (local monotonic clock).

    The intent's times are the ledger's own (as in `AlreadyApplied`). `bounds` are an operator's that hold now, with the
    ledger's own times, too.
    """

    intent: Intent
    lease_until: float
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """Another call for the task is in flight."""


class AlreadyApplied(NamedTuple):
    """What the task should be now has been applied: no call is needed.

    `unchanged`: by the call for another event, to the same interval, not long ago.
    """

    intent: Intent
    unchanged: bool = False
    bounds: Bounds | None = None


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
    """One call in flight: who makes it, since and until when (the store's clock), with which intent."""

    token: str
    begun: int
    until: int
    intent: Intent


class Stabilizing(NamedTuple):
    """The intent that stays in effect until a longer one may take its place (`lengthen_us`)."""

    intent: Intent
    until_us: int


class End(NamedTuple):
    """An event has ended the adjustments of a rule that are older than it; `at_us` is when."""

    rule: str
    order_key: str
    at_us: int


class TaskState(NamedTuple):
    """What the ledger knows of one task; times are microseconds since the epoch on the store's clock.

    `desired` is what the task should be now. It comes of `base`, the newest intent without an end; of `open`,
    the newest time-bound intent of each rule, ended ones too; and of `stabilizing` (`ledger.precedence`). Where the
    provider does not have it, or may not, it is left to the event's source until `call_due`.

    `doubt_until` is there while the provider may hold, or may yet get, an interval that no call of ours
    has confirmed: only an applied call begun after that moment takes it away.

    All intents of one event have the same note. Of each rule `ends` has the newest end.

    `later` is what a later version of this code has put into the record, its format first (`ledger.set_aside`); a
    store that works on its records by itself keeps it there.

    `bounds` are an operator's. They lie beside the record, and change nothing in it: adjustments end and longer ones
    wait underneath as without them. Only what is called, and what has been, is within them.
    """

    desired: Intent
    desired_at: int
    applied: Intent | None = None
    applied_at: int | None = None
    lease: Lease | None = None
    doubt_until: int | None = None
    settled_token: str | None = None
    base: Intent | None = None
    open: tuple[Intent, ...] = ()
    stabilizing: Stabilizing | None = None
    call_due: int = 0
    ends: tuple[End, ...] = ()
    later: tuple[Any, ...] = ()
    bounds: Bounds | None = None

    @property
    def wanted(self) -> Intent:
        """What the provider should have: what is desired, within an operator's bounds."""
        return self.desired if self.bounds is None else self.bounds.clamp(self.desired)

    @property
    def asks_nothing(self) -> bool:
        """Whether nothing was ever asked for: `desired` is nobody's, and only fills its place."""
        return self.base is None and self.desired.rule == NOBODY


class SetAside(NamedTuple):
    """A record that could not be read: its name in its store, and what is wrong with it."""

    name: str
    why: str


class SetAsideRecords(NamedTuple):
    """How many lie there, and the names of the first of them."""

    total: int
    names: tuple[str, ...]


ReportSetAside: TypeAlias = Callable[[Sequence[SetAside]], None]
"""Is told of records when they have been set aside."""


def no_report(found: Sequence[SetAside]) -> None:
    """For stores that belong to one run, such as a simulation's."""

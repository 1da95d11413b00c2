"""The words of this application as frozen values: event -> Signal -> Decision -> Adjustment -> Outcome."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from enum import StrEnum, auto
from typing import NamedTuple, TypeAlias, TypeGuard

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
"""A decoded JSON value. Numbers are exact: an `int`, or a `Decimal` as written, never a float."""

Number: TypeAlias = int | Decimal
"""A number of an event or a policy, exact."""

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indexes that lead from the top of a document to one of its parts."""

INTERVAL_MIN_SECONDS = 1
INTERVAL_MAX_SECONDS = 600
INTERVAL_DEFAULT_SECONDS = 2
"""The provider's limits of `ImageConfig.Interval` (UpdateSnapshot, Version 2023-11-01)."""

CHECK_TYPE = "snapshot-tuner.check"
"""The type of an event that only shows that events come through: none is admitted, and no policy decides it."""

CHECK_SOURCE = "snapshot-tuner.doctor"
"""Likewise, whatever its type is, so that it takes the same path as real events."""

SEQUENCE_DIGITS = 39
"""A sequence is an integer of at most 128 bits, as long as the longest that a queue hands out."""


_SENT_DIGITS = 17
"""Of microseconds since the epoch, until the year 5138."""


class Order(StrEnum):
    """What decides which of two events of a task is the newer one."""

    TIME = auto()
    SEQUENCE = auto()


_EXACT = Context(prec=1000)
"""More digits than a number of an event may have."""


def is_number(value: object) -> TypeGuard[Number]:
    """Whether a JSON value is a number; NaN and the infinities are none."""
    kind = type(value)  # the quickest way to tell an int from a bool, on the path of every pattern
    return kind is int or (isinstance(value, Decimal) and value.is_finite())


class TaskRef(NamedTuple):
    """One running snapshot task, as the provider names it; the ledger's key.

    A tuple, because it is hashed more often than anything else.
    """

    app_id: str
    room_id: str
    task_id: str


class ReadFrom(NamedTuple):
    """What a reading of the policy has made a signal from, so that a recording can hold it.

    The first signal of a body has the whole `body`; `list_steps` lead to the list of its elements, None where it has
    none of its own. The first signal of an element has the `element`, and each its `number`. `record` is what the
    source said of the body.
    """

    reading: str
    is_alert: bool
    body: Json
    list_steps: tuple[str | int, ...] | None
    element: Json
    number: int
    record: dict[str, Json]


class NoEvent(NamedTuple):
    """What a body says besides events: that it holds none, or how many its sender left out."""

    reason: str
    left_out: int = 0


class BoundsChanged(NamedTuple):
    """No event, but as urgent: a person has set or cleared bounds on a task, so that it may need a call."""

    task: TaskRef


@dataclass(frozen=True, slots=True)
class Signal:
    """An event in CloudEvents 1.0 attributes, whatever envelope it came in.

    `time_us` is microseconds since the Unix epoch; `time_is_own` is False where the event had no time and
    the source's sent time stands in. `attributes` are the further context attributes (subject, account, extensions),
    which a policy may match. `sent_us` is when the queue nearest to the event took it; None where there was no queue,
    or it does not say. `unread` is why the event's data is not JSON, if it is not; `data` is then None. `read_from` is
    what a reading of the policy made it from.
    """

    id: str
    source: str
    type: str
    time_us: int
    data: Json
    time_is_own: bool = True
    sequence: int | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    sent_us: int | None = None
    unread: str | None = field(default=None, compare=False)
    read_from: ReadFrom | None = field(default=None, compare=False, repr=False)

    @property
    def is_alert(self) -> bool:
        """Whether its sender repeats it with other content, and means the same event."""
        return self.read_from is not None and self.read_from.is_alert

    def fingerprint(self) -> str:
        """64 hex digits over what a retry of the same event must repeat: type, data and its own time.

        Of an alert it is the type alone.
        """
        own_time_us = self.time_us if self.time_is_own else None
        repeated: list[Json] = [self.type] if self.is_alert else [self.type, own_time_us, self.data]
        return hashlib.sha256(_canonical(repeated).encode()).hexdigest()

    def order_key(self, order: Order, sent_us: int = 0) -> bytes | None:
        """Bytes that sort as (time or sequence, sent, id, source); None where the sequence is asked for and missing.

        `sent_us` distinguishes events with the same time, as EventBridge cuts times to whole seconds: when the queue
        took the event, in microseconds since the epoch (`events.arrival`). It shares the first part with the time, so
        that a record made without it is still read, as that of an older event.

        Compared as bytes: the same on every store, whatever its locale. NUL separates, and no id holds one.
        """
        match order:
            case Order.TIME:
                first = f"{self.time_us:020d}"
            case Order.SEQUENCE:
                if self.sequence is None:
                    return None
                first = f"{self.sequence:0{SEQUENCE_DIGITS}d}"
        return f"{first}{sent_us:0{_SENT_DIGITS}d}\0{self.id}\0{self.source}".encode()


def _canonical_number(number: object) -> object:
    # The same number in two spellings (0.90, 9e-1) is the same payload: an envelope may respell it.
    if not isinstance(number, Decimal):
        raise TypeError(f"not a JSON value: {type(number).__name__}")
    if number == number.to_integral_value():
        return int(number)
    return "\0" + str(number.normalize(_EXACT))  # half of what an f-string takes


# Decoded JSON holds no circle to look for.
_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), check_circular=False, default=_canonical_number
).encode


# What is made of every event is made of tuples: several times cheaper to make than a frozen dataclass.


class Adjustment(NamedTuple):
    """What one task should become, and by which event.

    `interval` is in whole seconds, inside the policy's bounds. `order_key` is `Signal.order_key`.

    The rest are durations in whole seconds. `for_seconds` is how long a time-bound adjustment is in effect, from the
    event's time on; then the task gets `then_interval`, or, where that is None, what else it should be: where nothing
    else was ever asked for `default_interval`, or, where that is None, no other interval.
    `lengthen_after` is a stabilization window in the sense of Kubernetes' HorizontalPodAutoscaler: for so long
    nothing may have asked for less before this makes the interval longer;
    within `skip_unchanged_within` of a confirmed call with the same interval none is made; 0 is "never".

    `urgent`: the rule wants it to go before others. It `ends` what older events asked for by these rules; one whose
    `interval` is 0 asks for none itself.

    `edges` are (moment, interval): what limits with windows make of the interval at their next edges, in microseconds
    since the epoch; where it has an end, of what comes then. `policy` is the one that decided, by its `short_hash`.
    """

    task: TaskRef
    interval: int
    business_id: str | None
    signal: Signal
    order_key: bytes
    rule: str
    reason: str
    for_seconds: int | None = None
    then_interval: int | None = None
    lengthen_after: int = 0
    skip_unchanged_within: int = 0
    urgent: bool = False
    default_interval: int | None = None
    ends: tuple[str, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    policy: str = ""


class Verdict(StrEnum):
    """What the policy says about a signal."""

    ADJUST = auto()
    HOLD = auto()
    UNMATCHED = auto()
    REJECT = auto()


class Decision(NamedTuple):
    """The policy's answer to one signal: a value with a reason that a person can read."""

    verdict: Verdict
    rule: str | None
    reason: str
    adjustments: tuple[Adjustment, ...] = ()


class OutcomeKind(StrEnum):
    """The outcome of one event for one task."""

    APPLIED = auto()
    DUPLICATE = auto()
    SUPERSEDED = auto()
    UNMATCHED = auto()
    HELD = auto()  # the policy says no change, or dry run
    DEFERRED = auto()  # recorded: takes effect when what is in effect now ends
    REJECTED = auto()
    RETRY = auto()


class Cause(StrEnum):
    """Why an event was rejected or has to be tried again; decides the HTTP status, names the problem type."""

    MALFORMED = auto()  # rejected: the envelope
    INVALID = auto()  # rejected: what the rule needs of the event, or its time
    CONFLICT = auto()  # rejected: a known id with another payload
    TASK_NOT_FOUND = auto()  # rejected: the task is not running
    REFUSED = auto()  # rejected: the API refused what the call says
    THROTTLED = auto()  # retry: the API, or no call slot before the deadline
    BUSY = auto()  # retry: another worker's call for the task is in flight
    UNAVAILABLE = auto()  # retry: the API or the ledger, or no time left
    UNKNOWN = auto()  # retry: it is unknown whether the call was carried out
    CREDENTIALS = auto()  # retry: the API refused our credentials


_NOT_SETTLED = (OutcomeKind.REJECTED, OutcomeKind.RETRY)


class Outcome(NamedTuple):
    """What came of one event for one task; the fields are those of the answer over HTTP.

    `id` is the event's, None if the envelope could not be opened that far; `interval` is what the task was set
    to, in seconds; `cause` is there for rejected and retry only.
    """

    kind: OutcomeKind
    reason: str
    id: str | None = None
    source: str | None = None
    rule: str | None = None
    task: TaskRef | None = None
    interval: int | None = None
    cause: Cause | None = None

    @property
    def settled(self) -> bool:
        """Whether the source may forget the event."""
        return self.kind not in _NOT_SETTLED

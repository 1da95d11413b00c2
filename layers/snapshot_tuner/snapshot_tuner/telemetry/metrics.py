"""What is counted, by the names that dashboards and alarms know, and who receives it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Metric(StrEnum):
    """The metrics' names; template.yaml and docs/operations.md are checked against them."""

    EVENTS_APPLIED = "EventsApplied"  # as all of Events…: one for each event and task
    EVENTS_DUPLICATED = "EventsDuplicated"
    EVENTS_SUPERSEDED = "EventsSuperseded"
    EVENTS_UNMATCHED = "EventsUnmatched"
    EVENTS_HELD = "EventsHeld"
    EVENTS_DEFERRED = "EventsDeferred"
    EVENTS_REJECTED = "EventsRejected"
    EVENTS_RETRIED = "EventsRetried"  # handed back to their source
    ALERTS_LEFT_OUT = "AlertsLeftOut"  # by their sender, whose limit they were over (truncatedAlerts)
    CALLS_SENT = "CallsSent"  # whatever came of them; what counts against the account's quota
    CALLS_REFUSED = "CallsRefused"  # because of their content; without those whose task is not running
    TASKS_MISSED = "TasksMissed"  # calls for a task that is not running (any more)
    CALLS_THROTTLED = "CallsThrottled"
    CREDENTIALS_REFUSED = (
        "CredentialsRefused"  # calls refused because of our credentials, or not signed for lack of a key
    )
    LEDGER_STEPS_FAILED = "LedgerStepsFailed"  # the store was down, silent or slow
    LEDGER_CLOCK_OFF = "LedgerClockOff"  # events handed back because only the store's clock would have rejected them
    LEDGER_MAY_HAVE_FORGOTTEN = "LedgerMayHaveForgotten"  # another server has taken over, or the store was emptied
    RECORDS_SET_ASIDE = "RecordsSetAside"  # of the ledger; they could not be read
    LEDGER_ROUND_TRIP = "LedgerRoundTrip"  # milliseconds, one per batch; none of a ledger on the same machine
    TASKS_DUE = "TasksDue"  # as all of the following: by the reconciler; what needed a call without an event
    TASKS_ASSERTED = "TasksAsserted"  # of those due, confirmed by a call
    TASKS_DRIFTED = "TasksDrifted"  # read back with another interval than they should have
    TASKS_REPAIRED = "TasksRepaired"  # of those drifted, confirmed by a call
    TASKS_FORGOTTEN = "TasksForgotten"  # have ended
    TASKS_UNREADABLE = "TasksUnreadable"  # no answer to a reading, or an odd one: no repair on a guess
    BOUNDS_HELD_LONG = "BoundsHeldLong"  # set anew by a person, though the task has had bounds for 48 h without a break
    POLICY_REFUSED = "PolicyRefused"  # readings of the policy's parameter that left an older policy in force
    POLICY_AGE = "PolicyAge"  # seconds since the parameter said what is in force; one per reading
    EVENT_TO_APPLIED = "EventToApplied"  # milliseconds from the event's time to its settled call; one per EventsApplied


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What one batch did. `counts` has no zeros; `event_to_applied_ms` has one value for each applied event.

    `policy_age` is in seconds, None where the policy's parameter was not read. `ledger_round_trip_ms` is the least that
    was seen, None where the ledger was not asked, or is on the same machine.
    """

    counts: Mapping[Metric, int]
    event_to_applied_ms: tuple[int, ...] = ()
    policy_age: int | None = None
    ledger_round_trip_ms: float | None = None


class Recorder(Protocol):
    """Is told once after each batch."""

    def record(self, figures: BatchFigures) -> None: ...

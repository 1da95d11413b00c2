"""Every error of this package, split by what the caller does about it.

TunerError
├── GiveUp                  the same event can never succeed: to the dead-letter queue
│   ├── EventRejected       a field of the event is missing, malformed or out of range
│   └── CallRefused         the API refused the call because of its content
│       └── TaskNotFound    the task is not running
├── TryAgain                later, the same event can succeed: back to its source
│   ├── LedgerUnavailable   the state store is down, silent or slow
│   │   ├── LedgerTakesNoWrite  it answers, and refuses what an event needs
│   │   └── LedgerClockOff  its clock and ours are far apart
│   ├── CallFailed          the API did not carry out the call, or it is unknown whether it did
│   │   ├── Throttled       the account's call rate was exceeded
│   │   └── TimestampRefused  the signature's time is outside the API's tolerance
│   └── CredentialsRefused  the API refused our credentials; the deployment's fault, not the event's
├── EventNotSettled         tells a source that reads no answer that an event was rejected or has to come back
├── CallAbandoned           the call was given up before its first byte was sent
└── FixDeployment           no event can succeed until an operator acts: the invocation fails
    ├── SettingsError       an environment variable is missing or malformed
    ├── PolicyError         the policy file has mistakes; it lists all of them
    ├── LedgerMismatch      the ledger's namespace belongs to another order of events
    └── WrongSource         the function was invoked by a source that it cannot answer
"""

from collections.abc import Sequence
from enum import StrEnum

EVENT_ID_CHARACTERS = 1024
"""The longest id that an event may have."""

MESSAGE_LIMIT = 200
"""Characters of the provider's own words that go into an error."""


class LocalCode(StrEnum):
    """The `code` of an error if the provider gave none."""

    CREDENTIALS_UNAVAILABLE = "CredentialsUnavailable"  # nothing was sent
    CONNECT_TIMEOUT = "ConnectTimeout"  # nothing was sent
    CONNECT_FAILED = "ConnectFailed"  # nothing was sent
    CONNECTION_LOST = "ConnectionLost"
    TIMEOUT = "Timeout"
    MALFORMED_ANSWER = "MalformedAnswer"


class TunerError(Exception):
    """The root: everything this package raises on purpose."""


class GiveUp(TunerError):
    """The same event can never succeed."""


class TryAgain(TunerError):
    """The same event can succeed later."""


class FixDeployment(TunerError):
    """No event can succeed until an operator acts."""


class EventRejected(GiveUp):
    """A field of the event is missing, malformed or out of range; `event_id` where the event has a valid one."""

    def __init__(self, field: str, reason: str, *, event_id: str | None = None) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.event_id = event_id

    def named(self, event_id: object) -> "EventRejected":
        """The same error for the event with this id, if an event can have such an id."""
        return EventRejected(self.field, self.reason, event_id=valid_event_id(event_id))


def valid_event_id(found: object) -> str | None:
    """An event's id, None if no event can have it."""
    is_valid = isinstance(found, str) and 0 < len(found) <= EVENT_ID_CHARACTERS and found.isprintable()
    return found if isinstance(found, str) and is_valid else None


class ApiError(TunerError):
    """What the RTC API answered, or that it did not answer.

    `code` is the provider's (`FlowLimitExceeded.QPSOverLimit`) or, if no answer came, our own word (`Timeout`).
    `status` is the HTTP status, None without an answer. `outcome_unknown` says that the call may have been carried out,
    or still may be.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        facts = [f"HTTP {status}" if status is not None else None, f"request {request_id}" if request_id else None]
        where = ", ".join(fact for fact in facts if fact)
        super().__init__(f"{code}: {message}" + (f" ({where})" if where else ""))
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown


class CallRefused(ApiError, GiveUp):
    """The API refused the call because of its content."""


class TaskNotFound(CallRefused):
    """The task is not running."""


class CallFailed(ApiError, TryAgain):
    """The API did not carry out the call, or it is unknown whether it did (`outcome_unknown`)."""


class Throttled(CallFailed):
    """The account's call rate was exceeded."""


class TimestampRefused(CallFailed):
    """The signature's time is outside the API's tolerance; signed afresh it may be taken."""


class CredentialsRefused(ApiError, TryAgain):
    """The API refused our credentials; the deployment's fault, not the event's."""


class CallAbandoned(TunerError):
    """The call was given up before its first byte was sent."""


class EventNotSettled(TunerError):
    """Tells a source that reads no answer that an event was rejected or has to come back."""


class LedgerUnavailable(TryAgain):
    """The state store is down, silent or slow.

    Its text is for the log: it may name the store's host and user. `for_senders` is all that they learn about it.
    """

    for_senders = "the ledger does not answer; the function's log says more"


class LedgerTakesNoWrite(LedgerUnavailable):
    """The store answers, and refuses to write: it is full, a replica, cannot save, or lacks replicas."""

    for_senders = "the ledger takes no write; the function's log says more"


class LedgerClockOff(LedgerUnavailable):
    """Its clock and this machine's are so far apart that current events would be taken for events of another time."""

    for_senders = "clock off: the ledger's and the function's are too far apart; POST /health/check says how far"


class SettingsError(FixDeployment):
    """An environment variable is missing or malformed."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")
        self.variable = variable
        self.reason = reason


class PolicyError(FixDeployment):
    """The policy file has mistakes; `problems` lists all of them, each with its place and reason."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.file = file
        self.problems = tuple(problems)


class LedgerMismatch(FixDeployment):
    """The ledger's namespace belongs to another order of events."""


class WrongSource(FixDeployment):
    """The function was invoked by a source that it cannot answer: most would take any answer as success."""

    def __init__(self, function: str, takes: str, given: str) -> None:
        super().__init__(f"{function} takes {takes}; it was given {given}")

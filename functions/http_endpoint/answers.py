"""What goes back to the sender: a status, a JSON body, and RFC 9457 problem details for whatever went wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from snapshot_tuner.model import Cause, Outcome, OutcomeKind, TaskRef

PROBLEM_TYPE: Final = "urn:snapshot-tuner:problem:"

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Problem(Enum):
    """Every type of problem: its status, its title, and after how many seconds another try makes sense.

    The first ten are those of an outcome's `Cause`. docs/http.md explains them all; a test compares the two.
    """

    MALFORMED = (400, "The event cannot be read")
    INVALID = (422, "The event lacks what its rule needs")
    CONFLICT = (422, "The event's id was used before with another payload")
    TASK_NOT_FOUND = (409, "The task is not running")
    REFUSED = (422, "The RTC API refused the call")
    THROTTLED = (429, "Too many calls for the account", 1)
    BUSY = (503, "Another call for the task is in flight", 1)
    UNAVAILABLE = (503, "The ledger or the RTC API is not available", 5)
    UNKNOWN = (503, "It is unknown whether the call was carried out", 20)
    CREDENTIALS = (503, "The RTC API refused the deployment's credentials", 60)

    KEY_MISSING = (400, "The event has no id and the request no Idempotency-Key")
    QUERY = (400, "The route does not take this query")
    BOUNDS = (422, "The bounds are not valid")
    UNAUTHENTICATED = (401, "The request does not prove who sent it")
    NO_SUCH_ROUTE = (404, "There is no such route")
    TASK_UNKNOWN = (404, "The ledger knows no such task")
    METHOD = (405, "The route does not take this method")
    IN_FLIGHT = (409, "The first request with this key is still in flight", 1)
    TOO_LARGE = (413, "The request is too large")
    CONTENT_TYPE = (415, "The content type is not supported")
    DEPLOYMENT = (500, "The deployment's settings or policy are wrong")
    DEFECT = (500, "The function has a defect")
    UNHEALTHY = (503, "The deployment cannot do its work")

    def __init__(self, status: int, title: str, retry_after_seconds: int | None = None) -> None:
        self.status = status
        self.title = title
        self.retry_after_seconds = retry_after_seconds

    @property
    def type(self) -> str:
        return PROBLEM_TYPE + self.name.lower().replace("_", "-")


PROBLEM_OF: Final[Mapping[Cause, Problem]] = MappingProxyType(
    {
        Cause.MALFORMED: Problem.MALFORMED,
        Cause.INVALID: Problem.INVALID,
        Cause.CONFLICT: Problem.CONFLICT,
        Cause.TASK_NOT_FOUND: Problem.TASK_NOT_FOUND,
        Cause.REFUSED: Problem.REFUSED,
        Cause.THROTTLED: Problem.THROTTLED,
        Cause.BUSY: Problem.BUSY,
        Cause.UNAVAILABLE: Problem.UNAVAILABLE,
        Cause.UNKNOWN: Problem.UNKNOWN,
        Cause.CREDENTIALS: Problem.CREDENTIALS,
    }
)
"""Why an outcome was rejected or has to be tried again, as its sender is told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the sender."""

    status: int
    content_type: str
    body: str
    retry_after_seconds: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The request ends here, with this problem; `detail` is for its sender and for the log."""

    def __init__(self, problem: Problem, detail: str, headers: Mapping[str, str] = _NOTHING) -> None:
        super().__init__(f"{problem.name}: {detail}")
        self.problem = problem
        self.detail = detail
        self.headers = headers


def ok(body: Mapping[str, Any]) -> Answer:
    return Answer(200, JSON, _dump(body))


def accepted(body: Mapping[str, Any]) -> Answer:
    """It is kept, and not in force yet."""
    return Answer(202, JSON, _dump(body))


def from_outcomes(outcomes: Sequence[Outcome], *, alerts: bool = False) -> Answer:
    """200 when everything is settled; else the outcome to retry decides the status, then the rejected one.

    A sender of `alerts` repeats its whole group for ever after a 4xx, and after a 429 loses it until the next time: to
    such a one what is to be retried is always 503, and all else 200.
    """
    members = {"outcomes": [_from_outcome(outcome) for outcome in outcomes]}
    if alerts:
        to_retry = next((outcome for outcome in outcomes if outcome.kind is OutcomeKind.RETRY), None)
        return from_problem(Problem.UNAVAILABLE, to_retry.reason, members=members) if to_retry else ok(members)
    for kind in (OutcomeKind.RETRY, OutcomeKind.REJECTED):
        for outcome in outcomes:
            if outcome.kind is kind and outcome.cause is not None:
                return from_problem(PROBLEM_OF[outcome.cause], outcome.reason, members=members)
    return ok(members)


def from_problem(
    problem: Problem, detail: str, *, headers: Mapping[str, str] = _NOTHING, members: Mapping[str, Any] = _NOTHING
) -> Answer:
    """RFC 9457 problem details, with further members where there are any."""
    body = {"type": problem.type, "title": problem.title, "status": problem.status, "detail": detail, **members}
    return Answer(problem.status, PROBLEM_JSON, _dump(body), problem.retry_after_seconds, headers)


def from_task(task: TaskRef) -> dict[str, str]:
    """A task in the provider's spelling."""
    return {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}


def _from_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "outcome": outcome.kind,
        "rule": outcome.rule,
        "task": outcome.task and from_task(outcome.task),
        "interval": outcome.interval,
        "reason": outcome.reason,
    }


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, default=_number)


def _number(value: object) -> float:
    """A number of the policy, which are exact; an answer is for people."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"not a JSON value: {type(value).__name__}")

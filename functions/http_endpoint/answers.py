"""Outcomes as an HTTP answer: a status, a JSON body, and RFC 9457 problem details for whatever went wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from snapshot_tuner.model import Cause, Outcome, OutcomeKind

PROBLEM_TYPE = "urn:snapshot-tuner:problem:"


@dataclass(frozen=True, slots=True)
class _Problem:
    status: int
    title: str
    retry_after_seconds: int | None = None


_OF_CAUSE = {
    Cause.MALFORMED: _Problem(400, "The event cannot be read"),
    Cause.INVALID: _Problem(422, "The event lacks what its rule needs"),
    Cause.CONFLICT: _Problem(422, "The event's id is known with another payload"),
    Cause.TASK_NOT_FOUND: _Problem(409, "The task is not running"),
    Cause.REFUSED: _Problem(422, "The RTC API refused the call"),
    Cause.THROTTLED: _Problem(429, "Too many calls for the account", 1),
    Cause.BUSY: _Problem(503, "Another call for the task is in flight", 1),
    Cause.UNAVAILABLE: _Problem(503, "The ledger or the RTC API is not available", 5),
    Cause.UNKNOWN: _Problem(503, "Nobody knows whether the call was carried out", 20),
    Cause.CREDENTIALS: _Problem(503, "The RTC API refused the deployment's credentials", 60),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the sender; `body` is JSON text."""

    status: int
    content_type: str
    body: str
    retry_after_seconds: int | None = None


def of_outcomes(outcomes: Sequence[Outcome]) -> Answer:
    """200 when everything is settled; else the outcome to retry decides the status, then the rejected one."""
    listed = [_as_json(outcome) for outcome in outcomes]
    for kind in (OutcomeKind.RETRY, OutcomeKind.REJECTED):
        for outcome in outcomes:
            if outcome.kind is kind and outcome.cause is not None:
                facts = _OF_CAUSE[outcome.cause]
                return problem(
                    facts.status,
                    outcome.cause,
                    facts.title,
                    outcome.reason,
                    retry_after_seconds=facts.retry_after_seconds,
                    members={"outcomes": listed},
                )
    return Answer(200, "application/json", _dump({"outcomes": listed}))


def problem(
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    retry_after_seconds: int | None = None,
    members: Mapping[str, Any] = MappingProxyType({}),
) -> Answer:
    """RFC 9457 problem details; `name` is the last part of `type`, which the README explains."""
    body = {"type": PROBLEM_TYPE + name.replace("_", "-"), "title": title, "status": status, "detail": detail}
    return Answer(status, "application/problem+json", _dump(body | dict(members)), retry_after_seconds)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    task = outcome.task
    return {
        "id": outcome.id,
        "outcome": outcome.kind,
        "rule": outcome.rule,
        "task": task and {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id},
        "interval": outcome.interval,
        "reason": outcome.reason,
    }


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)

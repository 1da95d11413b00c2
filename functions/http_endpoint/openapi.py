"""The description of the routes for machines: OpenAPI 3.1, made from the routes and problems that there are.

Written by hand, not by Powertools' validation: that would cost every cold start 80 ms, and could not read an event
in four content types. The tests hold it to what the routes do.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from http_endpoint.answers import JSON, PROBLEM_JSON, Problem
from snapshot_tuner.events.cloudevents_http import BATCH_TYPE, STRUCTURED_TYPE
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Cause, OutcomeKind, Verdict
from snapshot_tuner.policy.explanation import Asking, Reached
from snapshot_tuner.tuning.inspection import PendingKind

_OF_EVERY_ROUTE: Final = (Problem.METHOD, Problem.DEPLOYMENT, Problem.DEFECT)
_OF_A_BODY: Final = (Problem.MALFORMED, Problem.UNAUTHENTICATED, Problem.TOO_LARGE)
_OF_OUTCOMES: Final = tuple(Problem[cause.name] for cause in Cause)
_KEYED: Final = (Problem.KEY_MISSING, Problem.CONTENT_TYPE)

_ID: Final = {"type": "string", "pattern": r"^[a-zA-Z0-9_@.\-]{1,128}$"}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 1024}
_TIME: Final = {"type": "string", "format": "date-time"}
_INTERVAL: Final = {"type": "integer", "minimum": INTERVAL_MIN_SECONDS, "maximum": INTERVAL_MAX_SECONDS}


def _object(properties: Mapping[str, Any], *, optional: tuple[str, ...] = (), is_open: bool = False) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": is_open}


def _one_of(words: type[Any]) -> dict[str, Any]:
    return {"type": "string", "enum": [str(word) for word in words]}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _named(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Any]:
    setting = _object(
        {
            "interval": _INTERVAL,
            "since": _TIME,
            "event": _object({"id": {"type": "string"}, "source": {"type": "string"}}),
            "rule": {"type": "string"},
        }
    )
    return {
        "CloudEvent": _object(
            {
                "specversion": {"const": "1.0"},
                "id": _TEXT,
                "source": _TEXT | {"maxLength": 2048},
                "type": _TEXT,
                "time": _TIME,
                "sequence": {"type": ["integer", "string"]},
                "data": {},
            },
            optional=("time", "sequence", "data"),
            is_open=True,
        ),
        "PlainEvent": _object(
            {"type": _TEXT, "data": {}, "id": _TEXT, "time": _TIME, "timestamp": _TIME},
            optional=("data", "id", "time", "timestamp"),
            is_open=True,
        ),
        "RtcCallback": _object(
            {
                **{name: {"type": "string"} for name in ("EventType", "EventData", "EventTime", "EventId")},
                **{name: {"type": "string"} for name in ("AppId", "Version", "Nonce", "Signature", "BusinessId")},
            },
            optional=("BusinessId",),
            is_open=True,
        ),
        "Task": _object({"AppId": _ID, "RoomId": _ID, "TaskId": _ID}),
        "Outcome": _object(
            {
                "id": _or_null({"type": "string"}),
                "outcome": _one_of(OutcomeKind),
                "rule": _or_null({"type": "string"}),
                "task": _or_null(_named("Task")),
                "interval": _or_null(_INTERVAL),
                "reason": {"type": "string"},
            }
        ),
        "Outcomes": _object({"outcomes": _list_of(_named("Outcome"))}),
        "TaskReport": _object(
            {
                "task": _named("Task"),
                "desired": setting,
                "applied": _or_null(setting),
                "pending": _list_of(_object({"kind": _one_of(PendingKind), "until": _or_null(_TIME)})),
            }
        ),
        "Finding": _object(
            {
                "asking": _one_of(Asking),
                "place": {"type": "string"},
                "matched": {"type": "boolean"},
                "found": {"type": "string"},
                "wanted": {},
                "parts": _list_of(_named("Finding")),
            },
            optional=("found", "wanted", "parts"),
        ),
        "Explanation": _object(
            {
                "event": _object(
                    {**{name: {"type": "string"} for name in ("id", "source", "type")}, "time": _or_null(_TIME)}
                ),
                "verdict": _one_of(Verdict),
                "rule": _or_null({"type": "string"}),
                "reason": {"type": "string"},
                "interval": _object(
                    {
                        "asked": _or_null(_INTERVAL),
                        "bounds": _object({"min": _INTERVAL, "max": _INTERVAL}),
                        "given": _or_null(_INTERVAL),
                    }
                ),
                "tasks": _list_of(_named("Task")),
                "rules": _list_of(
                    _object(
                        {
                            "rule": {"type": "string"},
                            "reached": _one_of(Reached),
                            "reason": {"type": "string"},
                            "pattern": _list_of(_named("Finding")),
                        }
                    )
                ),
            }
        ),
        "Health": _object(
            {
                "status": {"const": "ok"},
                "ledger": {"const": "reachable"},
                "policy": _object(
                    {"version": {"type": "integer"}, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
                ),
                "credentials": {"const": "present"},
            }
        ),
        "Problem": _object(
            {
                "type": {"type": "string", "enum": [problem.type for problem in Problem]},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "outcomes": _list_of(_named("Outcome")),
            },
            optional=("outcomes",),
        ),
    }


def _operation(
    summary: str,
    answer: str,
    problems: tuple[Problem, ...],
    *,
    content: Mapping[str, Any] | None = None,
    parameters: tuple[Mapping[str, Any], ...] = (),
    content_type: str = JSON,
    proofs: tuple[str, ...] = ("iam", "webhook"),
) -> dict[str, Any]:
    schema = {"type": "string"} if content_type != JSON else _named(answer) if answer else {"type": "object"}
    responses: dict[str, Any] = {
        "200": {"description": "What was asked for", "content": {content_type: {"schema": schema}}}
    }
    by_status: dict[str, list[Problem]] = {}
    for problem in {**dict.fromkeys(problems), **dict.fromkeys(_OF_EVERY_ROUTE)}:
        by_status.setdefault(str(problem.status), []).append(problem)
    for status, alike in sorted(by_status.items()):
        responses[status] = {
            "description": "; ".join(problem.title for problem in alike),
            "content": {PROBLEM_JSON: {"schema": _named("Problem")}},
        }
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": responses,
        "security": [{name: []} for name in proofs],
    }
    if parameters:
        operation["parameters"] = list(parameters)
    if content is not None:
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _paths() -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The id of an event in plain JSON: a retry repeats it. With signatures, leave it to webhook-id.",
        "schema": {"type": "string", "maxLength": 1024},
    }
    names = tuple(
        {"name": name, "in": "path", "required": True, "schema": _ID} for name in ("AppId", "RoomId", "TaskId")
    )
    event = {
        STRUCTURED_TYPE: {"schema": _named("CloudEvent")},
        JSON: {"schema": {"anyOf": [_named("CloudEvent"), _named("PlainEvent")]}},
    }
    batch = {BATCH_TYPE: {"schema": _list_of(_named("CloudEvent"))}}
    return {
        "/events": {
            "post": _operation(
                "Send an event, or a batch of them",
                "Outcomes",
                (*_OF_A_BODY, *_KEYED, *_OF_OUTCOMES, Problem.IN_FLIGHT),
                content=event | batch,
                parameters=(key,),
            ),
            "options": _operation(
                "Ask whether a sender may send: the handshake of CloudEvents over webhooks",
                "",
                (Problem.MALFORMED,),
                parameters=(
                    {
                        "name": "WebHook-Request-Origin",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,253}$"},
                    },
                    {"name": "WebHook-Request-Rate", "in": "header", "schema": {"type": "string"}},
                ),
                proofs=(),
            ),
        },
        "/callbacks/rtc": {
            "post": _operation(
                "The RTC service's own events, proved by the Signature in them",
                "Outcomes",
                (*_OF_A_BODY, *_OF_OUTCOMES),
                content={JSON: {"schema": _named("RtcCallback")}},
                proofs=(),
            )
        },
        "/tasks/{AppId}/{RoomId}/{TaskId}": {
            "get": _operation(
                "Why a task has its interval",
                "TaskReport",
                (Problem.UNAUTHENTICATED, Problem.NO_SUCH_ROUTE, Problem.TASK_UNKNOWN, Problem.UNAVAILABLE),
                parameters=names,
            )
        },
        "/explain": {
            "post": _operation(
                "What the policy would do with an event, rule by rule",
                "Explanation",
                (*_OF_A_BODY, *_KEYED),
                content=event,
                parameters=(key,),
            )
        },
        "/health": {"get": _operation("Whether events can be handled", "Health", (Problem.UNHEALTHY,), proofs=())},
        "/openapi.json": {"get": _operation("This document", "", (Problem.UNAUTHENTICATED,))},
        "/docs": {
            "get": _operation("This document, as a page", "", (Problem.UNAUTHENTICATED,), content_type="text/html")
        },
    }


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document; the same one at every call."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "snapshot-tuner",
            "version": "1",
            "description": "Keeps every Volcengine RTC snapshot task at the interval its newest event asks for.",
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "iam": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS SigV4 (HTTP_AUTH=iam)",
                },
                "webhook": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "webhook-signature",
                    "description": "Standard Webhooks, with webhook-id and webhook-timestamp (HTTP_AUTH=signature)",
                },
            },
        },
    }

"""VEFAAS_TAKES=events: messages of queues reach the tuner, the timer the reconciler.

The platform retries whatever is answered with a status from 400 on, as often as the trigger says, and has no
dead-letter queue; nothing shows which try is the last. So each try that does not settle its message writes it down.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import Final

from snapshot_tuner import bootstrap
from snapshot_tuner.aws.invocation import deadline, read_each
from snapshot_tuner.errors import FixDeployment
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import Event, Readings, record_of
from snapshot_tuner.model import Signal
from vefaas import cloud_events
from vefaas.cloud_events import InvalidEvent, SourceMessage
from vefaas.requests import JSON, Incoming, Outgoing

_EVENT_TYPE: Final = "x-faas-event-type"
_FAILED: Final = "function_execution_error"
_CHARACTERS_MOST: Final = 300
_RECONCILES: Final = Lock()


def answer(incoming: Incoming) -> Outgoing:
    """200 if all of it is settled."""
    try:
        match incoming.headers.get(_EVENT_TYPE, "http").strip().lower():
            case "cloudevent":
                messages: Sequence[SourceMessage] = [cloud_events.read_one(incoming.headers, incoming.body)]
            case "multi-cloudevent":
                messages = cloud_events.read_batch(incoming.headers, incoming.body)
            case _:
                return _failed(
                    HTTPStatus.BAD_REQUEST,
                    "invalid_event_type",
                    "X-Faas-Event-Type must be cloudevent or multi-cloudevent: VEFAAS_TAKES is events",
                )
    except InvalidEvent as invalid:
        _log_unread(incoming, str(invalid))
        return _failed(HTTPStatus.BAD_REQUEST, "invalid_cloud_event", str(invalid))
    queued = [message for message in messages if message.kind != cloud_events.TIMER]
    try:
        if len(queued) < len(messages):
            _reconcile(incoming)
        unsettled = _unsettled(queued, incoming) if queued else []
    except FixDeployment as error:
        bootstrap.logger().error("deployment_wrong", error=str(error))
        reason = "the deployment is not right"
        _log_unsettled([(message, reason) for message in queued])
        return _failed(HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED, f"{reason}; see the log")
    except Exception:
        # Nobody else keeps a message that the platform gives up.
        _log_unsettled([(message, "the function has a defect") for message in queued])
        raise
    if unsettled:
        _log_unsettled(unsettled)
        reason = f"{len(unsettled)} of {len(queued)} not settled: {unsettled[0][1]}"
        return _failed(HTTPStatus.SERVICE_UNAVAILABLE, _FAILED, reason)
    return Outgoing(HTTPStatus.OK, b"{}", {"Content-Type": JSON})


def _reconcile(incoming: Incoming) -> None:
    """A tick that comes during a run adds nothing to it."""
    if _RECONCILES.acquire(blocking=False):
        try:
            bootstrap.reconciler().run(deadline(incoming))
        finally:
            _RECONCILES.release()


def _unsettled(queued: Sequence[SourceMessage], incoming: Incoming) -> list[tuple[SourceMessage, str]]:
    """With the reason why."""
    tuner = bootstrap.tuner()
    messages = read_each(queued, partial(_read, readings=tuner.readings))
    return [
        (message, "; ".join(f"{outcome.kind}: {outcome.reason}" for outcome in outcomes if not outcome.settled))
        for message, outcomes in zip(queued, tuner.process_each(messages, deadline(incoming)), strict=True)
        if not all(outcome.settled for outcome in outcomes)
    ]


def _read(message: SourceMessage, readings: Readings) -> list[Event]:
    record = record_of(id=message.id, topic=message.topic)
    events = signals.from_body(message.body, sent_us=message.sent_us, readings=readings, record=record)
    return [
        replace(event, sent_us=message.sent_us) if isinstance(event, Signal) and event.sent_us is None else event
        for event in events
    ]


def _log_unsettled(unsettled: Sequence[tuple[SourceMessage, str]]) -> None:
    """Each as a message of a queue, so that `tuner record` can rebuild the event."""
    log = bootstrap.logger()
    for message, reason in unsettled:
        sent = {} if message.sent_us is None else {"attributes": {"SentTimestamp": str(message.sent_us // 1000)}}
        log.error("message_not_settled", messageId=message.id, reason=reason, **sent, **_body(message.body))
    if unsettled:
        log.info("metrics", MessagesNotSettled=len(unsettled))


def _log_unread(incoming: Incoming, reason: str) -> None:
    log = bootstrap.logger()
    log.error("message_not_read", reason=reason, body_base64=base64.b64encode(incoming.body).decode())
    log.info("metrics", MessagesNotSettled=1)


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _failed(status: HTTPStatus, code: str, message: str) -> Outgoing:
    # A header holds no line breaks, and nothing beyond Latin-1.
    text = message[:_CHARACTERS_MOST].encode("ascii", "replace").decode()
    text = "".join(character if character.isprintable() else " " for character in text)
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Faas-Response-Error-Code": code,
        "X-Faas-Response-Error-Message": text,
    }
    return Outgoing(status, text.encode(), headers)

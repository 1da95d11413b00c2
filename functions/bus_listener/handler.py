"""An event of EventBridge or SNS, invoked asynchronously -> return, or raise.

After a raise Lambda tries again, and at last hands the event to the function's on-failure destination.
"""

from functools import partial
from typing import Any

from snapshot_tuner import bootstrap
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context, deadline, read_each
from snapshot_tuner.errors import EventNotSettled, WrongSource
from snapshot_tuner.events import signals

_TAKES = "notifications of SNS, or one event, of EventBridge or any CloudEvent"


def lambda_handler(event: object, context: Context) -> None:
    """Raises EventNotSettled for an event that was rejected or has to be tried again, FixDeployment before that."""
    events = _events_of(event)
    if events is None:
        raise WrongSource("bus_listener", _TAKES, sources.source_of(event))
    tuner = bootstrap.tuner()
    notifications = read_each(events, partial(signals.from_object, readings=tuner.readings))
    answers = tuner.process_each(notifications, deadline(context))
    unsettled = [
        f"{outcome.kind}: {outcome.reason}" for outcomes in answers for outcome in outcomes if not outcome.settled
    ]
    if unsettled:
        raise EventNotSettled("; ".join(unsettled))


def _events_of(event: object) -> list[Any] | None:
    """SNS sends a list of one notification; None for what this function cannot answer."""
    match event:
        case {"Records": [*records]} if records and all(map(_is_notification, records)):
            return [record["Sns"] for record in records]
        case _ if sources.is_batch(event) or sources.is_request(event):
            return None
        case _:
            return [event]


def _is_notification(record: object) -> bool:
    match record:
        case {"EventSource": "aws:sns", "Sns": dict()}:
            return True
        case _:
            return False


bootstrap.prepare()

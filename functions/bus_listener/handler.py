"""EventBridge event, invoked asynchronously -> return, or raise.

After a raise Lambda tries again, and at last hands the event to the function's on-failure destination.
"""

from functools import partial

from snapshot_tuner import bootstrap
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context, deadline, read_each
from snapshot_tuner.errors import EventNotSettled, WrongSource
from snapshot_tuner.events import signals


def lambda_handler(event: object, context: Context) -> None:
    """Raises EventNotSettled for an event that was rejected or has to be tried again, FixDeployment before that."""
    if sources.is_batch(event) or sources.is_request(event):
        raise WrongSource("bus_listener", "one event, of EventBridge or any CloudEvent", sources.source_of(event))
    tuner = bootstrap.tuner()
    events = read_each([event], partial(signals.from_object, readings=tuner.readings))
    (outcomes,) = tuner.process_each(events, deadline(context))
    unsettled = [f"{outcome.kind}: {outcome.reason}" for outcome in outcomes if not outcome.settled]
    if unsettled:
        raise EventNotSettled("; ".join(unsettled))


bootstrap.prepare()

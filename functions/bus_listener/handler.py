"""EventBridge event, invoked asynchronously -> return, or raise.

After a raise Lambda tries again, and at last hands the event to the function's on-failure destination.
"""

from collections.abc import Mapping
from typing import Any

from snapshot_tuner import bootstrap
from snapshot_tuner.aws.invocation import Context, deadline, read_each
from snapshot_tuner.errors import EventNotSettled
from snapshot_tuner.events import signals


def lambda_handler(event: Mapping[str, Any], context: Context) -> None:
    """Raises EventNotSettled for an event that was rejected or has to be tried again, FixDeployment before that."""
    tuner = bootstrap.tuner()
    (outcomes,) = tuner.process(read_each([event], signals.from_object), deadline(context))
    unsettled = [f"{outcome.kind}: {outcome.reason}" for outcome in outcomes if not outcome.settled]
    if unsettled:
        raise EventNotSettled("; ".join(unsettled))

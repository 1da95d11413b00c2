"""A schedule -> what has become due is called, a sample is read back; the counts are returned for the log."""

from collections.abc import Mapping

from snapshot_tuner import bootstrap
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context, deadline
from snapshot_tuner.errors import WrongSource


def lambda_handler(event: object, context: Context) -> dict[str, int]:
    """Raises FixDeployment only: WrongSource for whatever holds an event, which would be lost here."""
    if event != {} and not (isinstance(event, Mapping) and event.get("detail-type") == "Scheduled Event"):
        raise WrongSource("reconciler", "the events of a schedule, or {}", sources.source_of(event))
    return bootstrap.reconciler().run(deadline(context)).counts()


bootstrap.prepare()

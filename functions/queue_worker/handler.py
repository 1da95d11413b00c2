"""A batch of a queue or stream -> what has to come back, in the source's own words; the rest is done."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from queue_worker.batches import batch_of
from snapshot_tuner import bootstrap
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context, deadline, read_each
from snapshot_tuner.errors import EventNotSettled, WrongSource
from snapshot_tuner.model import Outcome

_TAKES = "batches of SQS, Kafka, Kinesis or Amazon MQ"
_REASONS_MOST = 5


def lambda_handler(event: object, context: Context) -> dict[str, Any]:
    """`{"batchItemFailures": [{"itemIdentifier": …}]}`: every record that has to come back.

    All of them, though of a stream the first one of a shard or partition would do: everything after it comes back too,
    and what was applied is then a duplicate.

    Raises FixDeployment before any record is touched: WrongSource for a source that would not read the answer. Raises
    EventNotSettled, and the whole batch comes back, where a record has no name to call it by, and for Amazon MQ, whose
    answer is not read.
    """
    batch = batch_of(event)
    if batch is None:
        raise WrongSource("queue_worker", _TAKES, sources.source_of(event))
    tuner = bootstrap.tuner()
    messages = read_each(batch.records, partial(batch.read, readings=tuner.readings))
    unsettled = [
        (record, outcomes)
        for record, outcomes in zip(batch.records, tuner.process_each(messages, deadline(context)), strict=True)
        if not all(outcome.settled for outcome in outcomes)
    ]
    names = [batch.identify(record) if batch.identify is not None else None for record, _ in unsettled]
    if None in names:
        raise EventNotSettled(_describe([outcomes for _, outcomes in unsettled], len(batch.records)))
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


def _describe(unsettled: Sequence[Sequence[Outcome]], records: int) -> str:
    reasons = [
        f"{outcome.kind}: {outcome.reason}" for outcomes in unsettled for outcome in outcomes if not outcome.settled
    ]
    more = f"; and {len(reasons) - _REASONS_MOST:,} more" if len(reasons) > _REASONS_MOST else ""
    return f"{len(unsettled):,} of {records:,} records must be retried: {'; '.join(reasons[:_REASONS_MOST])}{more}"


bootstrap.prepare()

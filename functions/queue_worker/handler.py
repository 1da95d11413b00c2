"""SQS batch -> partial batch response: what is not named in it is deleted from the queue."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from snapshot_tuner import bootstrap
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context, deadline, read_each
from snapshot_tuner.errors import WrongSource
from snapshot_tuner.events import signals


def lambda_handler(event: object, context: Context) -> dict[str, Any]:
    """`{"batchItemFailures": [{"itemIdentifier": messageId}]}`: the records that have to come back.

    Raises FixDeployment before any record is touched: WrongSource for records of anything but a queue, as their
    invoker would not read the answer.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or (records and not any(map(_is_of_a_queue, records))):
        raise WrongSource("queue_worker", "batches of SQS records", sources.source_of(event))
    tuner = bootstrap.tuner()
    messages = read_each(records, partial(signals.from_sqs_record, readings=tuner.readings))
    outcomes = tuner.process_each(messages, deadline(context))
    failed = [
        _message_id(record)
        for record, of_message in zip(records, outcomes, strict=True)
        if not all(outcome.settled for outcome in of_message)
    ]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_of_a_queue(record: object) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"


def _message_id(record: object) -> str:
    """Empty where there is none: Lambda then takes the whole batch as failed, and nothing is lost."""
    message_id = record.get("messageId") if isinstance(record, Mapping) else None
    return message_id if isinstance(message_id, str) else ""


bootstrap.prepare()

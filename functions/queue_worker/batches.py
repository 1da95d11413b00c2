"""Which source a batch is from, judged by its members alone; who reads its records, and what its source calls them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from snapshot_tuner.events import signals
from snapshot_tuner.events.queues import kafka, kinesis, message_broker
from snapshot_tuner.events.queues.message import Message, by_place
from snapshot_tuner.events.readings.reading import NO_READINGS, Event, Readings


class Batch(NamedTuple):
    """What a source hands over at once.

    `read` takes a record, and the policy's `readings`; it raises EventRejected. `identify` gives what the source's
    answer calls a record that has to come back, None where the record has no proper name; it is None itself for a
    source that reads no answer.
    """

    records: list[Any]
    read: Callable[..., list[Event]]
    identify: Callable[[Any], object] | None


def batch_of(event: object) -> Batch | None:
    """None for what is not a batch, or is from a source that this function cannot answer."""
    match event:
        case {"Records": list(records)} if not records or any(_source(record) == "aws:sqs" for record in records):
            return Batch(records, signals.from_sqs_record, _message_id)
        case {"Records": list(records)} if any(_source(record) == "aws:kinesis" for record in records):
            return _batch(records, kinesis.read, kinesis.identify)
        case {"eventSource": "aws:kafka" | "SelfManagedKafka", "records": dict(partitions)} if _holds_lists(partitions):
            return _batch(by_place(partitions), kafka.read, kafka.identify)
        case {"eventSource": "aws:mq", "messages": list(messages)}:
            return _batch(messages, message_broker.read_active_mq, None)
        case {"eventSource": "aws:rmq", "rmqMessagesByQueue": dict(queues)} if _holds_lists(queues):
            return _batch(by_place(queues), message_broker.read_rabbit_mq, None)
        case _:
            return None


def _batch(
    records: list[Any], open_record: Callable[[Any], Message], identify: Callable[[Any], object] | None
) -> Batch:
    def read(record: object, *, readings: Readings = NO_READINGS) -> list[Event]:
        return signals.from_message(open_record(record), readings=readings)

    return Batch(records, read, identify)


def _source(record: object) -> object:
    return record.get("eventSource") if isinstance(record, Mapping) else None


def _holds_lists(members: dict[str, object]) -> bool:
    return all(isinstance(member, list) for member in members.values())


def _message_id(record: object) -> str:
    """Empty if there is none: Lambda then takes the whole batch as failed, and nothing is lost."""
    message_id = record.get("messageId") if isinstance(record, Mapping) else None
    return message_id if isinstance(message_id, str) else ""

"""Messages as Lambda hands them to a function: SQS's own fields under other names."""

from collections.abc import Mapping, Sequence
from typing import Any

from devkit.local_runtime.aws_api import REGION

_ATTRIBUTE_FIELDS = {
    "StringValue": "stringValue",
    "BinaryValue": "binaryValue",
    "DataType": "dataType",
}


def sqs_event(messages: Sequence[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """The event of one batch."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: _message_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _message_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    named = {ours: value[theirs] for theirs, ours in _ATTRIBUTE_FIELDS.items() if theirs in value}
    return {**named, "stringListValues": [], "binaryListValues": []}

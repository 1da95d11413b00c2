"""What invoked a function, in words: for the error of a function that is connected to a source it cannot answer."""

from collections.abc import Mapping
from typing import Final

from snapshot_tuner.formats.strict_json import describe

_BATCHES: Final = frozenset({"Records", "records", "messages", "rmqMessagesByQueue"})
"""Lambda's event source mappings, and those who invoke with a list of records, use one of these."""

_MEMBERS_SHOWN: Final = 5


def source_of(event: object) -> str:
    """Such as "records of aws:s3", "an HTTP request" or "an object with 'awslogs'"."""
    if not isinstance(event, Mapping):
        return describe(event)
    if is_batch(event):
        return f"records of {_named_source(event) or 'an unnamed source'}"
    if is_request(event):
        return "an HTTP request"
    if "detail-type" in event:
        return f"an EventBridge event, {describe(event['detail-type'])}"
    members = ", ".join(describe(name) for name in list(event)[:_MEMBERS_SHOWN])
    return f"an object with {members}" if members else "an empty object"


def is_batch(event: object) -> bool:
    """Whether it is several records at once, of whatever source."""
    return isinstance(event, Mapping) and not _BATCHES.isdisjoint(event)


def is_request(event: object) -> bool:
    """Whether a front made it from an HTTP request, whichever front that is."""
    match event:
        # A custom authorizer is asked with the request, but answers differently.
        case {"methodArn": _} | {"routeArn": _}:
            return False
        case {"requestContext": {"http": {"method": str()}}} | {"httpMethod": str(), "path": str()}:
            return True
        case {"method": str(), "raw_path": str()} | {"method": str(), "path": str()}:  # VPC Lattice
            return True
        case _:
            return False


def _named_source(event: Mapping[str, object]) -> str | None:
    match event:
        case {"Records": [{"eventSource": str(source)}, *_] | [{"EventSource": str(source)}, *_]}:
            return source
        case {"eventSource": str(source)}:
            return source
        case {"deliveryStreamArn": _}:
            return "a Firehose stream"
        case _:
            return None

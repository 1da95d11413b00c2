"""What a batch's answer acknowledges, as Lambda reads it under ReportBatchItemFailures.

Source: AWS Lambda Developer Guide, "Implementing partial batch responses" for SQS, success and failure conditions.
"""

import json
from collections.abc import Collection

from devkit.local_runtime.sandbox import InvocationResult


def acknowledged(answer: InvocationResult, message_ids: Collection[str]) -> frozenset[str]:
    """The messages to delete. None where the whole batch counts as failed.

    A failed invocation fails the batch; so does an answer that is not such a list, and an item without an
    identifier, or with one that was not in the batch. No answer, or none of the list, is a success of all.
    """
    everything = frozenset(message_ids)
    if answer.failed:
        return frozenset()
    try:
        response = json.loads(answer.payload or b"null")
    except ValueError:
        return frozenset()
    match response:
        case None | {"batchItemFailures": None}:
            return everything
        case {"batchItemFailures": [*items]}:
            failed = {_identifier(item) for item in items}
            return everything - failed if failed <= everything else frozenset()
        case {"batchItemFailures": _}:
            return frozenset()
        case dict():
            return everything
        case _:
            return frozenset()


def _identifier(item: object) -> str:
    """Empty if there is none; no message has an empty one."""
    identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
    return identifier if isinstance(identifier, str) else ""

"""One instance of the queue function in a process of its own, fed like Lambda feeds it.

Reads one JSON line per batch, `[[message id, body], …]`, from standard input; answers each with one line,
the ids that come back. Says "ready" first, when the container is warm.
"""

import json
import sys
from typing import Any

from queue_worker.handler import lambda_handler


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return int(sys.argv[1])


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # the function's log goes elsewhere
    lambda_handler({"Records": []}, _Context())
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        records: list[dict[str, Any]] = [
            {"messageId": message_id, "body": body, "eventSource": "aws:sqs", "attributes": {}}
            for message_id, body in json.loads(line)
        ]
        failures = lambda_handler({"Records": records}, _Context())["batchItemFailures"]
        print(json.dumps([failure["itemIdentifier"] for failure in failures]), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""One instance of the queue function in a process of its own, fed like Lambda feeds it.

Reads one JSON line per batch from standard input, `{"batch": [[message id, body], …], "kill_after": seconds}`,
and answers each with one line, the ids that come back. Says "ready" first, when everything is imported.
Where `kill_after` is a number, the batch gets a process of its own, which is killed after that time; the
answer is `null` where that came before its end.
"""

import json
import os
import select
import signal
import sys
from typing import Any

from queue_worker.handler import lambda_handler


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return int(sys.argv[1])


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # the function's log goes elsewhere
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        kill_after = job["kill_after"]
        came_back = _handle(job["batch"]) if kill_after is None else _handle_and_die(job["batch"], kill_after)
        print(json.dumps(came_back), file=answers, flush=True)


def _handle(batch: list[list[str]]) -> list[str]:
    records: list[dict[str, Any]] = [
        {"messageId": message_id, "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for message_id, body in batch
    ]
    failures = lambda_handler({"Records": records}, _Context())["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def _handle_and_die(batch: list[list[str]], kill_after: float) -> list[str] | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(_handle(batch)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        if not select.select([answer], [], [], kill_after)[0]:
            os.kill(child, signal.SIGKILL)
        text = answer.read()
    os.waitpid(child, 0)
    came_back: list[str] | None = json.loads(text) if text.endswith("]") else None
    return came_back


if __name__ == "__main__":
    main()

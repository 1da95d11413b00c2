"""Instances of the queue function, each in a process of its own, fed like Lambda feeds it.

This process imports the function, once for all of them, and says at which port it listens: each connection gets an
instance. LEASE_SECONDS, LATE_CALL_SECONDS and CALL_SECONDS may be other ones than in production.
An instance reads its environment, a line of JSON, and answers with its process id. Then it reads one line per batch,
`{"batch": [[message id, body], …], "kill": …}`, and answers each with one line, the ids that come back.
Where `kill` is not null, `{"seconds": 0.1, "after_first_call": false}`, the batch gets a process of its own, which is
killed then; the answer is `null` where that came before its end.
"""

import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from socketserver import ForkingTCPServer, StreamRequestHandler
from typing import Any

from snapshot_tuner.ledger import timing
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc import calls
from snapshot_tuner.rtc.calls import Call
from tests.fleet.fleet import POLICY

for _module, _name in ((timing, "LEASE_SECONDS"), (timing, "LATE_CALL_SECONDS"), (calls, "CALL_SECONDS")):
    setattr(_module, _name, float(os.environ.get(_name, getattr(_module, _name))))
lambda_handler = importlib.import_module("queue_worker.handler").lambda_handler  # all that it imports copies those


class _WorkerContext:
    def get_remaining_time_in_millis(self) -> int:
        return int(sys.argv[1])


class _Instance(StreamRequestHandler):
    def handle(self) -> None:
        os.environ |= json.loads(self.rfile.readline())
        with Path(os.environ["WORKER_LOG"]).open("a", encoding="utf-8") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        self._answer(os.getpid())
        for line in self.rfile:
            job = json.loads(line)
            batch, kill = job["batch"], job["kill"]
            self._answer(_handle(batch) if kill is None else _handle_and_die(batch, **kill))

    def _answer(self, answer: object) -> None:
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def main() -> None:
    Policy.parse(POLICY, "policy.yaml")  # imports what reads policies, which takes longer than all else
    with ForkingTCPServer(("127.0.0.1", 0), _Instance) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


def _handle(batch: list[list[str]]) -> list[str]:
    records: list[dict[str, Any]] = [
        {"messageId": message_id, "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for message_id, body in batch
    ]
    failures = lambda_handler({"Records": records}, _WorkerContext())["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def _handle_and_die(batch: list[list[str]], seconds: float, *, after_first_call: bool) -> list[str] | None:
    answer_end, answers = os.pipe()
    call_end, calls = os.pipe()
    child = os.fork()
    if child == 0:
        _report_calls(calls)
        os.write(answers, json.dumps(_handle(batch)).encode())
        os._exit(0)
    os.close(answers)
    os.close(calls)
    with os.fdopen(answer_end) as answer, os.fdopen(call_end) as call:
        if after_first_call:
            select.select([answer, call], [], [])
        if not select.select([answer], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        text = answer.read()
    os.waitpid(child, 0)
    came_back: list[str] | None = json.loads(text) if text.endswith("]") else None
    return came_back


def _report_calls(pipe: int) -> None:
    """A byte for each call that is about to be sent."""
    check = Call.check

    def check_and_tell(call: Call, now: float) -> None:
        check(call, now)
        os.write(pipe, b".")

    Call.check = check_and_tell  # type: ignore[method-assign, assignment]  # in a process that is about to die


if __name__ == "__main__":
    main()

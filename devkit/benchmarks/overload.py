"""More tasks asked to change within a second than the rate limit allows in two minutes, and four instances."""

import threading
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from devkit.benchmarks import events
from devkit.benchmarks.builds import Build
from devkit.benchmarks.environment import environment
from devkit.benchmarks.workers import Worker, worker

_QUOTA_QPS = 150
_INSTANCES = 4
_BATCH = 100
_REMAINING_SECONDS = 20.0
"""What a function of the template has for a batch."""


@dataclass(frozen=True, slots=True)
class Overload:
    """`share` is of the rate limit, from the first call to the last; times are in seconds."""

    share: float
    seconds_99th_percentile: float
    most_calls_in_a_second: int
    calls: int


def measure(build: Build, *, tasks: int) -> Overload:
    """One event per task, all of them there at once; what comes back is delivered again, as a queue does."""
    waiting = deque(events.room_loads([f"overload-{number}" for number in range(tasks)]))
    with environment(latency_ms=30, max_qps=_QUOTA_QPS) as env, ExitStack() as instances:
        workers = [instances.enter_context(worker(build, env.variables)) for _ in range(_INSTANCES)]
        start = time.monotonic()
        threads = [threading.Thread(target=_deliver, args=(each, waiting)) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        calls, most = env.calls(), env.most_calls_in_a_second()
    # The stand-in's clock is this host's monotonic one.
    applied = sorted(call["applied"] - start for call in calls if call["applied"] is not None)
    if len({call["task"]["RoomId"] for call in calls}) != tasks:
        raise RuntimeError("not every task was called")
    arrived = sorted(call["arrived"] for call in calls)
    share = (len(arrived) - 1) / (arrived[-1] - arrived[0]) / _QUOTA_QPS
    return Overload(share, applied[int(len(applied) * 0.99) - 1], most, len(calls))


def _deliver(instance: Worker, waiting: "deque[dict[str, Any]]") -> None:
    while batch := _take(waiting):
        measured = instance.handle(events.as_queue(batch), remaining_seconds=_REMAINING_SECONDS)
        returned = set(measured.returned)
        waiting.extend(event for event in batch if event["id"] in returned)


def _take(waiting: "deque[dict[str, Any]]") -> list[dict[str, Any]]:
    batch: list[dict[str, Any]] = []
    while len(batch) < _BATCH:
        try:
            batch.append(waiting.popleft())  # atomic: four threads take turns
        except IndexError:
            break
    return batch

"""Warm handlers and their batches: wall time, processor time, calls made, memory."""

import statistics
import time
from bisect import bisect
from collections import Counter
from dataclasses import dataclass

from devkit.benchmarks import events
from devkit.benchmarks.builds import Build, Builds
from devkit.benchmarks.environment import environment
from devkit.benchmarks.workers import BatchMeasurement, Worker, worker
from snapshot_tuner.ledger.timing import SLOT_SHARE

_QUOTA_QPS = 150


@dataclass(frozen=True, slots=True)
class Compared:
    """The same figure of ours and of peer (a)."""

    ours: float
    usual: float


@dataclass(frozen=True, slots=True)
class ManyEvents:
    """`most_per_task_and_batch` counts calls; `least_seconds` is what the rate limit alone takes for the calls.

    `seconds` is the handler's wall time, all batches together: what is between them makes no call possible earlier.
    """

    seconds: float
    calls: int
    most_per_task_and_batch: int
    least_seconds: float


def seconds_of_a_batch(builds: Builds, runs: int, *, tasks: int = 100, latency_ms: float = 30.0) -> Compared:
    """Wall time of a batch of one event per task, in turns; median, after one batch to warm up."""
    with (
        environment(latency_ms=latency_ms) as env,
        worker(builds.queue_worker, env.variables) as ours,
        worker(builds.usual, env.variables) as usual,
    ):
        pairs = [(_batch(ours, "ours", tasks), _batch(usual, "usual", tasks)) for _ in range(runs + 1)][1:]
    return Compared(*(statistics.median(each.seconds for each in side) for side in zip(*pairs, strict=True)))


def processor_seconds_per_event(builds: Builds, runs: int, *, tasks: int = 1000) -> Compared:
    """User and system time of the handler's process, one event for each task, in turns; median."""
    with (
        environment() as env,
        worker(builds.queue_worker, env.variables) as ours,
        worker(builds.usual, env.variables) as usual,
    ):
        pairs = [(_batch(ours, "ours", tasks), _batch(usual, "usual", tasks)) for _ in range(runs + 1)][1:]
    return Compared(
        *(statistics.median(each.processor_seconds / tasks for each in side) for side in zip(*pairs, strict=True))
    )


def many_events_for_few_tasks(build: Build, *, batches: int = 10, size: int = 1000, tasks: int = 200) -> ManyEvents:
    """At the provider's own rate limit."""
    rooms = [f"room-{number % tasks}" for number in range(size)]
    with environment(max_qps=_QUOTA_QPS) as env, worker(build, env.variables) as ours:
        seconds, ends = 0.0, []
        for _ in range(batches):
            measured = ours.handle(events.as_queue(events.room_loads(rooms)))
            _raise_if_any_came_back(measured)
            seconds += measured.seconds
            ends.append(time.monotonic())
        # The stand-in's clock is this host's monotonic one.
        made = Counter((call["task"]["RoomId"], bisect(ends, call["arrived"])) for call in env.calls())
    calls = made.total()
    return ManyEvents(seconds, calls, max(made.values()), calls / (_QUOTA_QPS * SLOT_SHARE))


def peak_mib_above_empty(builds: Builds, *, size: int = 10_000) -> float:
    """The most memory that a batch of distinct tasks took, over what the same batch takes an empty handler."""
    batch = events.as_queue(events.room_loads([f"memory-{number}" for number in range(size)]))
    with (
        environment() as env,
        worker(builds.queue_worker, env.variables) as ours,
        worker(builds.empty, env.variables) as empty,
    ):
        measured = ours.handle(batch)
        _raise_if_any_came_back(measured)
        return (measured.peak_kib - empty.handle(batch).peak_kib) / 1024


def _batch(handler: Worker, name: str, tasks: int) -> BatchMeasurement:
    rooms = [f"{name}-{number}" for number in range(tasks)]
    measured = handler.handle(events.as_queue(events.room_loads(rooms)))
    _raise_if_any_came_back(measured)
    return measured


def _raise_if_any_came_back(measured: BatchMeasurement) -> None:
    if measured.returned:
        raise RuntimeError(f"{len(measured.returned)} events were not settled; the figure would mean nothing")

"""The package for veFaaS beside Lambda's queue_worker, in turns, with the same Python: its start, and a batch."""

import json
import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit.benchmarks import cold_start, events
from devkit.benchmarks.builds import queue_worker
from devkit.benchmarks.cold_start import ColdStart
from devkit.benchmarks.environment import environment
from devkit.benchmarks.workers import worker
from devkit.build import interpreters
from devkit.build.vefaas import TARGET_PYTHON, vefaas_package
from devkit.vefaas.instance import Instance
from devkit.vefaas.triggers import KafkaMessage, packed, send_batch, send_message

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Starts:
    """From the start of the process to its first answer."""

    vefaas: ColdStart
    queue_worker: ColdStart


@dataclass(frozen=True, slots=True)
class BatchSeconds:
    """Wall time, median; that of veFaaS with HTTP on the loopback in it."""

    vefaas: float
    queue_worker: float


def starts(runs: int) -> Starts:
    """In turns, so that what else the machine does falls on both alike."""
    function, package = queue_worker(interpreters.find(TARGET_PYTHON)), vefaas_package().folder
    with environment() as env:
        pairs = [(_once(package, env.variables), cold_start.once(function, env.variables)) for _ in range(runs)]
    ours, beside = (cold_start.median(side) for side in zip(*pairs, strict=True))
    return Starts(ours, beside)


def seconds_of_a_batch(runs: int, *, tasks: int = 100, latency_ms: float = 30.0) -> BatchSeconds:
    """One event per task, in turns; after one batch to warm up."""
    function = queue_worker(interpreters.find(TARGET_PYTHON))
    with (
        environment(latency_ms=latency_ms) as env,
        _instance(vefaas_package().folder, env.variables) as instance,
        worker(function, env.variables) as beside,
    ):
        pairs = [
            (_batch(instance, tasks), beside.handle(events.as_queue(_room_loads("queue_worker", tasks))).seconds)
            for _ in range(runs + 1)
        ][1:]
    return BatchSeconds(*(statistics.median(side) for side in zip(*pairs, strict=True)))


def _instance(package: Path, variables: Mapping[str, str]) -> Instance:
    ours = {name: text for name, text in variables.items() if name != "POLICY_PATH"}  # the package's
    return Instance("events", ours, package=package, python=interpreters.find(TARGET_PYTHON).path)


def _once(package: Path, variables: Mapping[str, str]) -> ColdStart:
    (event,) = events.room_loads([f"first-{time.monotonic_ns()}"])
    began = time.monotonic()
    with _instance(package, variables) as instance:
        answer = send_message(instance.port, KafkaMessage(time.monotonic_ns(), json.dumps(event).encode()))
        seconds = time.monotonic() - began
        processor_seconds = _processor_seconds(instance.pid)
    if not answer.is_settled:
        raise RuntimeError("\n".join(instance.lines))
    return ColdStart(seconds, processor_seconds)


def _batch(instance: Instance, tasks: int) -> float:
    messages = [KafkaMessage(time.monotonic_ns(), json.dumps(event).encode()) for event in _room_loads("vefaas", tasks)]
    body = packed(messages)
    began = time.monotonic()
    answer = send_batch(instance.port, body)
    seconds = time.monotonic() - began
    if not answer.is_settled:
        raise RuntimeError(f"{answer.body!r}; the figure would mean nothing")
    return seconds


def _room_loads(name: str, tasks: int) -> list[dict[str, object]]:
    return events.room_loads([f"{name}-{number}" for number in range(tasks)])


def _processor_seconds(pid: int) -> float:
    # The command's name, in brackets, may hold spaces; utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

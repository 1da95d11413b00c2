"""`python -m devkit.simulation.due_pass`: what a run of the reconciler costs where few of many tasks are due.

Calls take no time of their own and slots are plenty, so that what is measured is the ledger.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from devkit.silent_log import SilentLog
from devkit.valkey import valkey_server
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import CallResult, Limits, Slot
from snapshot_tuner.model import Adjustment, Order, Signal, TaskRef
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.instrumentation import BatchMetrics
from snapshot_tuner.tuning.reconciler import FullLedger, Reconciler, RunFigures

LIMITS = Limits(Order.TIME, 100_000.0, 86_400, 1_209_600, 300)
PORTION = 500


class InstantWire:
    """Calls that end at once, readings that never differ."""

    parallelism = 64

    def __init__(self) -> None:
        self.called: set[TaskRef] = set()
        self._ended: list[Finished] = []

    def start(self, call: Call) -> None:
        self.called.add(call.task)
        self._ended.append(Finished(call, None))

    def finished(self, until: float) -> list[Finished]:
        if not self._ended:
            time.sleep(max(0.0, until - time.monotonic()))
        ended, self._ended = self._ended, []
        return ended

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:  # noqa: ARG002 - `Reads`
        return TaskReading(TaskStatus.RUNNING, None)


class CountingLedger:
    """A ledger, and how often each of its operations was asked for: each is one round trip, one transaction."""

    def __init__(self, ledger: SqliteLedger | RedisLedger) -> None:
        self._ledger = ledger
        self.operations: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the ledger has
        operation = getattr(self._ledger, name)

        def counted(*arguments: object) -> object:
            self.operations[name] += 1
            return operation(*arguments)

        return counted


def fill(ledger: SqliteLedger | RedisLedger, tasks: Sequence[TaskRef], due: int) -> None:
    """Every task at rest at its base; the first ones with an adjustment that has ended."""
    clock = SystemClock()
    at_rest = [_event(task, clock.wall_us(), None) for task in tasks]
    for batch in _portions(at_rest):
        _apply(ledger, batch)
    ending = [_event(task, clock.wall_us(), 3) for task in tasks[:due]]
    for batch in _portions(ending):
        _apply(ledger, batch)
    end = ending[-1].signal.time_us + 3_000_000 if ending else 0
    while clock.wall_us() < end:
        time.sleep(0.05)


def _apply(ledger: SqliteLedger | RedisLedger, batch: Sequence[Adjustment]) -> None:
    ledger.admit(batch)
    tokens = [(each.task, uuid4().hex) for each in batch]
    ledger.begin(tokens)
    ledger.settle([(task, token, CallResult.APPLIED) for task, token in tokens])


def _event(task: TaskRef, time_us: int, lasts: int | None) -> Adjustment:
    signal = Signal(uuid4().hex, "bench", "t", time_us, None)
    order_key = signal.order_key(Order.TIME) or b""
    return Adjustment(task, 5 if lasts is None else 1, None, signal, order_key, str(lasts), "", for_seconds=lasts)


def _portions(all_of_them: Sequence[Adjustment]) -> Iterator[Sequence[Adjustment]]:
    return (all_of_them[at : at + PORTION] for at in range(0, len(all_of_them), PORTION))


def measure(ledger: SqliteLedger | RedisLedger, tasks: int, due: int) -> str:
    refs = [TaskRef("app", f"room-{number:06}", "task") for number in range(tasks)]
    fill(ledger, refs, due)
    counted, wire = CountingLedger(ledger), InstantWire()
    began = time.monotonic()
    for _ in range(100):
        ledger.claim_due(0)
    empty = (time.monotonic() - began) * 10
    reconciler = Reconciler(
        ledger=cast("FullLedger", counted), calls=wire, reads=wire, clock=SystemClock(), log=SilentLog()
    )
    began = time.monotonic()
    figures = RunFigures()
    reconciler._call_due(began + 50, figures, BatchMetrics(SystemClock()))  # noqa: SLF001 - without the sample
    took = (time.monotonic() - began) * 1000
    only_due = wire.called == set(refs[:due])
    return (
        f"{tasks:,} tasks, {due} due: {figures.asserted} called in {took:.0f} ms, only those due: {only_due}; "
        f"{dict(counted.operations)}; an empty look at the index {empty:.2f} ms"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devkit.simulation.due_pass", description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=100)
    arguments = parser.parse_args()
    clock = SystemClock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="due-")))
        sqlite = SqliteLedger(folder / "db", "due", LIMITS, clock)
        stack.callback(sqlite.close)
        print("sqlite:", measure(sqlite, arguments.tasks, arguments.due), flush=True)
        url = stack.enter_context(valkey_server()).connection_url
        redis = RedisLedger(url, "due", LIMITS, clock, SilentLog())
        stack.callback(redis.close)
        print("valkey:", measure(redis, arguments.tasks, arguments.due))
    return 0


if __name__ == "__main__":
    sys.exit(main())

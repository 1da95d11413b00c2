"""What is measured without a build: a policy's decisions, and duplicates through the ledger's `admit`."""

import statistics
import time
from collections.abc import Sequence
from decimal import Decimal

from devkit.silent_log import SilentLog
from devkit.valkey import valkey_server
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.types import Admission, CallResult, Limits
from snapshot_tuner.model import Adjustment, Json, Order, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy

_DUPLICATES = 1000
_ROUNDS = 30


def microseconds_per_decision(rules: Sequence[int], *, decisions: int = 2000) -> list[float]:
    """For policies with this many rules for one type, the last of which matches. The best of five rounds each."""
    return [_microseconds(Policy.parse(_policy(count), "benchmark"), count, decisions) for count in rules]


def duplicates_per_second() -> float:
    """Adjustments that were applied before, in batches of 1,000 from one client; median over the batches."""
    limits = Limits(
        order=Order.TIME, slots_per_second=145.0, idempotency_ttl=86_400, task_ttl=1_209_600, max_clock_skew=300
    )
    now_us = time.time_ns() // 1000
    batch = [_adjustment(number, now_us) for number in range(_DUPLICATES)]
    with valkey_server() as server:
        ledger = RedisLedger(f"redis://127.0.0.1:{server.port}/0", "benchmark", limits, SystemClock(), SilentLog())
        try:
            ledger.admit(batch)
            ledger.begin([(adjustment.task, adjustment.signal.id) for adjustment in batch])
            ledger.settle([(adjustment.task, adjustment.signal.id, CallResult.APPLIED) for adjustment in batch])
            seconds = []
            for _ in range(_ROUNDS):
                start = time.perf_counter()
                answers = ledger.admit(batch)
                seconds.append(time.perf_counter() - start)
        finally:
            ledger.close()
    if {answer.answer for answer in answers} != {Admission.DUPLICATE}:
        raise RuntimeError("these were no duplicates")
    return _DUPLICATES / statistics.median(seconds)


def _policy(rules: int) -> str:
    one = (
        "  - name: rule-{0}\n    match: {{type: [load], data: {{load: [{{numeric: ['>=', {1}]}}]}}}}\n    interval: 5\n"
    )
    return "version: 1\nrules:\n" + "".join(one.format(number, rules - number) for number in range(rules))


def _microseconds(policy: Policy, rules: int, decisions: int) -> float:
    signal = _signal(0, time.time_ns() // 1000, Decimal("1.5"))
    if policy.decide(signal).rule != f"rule-{rules - 1}":
        raise RuntimeError("the last rule should match")
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(decisions):
            policy.decide(signal)
        rounds.append((time.perf_counter() - start) / decisions)
    return min(rounds) * 1e6


def _signal(number: int, time_us: int, load: Decimal) -> Signal:
    data: dict[str, Json] = {"AppId": "app-1", "RoomId": f"room-{number}", "TaskId": "task-1", "load": load}
    return Signal(id=f"load-{number}", source="/monitor/rtc", type="load", time_us=time_us, data=data)


def _adjustment(number: int, time_us: int) -> Adjustment:
    signal = _signal(number, time_us, Decimal("0.9"))
    order_key = signal.order_key(Order.TIME) or b""
    return Adjustment(TaskRef("app-1", f"room-{number}", "task-1"), 5, None, signal, order_key, "rule", "fixed 5 s")

"""What one batch did, counted from what the ledger and the calls said."""

from collections.abc import Sequence
from math import inf

import pytest

from devkit.silent_log import SilentLog
from snapshot_tuner.errors import (
    ApiError,
    CallAbandoned,
    CallFailed,
    CallRefused,
    CredentialsRefused,
    LedgerUnavailable,
    LocalCode,
    TaskNotFound,
    Throttled,
)
from snapshot_tuner.ledger.types import Admitted, Begun, CallResult, Intent, Settlement, Slot
from snapshot_tuner.model import Adjustment, Outcome, OutcomeKind, Signal, TaskRef
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric
from snapshot_tuner.tuning.instrumentation import BatchMetrics, InstrumentedCalls, InstrumentedLedger

TASK = TaskRef("app", "room", "task")
EVENT_US = 1_000_000_000
SIGNAL = Signal(id="e", source="/s", type="t", time_us=EVENT_US, data=None)
ADJUSTMENT = Adjustment(TASK, 5, None, SIGNAL, b"key", "rule", "reason")
CALL = Call(TASK, "token", Intent("key", 5, None, "rule", "e", "/s", "k"), Slot(0, 1), 15, 7)


class FakeClock:
    now_us = EVENT_US

    def wall_us(self) -> int:
        return self.now_us

    def monotonic(self) -> float:
        return self.now_us / 1e6


class FakeCalls:
    """Hands out what ended."""

    parallelism = 3

    def __init__(self, *errors: ApiError | CallAbandoned | None) -> None:
        self._ended = [Finished(CALL, error) for error in errors]
        self.started: list[Call] = []

    def start(self, call: Call) -> None:
        self.started.append(call)

    def finished(self, until: float) -> list[Finished]:
        assert until == 7.0
        return self._ended


class FakeLedger:
    """Settles everything, or is not there."""

    round_trip = 0.05

    def __init__(self, *, is_there: bool = True) -> None:
        self._is_there = is_there

    def _answer(self) -> None:
        if not self._is_there:
            raise LedgerUnavailable("silent")

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:  # noqa: ARG002 - `Ledger`
        self._answer()
        return []

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:  # noqa: ARG002 - as the ledger
        self._answer()
        return [Slot(within, within)] * count

    def begin(self, _starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        self._answer()
        return []

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        self._answer()
        return [Settlement(kept=True, in_doubt=False)] * len(ends)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (None, {Metric.CALLS_SENT: 1}),
        (CallAbandoned("late"), {}),
        (TaskNotFound("InvalidParameter.ErrorActiveTaskNotFound", ""), {Metric.CALLS_SENT: 1, Metric.TASKS_MISSED: 1}),
        (CallRefused("InvalidParameter", ""), {Metric.CALLS_SENT: 1, Metric.CALLS_REFUSED: 1}),
        (Throttled("FlowLimitExceeded", ""), {Metric.CALLS_SENT: 1, Metric.CALLS_THROTTLED: 1}),
        (CredentialsRefused("AccessDenied", ""), {Metric.CALLS_SENT: 1, Metric.CREDENTIALS_REFUSED: 1}),
        (CredentialsRefused(LocalCode.CREDENTIALS_UNAVAILABLE, ""), {Metric.CREDENTIALS_REFUSED: 1}),
        (CallFailed(LocalCode.CONNECT_TIMEOUT, ""), {}),
        (CallFailed(LocalCode.CONNECT_FAILED, ""), {}),
        (CallFailed(LocalCode.TIMEOUT, "", outcome_unknown=True), {Metric.CALLS_SENT: 1}),
        (CallFailed("InternalError", ""), {Metric.CALLS_SENT: 1}),
    ],
)
def test_a_call_that_ended_is_counted_by_what_came_of_it(
    error: ApiError | CallAbandoned | None, counts: dict[Metric, int]
) -> None:
    """Sent is what reached the wire; what never left counts for nothing against the quota."""
    metrics = BatchMetrics(FakeClock())
    calls = FakeCalls(error)
    assert InstrumentedCalls(calls, metrics).finished(7.0) == calls.finished(7.0)
    assert metrics.figures() == BatchFigures(counts)


def test_watching_calls_changes_nothing_else() -> None:
    """Parallelism and starts go through."""
    calls = FakeCalls()
    watched = InstrumentedCalls(calls, BatchMetrics(FakeClock()))
    watched.start(CALL)
    assert (watched.parallelism, calls.started) == (3, [CALL])


def test_every_step_that_the_ledger_fails_is_counted_and_still_raises() -> None:
    """Admit, reserve, begin and settle."""
    metrics = BatchMetrics(FakeClock())
    ledger = InstrumentedLedger(FakeLedger(is_there=False), metrics, SilentLog())
    with pytest.raises(LedgerUnavailable, match=r"^silent$"):
        ledger.admit([])
    with pytest.raises(LedgerUnavailable):
        ledger.reserve(1, 1.0)
    with pytest.raises(LedgerUnavailable):
        ledger.begin([])
    with pytest.raises(LedgerUnavailable):
        ledger.settle([(TASK, "token", CallResult.APPLIED)])
    assert metrics.figures() == BatchFigures({Metric.LEDGER_STEPS_FAILED: 4})


def test_watching_the_ledger_changes_nothing_else() -> None:
    """Its answers go through, and of steps that succeed only the way there and back is told."""
    metrics = BatchMetrics(FakeClock())
    ledger = InstrumentedLedger(FakeLedger(), metrics, SilentLog())
    assert (ledger.admit([]), ledger.reserve(2, 1.5), ledger.begin([])) == ([], [Slot(1.5, 1.5)] * 2, [])
    assert ledger.settle([(TASK, "t", CallResult.FAILED)]) == [Settlement(kept=True, in_doubt=False)]
    assert metrics.figures() == BatchFigures({}, ledger_round_trip_ms=50.0)


def test_the_time_to_applied_ends_when_the_call_is_settled() -> None:
    """Not when the batch ends: a task's call may be over long before its neighbours'."""
    clock = FakeClock()
    metrics = BatchMetrics(clock)
    clock.now_us = EVENT_US + 250_000
    InstrumentedLedger(FakeLedger(), metrics, SilentLog()).settle([(TASK, "token", CallResult.APPLIED)])
    clock.now_us = EVENT_US + 9_000_000
    metrics.applied(ADJUSTMENT)
    assert metrics.figures().event_to_applied_ms == (250,)


def test_a_call_of_another_worker_ends_it_at_the_latest_now() -> None:
    """That it was applied is known, when it was is not; a failed call of ours ends nothing."""
    clock = FakeClock()
    metrics = BatchMetrics(clock)
    InstrumentedLedger(FakeLedger(), metrics, SilentLog()).settle([(TASK, "token", CallResult.FAILED)])
    clock.now_us = EVENT_US + 3_000_000
    metrics.applied(ADJUSTMENT)
    assert metrics.figures().event_to_applied_ms == (3000,)


def test_an_event_from_the_future_took_no_time() -> None:
    """Its sender's clock is ahead of ours."""
    clock = FakeClock()
    clock.now_us = EVENT_US - 1
    metrics = BatchMetrics(clock)
    metrics.applied(ADJUSTMENT)
    assert metrics.figures().event_to_applied_ms == (0,)


def test_each_outcome_has_a_count_of_its_own() -> None:
    """Twice each, by the names that the dashboard shows."""
    metrics = BatchMetrics(FakeClock())
    for kind in [*OutcomeKind, *OutcomeKind]:
        metrics.outcome(Outcome(kind, ""))
    assert metrics.figures().counts == {
        "EventsApplied": 2,
        "EventsDuplicated": 2,
        "EventsSuperseded": 2,
        "EventsUnmatched": 2,
        "EventsHeld": 2,
        "EventsDeferred": 2,
        "EventsRejected": 2,
        "EventsRetried": 2,
    }

"""The figures of one batch, counted while it goes by: the ledger and the calls are watched, not asked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from types import MappingProxyType
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import (
    ApiError,
    CallAbandoned,
    CallRefused,
    CredentialsRefused,
    LedgerUnavailable,
    LocalCode,
    TaskNotFound,
    Throttled,
)
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Admission, Admitted, Begun, CallResult, SetAside, Settlement, Slot
from snapshot_tuner.model import Adjustment, Outcome, OutcomeKind, TaskRef
from snapshot_tuner.rtc.calls import Call, Calls, Finished
from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder

_OF_KIND = {
    OutcomeKind.APPLIED: Metric.EVENTS_APPLIED,
    OutcomeKind.DUPLICATE: Metric.EVENTS_DUPLICATED,
    OutcomeKind.SUPERSEDED: Metric.EVENTS_SUPERSEDED,
    OutcomeKind.UNMATCHED: Metric.EVENTS_UNMATCHED,
    OutcomeKind.HELD: Metric.EVENTS_HELD,
    OutcomeKind.DEFERRED: Metric.EVENTS_DEFERRED,
    OutcomeKind.REJECTED: Metric.EVENTS_REJECTED,
    OutcomeKind.RETRY: Metric.EVENTS_RETRIED,
}

_NOT_SENT = frozenset({LocalCode.CREDENTIALS_UNAVAILABLE, LocalCode.CONNECT_TIMEOUT, LocalCode.CONNECT_FAILED})


class BatchMetrics:
    """Counts one batch; used by one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[Metric] = Counter()
        self._settled_us: dict[TaskRef, int] = {}
        self._event_to_applied_ms: list[int] = []
        self._round_trip = 0.0

    def figures(self) -> BatchFigures:
        round_trip_ms = round(self._round_trip * 1e3, 3) or None
        return BatchFigures(dict(self._counts), tuple(self._event_to_applied_ms), ledger_round_trip_ms=round_trip_ms)

    def outcome(self, outcome: Outcome) -> None:
        self._counts[_OF_KIND[outcome.kind]] += 1

    def left_out(self, count: int) -> None:
        """A sender left this many alerts out of what it sent."""
        if count:
            self._counts[Metric.ALERTS_LEFT_OUT] += count

    def applied(self, adjustment: Adjustment) -> None:
        """The event's interval is in force: since its call was settled, or at the latest since now."""
        settled_us = self._settled_us.get(adjustment.task) or self._clock.wall_us()
        # A sender's clock may be ahead of ours.
        self._event_to_applied_ms.append(max(0, settled_us - adjustment.signal.time_us) // 1000)

    def ledger_failed(self) -> None:
        self._counts[Metric.LEDGER_STEPS_FAILED] += 1

    def admitted(self, answers: Sequence[Admitted]) -> None:
        if clock_off := sum(each.answer is Admission.CLOCK_OFF for each in answers):
            self._counts[Metric.LEDGER_CLOCK_OFF] += clock_off

    def answered(self, round_trip: float) -> None:
        """How far away the ledger is, in seconds."""
        self._round_trip = round_trip

    def settled(self, task: TaskRef) -> None:
        """A call for the task was confirmed, and the ledger knows."""
        self._settled_us[task] = self._clock.wall_us()

    def call_ended(self, error: ApiError | CallAbandoned | None) -> None:
        if isinstance(error, CallAbandoned):
            return
        if error is None or error.code not in _NOT_SENT:
            self._counts[Metric.CALLS_SENT] += 1
        match error:
            case TaskNotFound():
                self._counts[Metric.TASKS_MISSED] += 1
            case CallRefused():
                self._counts[Metric.CALLS_REFUSED] += 1
            case Throttled():
                self._counts[Metric.CALLS_THROTTLED] += 1
            case CredentialsRefused():
                self._counts[Metric.CREDENTIALS_REFUSED] += 1
            case _:
                pass


class InstrumentedLedger:
    """The same ledger; its failures are logged, and counted as its settled calls are."""

    def __init__(self, ledger: Ledger, metrics: BatchMetrics, log: Log) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._log = log

    @property
    def round_trip(self) -> float:
        return self._ledger.round_trip

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        with self._failures_counted():
            answers = self._ledger.admit(adjustments, within=within)
        self._metrics.admitted(answers)
        return answers

    def reserve(self, count: int, within: float, *, after: float = 0.0) -> list[Slot]:
        with self._failures_counted():
            return self._ledger.reserve(count, within, after=after)

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        with self._failures_counted():
            return self._ledger.begin(starts)

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        with self._failures_counted():
            settlements = self._ledger.settle(ends)
        for task, _, result in ends:
            if result is CallResult.APPLIED:
                self._metrics.settled(task)
        return settlements

    @contextmanager
    def _failures_counted(self) -> Iterator[None]:
        try:
            yield
            self._metrics.answered(self._ledger.round_trip)
        except LedgerUnavailable as error:
            self._metrics.ledger_failed()
            self._log.warning("ledger_unavailable", error=str(error))
            raise


class InstrumentedCalls:
    """The same calls; those that end are counted. One that ends late is the next batch's.

    `traces` are the `traceparent`s of the batch's events, by id and source: each call carries that of its event.
    """

    def __init__(
        self, calls: Calls, metrics: BatchMetrics, traces: Mapping[tuple[str, str], str] = MappingProxyType({})
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self._traces = traces

    @property
    def parallelism(self) -> int:
        return self._calls.parallelism

    def start(self, call: Call) -> None:
        found = self._traces.get((call.intent.event_id, call.intent.event_source)) if self._traces else None
        self._calls.start(call._replace(traceparent=found) if found else call)

    def finished(self, until: float) -> list[Finished]:
        ended = self._calls.finished(until)
        for end in ended:
            self._metrics.call_ended(end.error)
        return ended


def report_set_aside(log: Log, recorder: Recorder, found: Sequence[SetAside]) -> None:
    """Of whatever step, an event's, the reconciler's or a question's: it happens once to a record."""
    for record in found:
        log.warning("record_set_aside", record=record.name, why=record.why)
    recorder.record(BatchFigures({Metric.RECORDS_SET_ASIDE: len(found)}))


class LedgerLog:
    """What a ledger warns of; what needs attention is counted, too."""

    def __init__(self, log: Log, recorder: Recorder) -> None:
        self._log = log
        self._recorder = recorder

    def warning(self, msg: str, **keys: Any) -> None:  # noqa: ANN401 - any JSON value
        self._log.warning(msg, **keys)
        if msg == "ledger_may_have_forgotten":
            self._recorder.record(BatchFigures({Metric.LEDGER_MAY_HAVE_FORGOTTEN: 1}))

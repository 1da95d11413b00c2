"""A batch of events in, each one's outcome out: decide, admit, coalesce, dispatch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

from snapshot_tuner import model
from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import EventRejected, LedgerUnavailable
from snapshot_tuner.events.arrival import Arrivals
from snapshot_tuner.events.attributes import RTC_PREFIX
from snapshot_tuner.events.readings.reading import ElementRejected, Event, Readings
from snapshot_tuner.events.trace_context import trace_id, traceparent
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.model import BoundsChanged, Cause, NoEvent, Outcome, OutcomeKind, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.calls import Calls
from snapshot_tuner.telemetry import event_fields
from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import Recorder
from snapshot_tuner.tuning.batch import Batch
from snapshot_tuner.tuning.dispatch import dispatch
from snapshot_tuner.tuning.instrumentation import BatchMetrics, InstrumentedCalls, InstrumentedLedger
from snapshot_tuner.tuning.task_results import TaskResult
from snapshot_tuner.tuning.waits import run

Work: TypeAlias = Event | BoundsChanged
"""What one outcome, or one for each task, comes of."""

OnOutcomes = Callable[[int, Sequence[Outcome]], None]
"""Receives the number of an event in its batch, and its outcomes."""


def _report_to_nobody(_: int, __: Sequence[Outcome]) -> None:
    """For callers that wait for the whole batch."""


ANSWER_SECONDS = 0.5
"""What is left of the time for settling the last calls and answering."""

LOG_NAMES = {
    OutcomeKind.APPLIED: "adjustment_applied",
    OutcomeKind.DUPLICATE: "event_duplicate",
    OutcomeKind.SUPERSEDED: "event_superseded",
    OutcomeKind.UNMATCHED: "event_unmatched",
    OutcomeKind.HELD: "event_held",
    OutcomeKind.DEFERRED: "event_deferred",
    OutcomeKind.REJECTED: "event_rejected",
    OutcomeKind.RETRY: "event_to_retry",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say of every batch; `idempotency_ttl` is how long the ledger remembers an event, in seconds."""

    idempotency_ttl: int = 86_400
    dry_run: bool = False
    log_event_data: bool = False
    log_callback_data: bool = False


DEFAULTS = Options()


class Tuner:
    """Built once per container; keeps nothing between batches."""

    def __init__(
        self,
        *,
        policy: Policy,
        ledger: Ledger,
        calls: Calls,
        clock: Clock,
        log: Log,
        recorder: Recorder | None = None,
        options: Options = DEFAULTS,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._log = log
        self._recorder = recorder
        self._options = options

    @property
    def readings(self) -> Readings:
        """How bodies that are not a known envelope are read."""
        return self._policy.readings

    def process(
        self,
        events: Sequence[Work],
        deadline: float,
        *,
        on_outcomes: OnOutcomes = _report_to_nobody,
        contexts: Sequence[Context] = (),
    ) -> list[list[Outcome]]:
        """One list of outcomes per event, one outcome per task, before `deadline` (local monotonic clock).

        An event whose envelope could not be read is given as its EventRejected, a body without one as NoEvent. Raises
        FixDeployment only.
        The batch's figures are recorded in either case. `on_outcomes` gets an event's outcomes as soon as all of them
        are there; `contexts`, one for each event or none, are those in which its log lines are written.
        """
        metrics = BatchMetrics(self._clock)
        try:
            return self._process(events, deadline, metrics, on_outcomes, contexts)
        finally:
            if self._recorder is not None:
                self._recorder.record(metrics.figures())

    def process_each(self, messages: Sequence[Sequence[Event]], deadline: float) -> list[list[Outcome]]:
        """Like `process`, of messages that hold several events each: one list of outcomes per message."""
        return by_message(messages, self.process([event for message in messages for event in message], deadline))

    def _process(
        self,
        events: Sequence[Work],
        deadline: float,
        metrics: BatchMetrics,
        on_outcomes: OnOutcomes,
        contexts: Sequence[Context],
    ) -> list[list[Outcome]]:
        received_us = self._clock.wall_us()
        # The year 9999 is as far as the text goes, and the store's clock would have to be there too.
        received = rfc3339.from_microseconds(received_us) or ""
        arrivals = Arrivals(received_us, self._options.idempotency_ttl)
        batch = Batch()
        for event in events:
            match event:
                case Signal(type=model.CHECK_TYPE) | Signal(source=model.CHECK_SOURCE):
                    reason = "a check: nothing is admitted or called"
                    batch.answers.append([Outcome(OutcomeKind.HELD, reason, event.id, event.source)])
                case Signal():
                    batch.add(event, self._policy.decide(event, arrivals.sent_us(event), received_us))
                case EventRejected():
                    batch.reject(event)
                case BoundsChanged(task=task):
                    batch.call(task)
                case NoEvent(reason=reason, left_out=left_out):
                    batch.answers.append([Outcome(OutcomeKind.UNMATCHED, reason)])
                    metrics.left_out(left_out)
        reports = _Reports(partial(self._report, received), events, contexts)
        self._adjust(batch, deadline - ANSWER_SECONDS, metrics, reports, on_outcomes)
        for event, answer in zip(events, batch.answers, strict=True):
            for outcome in answer if not isinstance(event, BoundsChanged) else ():
                metrics.outcome(outcome)
        reports.finish(batch.answers)
        return batch.answers

    def _adjust(
        self, batch: Batch, deadline: float, metrics: BatchMetrics, reports: "_Reports", on_outcomes: OnOutcomes
    ) -> None:
        """One call at most per task."""
        if self._options.dry_run:
            batch.conclude_all(OutcomeKind.HELD, "dry run")
            return
        ledger = InstrumentedLedger(self._ledger, metrics, self._log)
        signals = (adjustment.signal for adjustment in batch.adjustments)
        traces = {(signal.id, signal.source): found for signal in signals if (found := traceparent(signal))}
        calls = InstrumentedCalls(self._calls, metrics, traces)
        try:
            admitted = ledger.admit(batch.adjustments, within=deadline + ANSWER_SECONDS / 2 - self._clock.monotonic())
        except LedgerUnavailable as error:
            batch.conclude_all(OutcomeKind.RETRY, error.for_senders, Cause.UNAVAILABLE)
            return
        tasks = batch.admit(admitted)
        for number, outcomes in batch.settled():
            on_outcomes(number, outcomes)

        def conclude(task: TaskRef, result: TaskResult) -> None:
            for number, concluded in batch.conclude_task(task, result):
                on_outcomes(number, concluded)

        steps = dispatch(
            tasks,
            parallelism=calls.parallelism,
            clock=self._clock,
            deadline=deadline,
            meanwhile=reports.write(batch.settled()),
            on_result=conclude,
            round_trip=lambda: ledger.round_trip,
            urgent=batch.urgent,
        )
        for adjustment, outcome in zip(batch.adjustments, batch.conclude(run(steps, ledger, calls)), strict=True):
            if outcome.kind is OutcomeKind.APPLIED:
                metrics.applied(adjustment)

    def _report(self, received: str, event: Work, answer: Sequence[Outcome]) -> None:
        """One line per outcome; the first also says what there is to say about the event itself.

        For bounds, the code that set them writes one.
        """
        if isinstance(event, BoundsChanged):
            return
        about: dict[str, str | int] = {}
        of_every_line: dict[str, str] = {"policy": self._policy.short_hash}
        if isinstance(event, Signal):
            if (trace := trace_id(event)) is not None:
                of_every_line["trace_id"] = trace
            with_data = self._options.log_event_data
            if event.source.startswith(RTC_PREFIX):  # its data say who is in a room
                with_data = self._options.log_callback_data
            about = event_fields.keys(event, with_data=with_data)
            if len(answer) > 1:
                about["tasks"] = len(answer)
        elif isinstance(event, ElementRejected):
            about = event_fields.origin(event.read_from, with_data=self._options.log_event_data)
        elif isinstance(event, NoEvent) and event.left_out:
            about = {"left_out": event.left_out}
        for number, outcome in enumerate(answer, start=1):
            more = about if number == 1 else {"task_number": number}
            self._write(outcome, received, {**of_every_line, **more})

    def _write(self, outcome: Outcome, received: str, more: Mapping[str, str | int]) -> None:
        task = outcome.task
        keys = {
            "event_id": outcome.id,
            "source": outcome.source,
            "rule": outcome.rule,
            "app_id": task and task.app_id,
            "room_id": task and task.room_id,
            "task_id": task and task.task_id,
            "interval": outcome.interval,
            "reason": outcome.reason,
            "cause": outcome.cause,
            "received": received,
        }
        write = self._log.info if outcome.settled and "left_out" not in more else self._log.warning
        write(LOG_NAMES[outcome.kind], **{key: value for key, value in keys.items() if value is not None}, **more)


class _Reports:
    """Reports each event of a batch once: some while calls are on their way, and the others when all is known."""

    def __init__(
        self,
        report: Callable[[Work, Sequence[Outcome]], None],
        events: Sequence[Work],
        contexts: Sequence[Context],
    ) -> None:
        self._report = report
        self._contexts = contexts
        self._left = dict(enumerate(events))

    def write(self, settled: Iterable[tuple[int, Sequence[Outcome]]]) -> Iterator[int]:
        """One event with each step; its number."""
        for number, answer in settled:
            self._write(number, self._left.pop(number), answer)
            yield number

    def finish(self, answers: Sequence[Sequence[Outcome]]) -> None:
        for number, event in self._left.items():
            self._write(number, event, answers[number])

    def _write(self, number: int, event: Work, answer: Sequence[Outcome]) -> None:
        if self._contexts:
            self._contexts[number].run(self._report, event, answer)
        else:
            self._report(event, answer)


def by_message(messages: Sequence[Sequence[Event]], answers: Iterable[list[Outcome]]) -> list[list[Outcome]]:
    """From one list of outcomes per event to one per message."""
    left = iter(answers)
    return [[outcome for answer in islice(left, len(message)) for outcome in answer] for message in messages]

"""A batch of events in, what came of each out: decide, admit, coalesce, dispatch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from snapshot_tuner import logged_events, outcomes, rfc3339
from snapshot_tuner.clock import Clock
from snapshot_tuner.dispatch import Calls, dispatch
from snapshot_tuner.errors import EventRejected, LedgerUnavailable
from snapshot_tuner.ledger import Admission, Admitted, Ledger
from snapshot_tuner.metrics import Recorder
from snapshot_tuner.model import Adjustment, Cause, Outcome, OutcomeKind, Signal, TaskRef, Verdict
from snapshot_tuner.policy import Policy
from snapshot_tuner.tally import Tally, WatchedCalls, WatchedLedger

_ANSWER_SECONDS = 0.5
"""What is left of the time for settling the last calls and answering."""

_NEEDS_CALL = (Admission.NEW, Admission.RETRY, Admission.ASSERT)

LOG_NAMES = {
    OutcomeKind.APPLIED: "adjustment_applied",
    OutcomeKind.DUPLICATE: "event_duplicate",
    OutcomeKind.SUPERSEDED: "event_superseded",
    OutcomeKind.UNMATCHED: "event_unmatched",
    OutcomeKind.HELD: "event_held",
    OutcomeKind.REJECTED: "event_rejected",
    OutcomeKind.RETRY: "event_to_retry",
}


class Log(Protocol):
    """Structured log lines: a stable event name with keys."""

    def info(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value

    def warning(self, msg: str, **keys: Any) -> None: ...  # noqa: ANN401 - any JSON value


@dataclass(frozen=True, slots=True)
class _Item:
    """One adjustment of the batch, and what the ledger said to it."""

    adjustment: Adjustment
    admitted: Admitted

    @property
    def event(self) -> tuple[str, str]:
        return self.adjustment.signal.id, self.adjustment.signal.source


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
        dry_run: bool = False,
        log_event_data: bool = False,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._log = log
        self._recorder = recorder
        self._dry_run = dry_run
        self._log_event_data = log_event_data

    def process(self, events: Sequence[Signal | EventRejected], deadline: float) -> list[list[Outcome]]:
        """One list of outcomes per event, one outcome per task, before `deadline` (local monotonic clock).

        An event whose envelope could not be read is given as its EventRejected. Raises FixDeployment only.
        The batch's figures are recorded in either case.
        """
        tally = Tally(self._clock)
        try:
            return self._process(events, deadline, tally)
        finally:
            if self._recorder is not None:
                self._recorder.record(tally.figures())

    def _process(self, events: Sequence[Signal | EventRejected], deadline: float, tally: Tally) -> list[list[Outcome]]:
        # The year 9999 is as far as the text goes, and the store's clock would have to be there too.
        received = rfc3339.from_microseconds(self._clock.wall_us()) or ""
        answers: list[list[Outcome]] = [[] for _ in events]
        owners: list[list[Outcome]] = []
        adjustments: list[Adjustment] = []
        for event, answer in zip(events, answers, strict=True):
            if isinstance(event, EventRejected):
                answer.append(Outcome(OutcomeKind.REJECTED, str(event), event.event_id, cause=Cause.MALFORMED))
                continue
            decision = self._policy.decide(event)
            if decision.verdict is Verdict.ADJUST:
                adjustments += decision.adjustments
                owners += [answer] * len(decision.adjustments)
            else:
                answer.append(outcomes.of_decision(event, decision))
        for answer, outcome in zip(owners, self._adjust(adjustments, deadline - _ANSWER_SECONDS, tally), strict=True):
            answer.append(outcome)
        for event, answer in zip(events, answers, strict=True):
            for outcome in answer:
                tally.outcome(outcome)
            self._report(event, answer, received)
        return answers

    def _adjust(self, adjustments: Sequence[Adjustment], deadline: float, tally: Tally) -> list[Outcome]:
        """One outcome per adjustment; one call at most per task."""
        if self._dry_run:
            return [outcomes.of_adjustment(each, OutcomeKind.HELD, "dry run") for each in adjustments]
        ledger, calls = WatchedLedger(self._ledger, tally), WatchedCalls(self._calls, tally)
        try:
            admitted = ledger.admit(adjustments)
        except LedgerUnavailable as error:
            return [
                outcomes.of_adjustment(each, OutcomeKind.RETRY, str(error), Cause.UNAVAILABLE) for each in adjustments
            ]
        items = [_Item(adjustment, answer) for adjustment, answer in zip(adjustments, admitted, strict=True)]
        leaders = _leaders(items)
        results = dispatch(leaders, ledger=ledger, calls=calls, clock=self._clock, deadline=deadline)
        answered: set[tuple[TaskRef, tuple[str, str]]] = set()
        answers: list[Outcome] = []
        for item in items:
            task = item.adjustment.task
            leads = task in leaders and item.event == leaders[task].event and item.admitted.answer in _NEEDS_CALL
            if leads or item.admitted.answer is Admission.ASSERT:
                outcome = outcomes.of_result(item.adjustment, item.admitted, results[task])
            else:
                leader = leaders[task].adjustment if task in leaders else None
                outcome = outcomes.of_admission(item.adjustment, item.admitted, leader)
            if outcome.kind is OutcomeKind.APPLIED and (task, item.event) in answered:
                outcome = replace(outcome, kind=OutcomeKind.DUPLICATE)  # the same event twice in one batch
            if outcome.kind is OutcomeKind.APPLIED:
                tally.applied(item.adjustment)
            answered.add((task, item.event))
            answers.append(outcome)
        return answers

    def _report(self, event: Signal | EventRejected, answer: Sequence[Outcome], received: str) -> None:
        """One line per outcome; what there is to say about the event itself stands on the first."""
        about: dict[str, str | int] = {}
        if isinstance(event, Signal):
            about = logged_events.keys(event, with_data=self._log_event_data)
            if len(answer) > 1:
                about["tasks"] = len(answer)
        for number, outcome in enumerate(answer, start=1):
            self._write(outcome, received, about if number == 1 else {"task_number": number})

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
        write = self._log.info if outcome.settled else self._log.warning
        write(LOG_NAMES[outcome.kind], **{key: value for key, value in keys.items() if value is not None}, **more)


def _leaders(items: Sequence[_Item]) -> dict[TaskRef, _Item]:
    """The event on whose behalf each task is called: the newest that the ledger took.

    Whatever `admit` takes becomes the newest of its task, so of several the last one leads. An event that
    only asserts leads where there is none.
    """
    leaders: dict[TaskRef, _Item] = {}
    for item in items:
        match item.admitted.answer:
            case Admission.NEW | Admission.RETRY:
                leaders[item.adjustment.task] = item
            case Admission.ASSERT:
                leaders.setdefault(item.adjustment.task, item)
            case _:
                pass
    return leaders

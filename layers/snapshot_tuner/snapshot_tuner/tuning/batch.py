"""One batch of events on its way from decisions to outcomes: which event leads each task, and each one's outcome.

Pure: the caller asks the ledger, and makes the calls, between its steps.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.ledger.types import Admission, Admitted
from snapshot_tuner.model import Adjustment, Cause, Decision, Outcome, OutcomeKind, Signal, TaskRef, Verdict
from snapshot_tuner.tuning import outcomes
from snapshot_tuner.tuning.task_results import TaskResult

_NEEDS_CALL = (Admission.NEW, Admission.RETRY, Admission.ASSERT)


class Batch:
    """`adjustments` are for `Ledger.admit`, in the order of the events.

    `answers` has one list of outcomes per event, one outcome per task; those of adjustments once it is concluded.
    `urgent` are the tasks whose call cannot wait, once the ledger has answered.
    """

    __slots__ = (
        "_admitted",
        "_by_task",
        "_concluded",
        "_leaders",
        "_numbers",
        "_parts",
        "_to_call",
        "adjustments",
        "answers",
        "urgent",
    )

    def __init__(self) -> None:
        self.answers: list[list[Outcome]] = []
        self.adjustments: list[Adjustment] = []
        self.urgent: frozenset[TaskRef] = frozenset()
        self._numbers: list[int] = []
        self._by_task: dict[TaskRef, list[int]] = {}
        self._admitted: Sequence[Admitted] = ()
        self._leaders: dict[TaskRef, Adjustment] = {}
        self._parts: dict[int, slice] = {}
        self._to_call: dict[TaskRef, list[int]] = {}
        self._concluded: list[Outcome | None] = []

    def add(self, signal: Signal, decision: Decision) -> None:
        """An event, and what the policy says about it."""
        if decision.verdict is not Verdict.ADJUST:
            self.answers.append([outcomes.from_decision(signal, decision)])
            return
        self.answers.append([])
        first = len(self.adjustments)
        for adjustment in decision.adjustments:
            self._by_task.setdefault(adjustment.task, []).append(len(self.adjustments))
            self.adjustments.append(adjustment)
            self._numbers.append(len(self.answers) - 1)
        self._parts[len(self.answers) - 1] = slice(first, len(self.adjustments))

    def reject(self, rejected: EventRejected) -> None:
        """An event whose envelope could not be read."""
        outcome = Outcome(OutcomeKind.REJECTED, str(rejected), rejected.event_id, cause=Cause.MALFORMED)
        self.answers.append([outcome])

    def call(self, task: TaskRef) -> None:
        """No event, and nothing to admit: the task is to become what it should be now, before all others."""
        self.answers.append([])
        self._to_call.setdefault(task, []).append(len(self.answers) - 1)

    def admit(self, admitted: Sequence[Admitted]) -> Collection[TaskRef]:
        """Takes the ledger's answer to each adjustment; returns the tasks that need a call, each once.

        Each is called on behalf of its leader, the newest event that the ledger took: whatever it takes becomes the
        newest of its task, so of several the last one leads. An event that only asserts leads where there is none.
        What is urgent comes first, then what makes an interval shorter, then the rest.
        """
        self._admitted = admitted
        leaders = self._leaders
        ranks: dict[TaskRef, int] = {}
        for adjustment, each in zip(self.adjustments, admitted, strict=True):
            answer = each.answer
            if answer is Admission.NEW or answer is Admission.RETRY:
                leaders[adjustment.task] = adjustment
                ranks[adjustment.task] = 0 if adjustment.urgent else 1 if each.shortens else 2
            elif answer is Admission.ASSERT:
                leaders.setdefault(adjustment.task, adjustment)
                ranks.setdefault(adjustment.task, 0 if adjustment.urgent else 2)
        self._concluded = [*map(self._from_admission, self.adjustments, admitted)]
        ranks |= dict.fromkeys(self._to_call, 0)
        self.urgent = frozenset(task for task, rank in ranks.items() if rank == 0)
        return sorted(ranks, key=ranks.__getitem__)

    def settled(self) -> Iterator[tuple[int, list[Outcome]]]:
        """The events of which no call changes an outcome: number and outcomes. After `admit`, before `conclude`."""
        to_call = {number for numbers in self._to_call.values() for number in numbers}
        for number, answer in enumerate(self.answers):
            if number in to_call:
                continue
            part = self._parts.get(number)
            concluded = answer if part is None else self._concluded[part]
            known = [outcome for outcome in concluded if outcome is not None]
            if len(known) == len(concluded):
                yield number, known

    def conclude(self, results: Mapping[TaskRef, TaskResult]) -> list[Outcome]:
        """From the result of each task's call to one outcome per adjustment, in the answers too."""
        for task, result in results.items():
            self.conclude_task(task, result)
        concluded = [outcome for outcome in self._concluded if outcome is not None]
        for number, outcome in zip(self._numbers, concluded, strict=True):
            self.answers[number].append(outcome)
        return concluded

    def conclude_task(self, task: TaskRef, result: TaskResult) -> list[tuple[int, list[Outcome]]]:
        """From the result of one task's call to the events that are complete with it: number and outcomes."""
        answered: set[tuple[str, str]] = set()
        news: dict[int, None] = {}
        for index in self._by_task.get(task, ()):
            adjustment = self.adjustments[index]
            name = (adjustment.signal.id, adjustment.signal.source)
            if self._concluded[index] is None:
                outcome = outcomes.from_result(adjustment, self._admitted[index], result)
                if outcome.kind is OutcomeKind.APPLIED and name in answered:
                    outcome = outcome._replace(kind=OutcomeKind.DUPLICATE)  # the same event twice in one batch
                self._concluded[index] = outcome
                news[self._numbers[index]] = None
            answered.add(name)
        parts = ((number, self._concluded[self._parts[number]]) for number in news)
        known = [(number, [each for each in part if each is not None]) for number, part in parts if None not in part]
        for number in self._to_call.get(task, ()):
            if not self.answers[number]:
                self.answers[number].append(outcomes.from_call(task, result))
                known.append((number, self.answers[number]))
        return known

    def _from_admission(self, adjustment: Adjustment, admitted: Admitted) -> Outcome | None:
        """None where it takes the call to know."""
        leader = self._leaders.get(adjustment.task)
        leads = leader is not None and admitted.answer in _NEEDS_CALL and _are_same_event(adjustment, leader)
        if leads or admitted.answer is Admission.ASSERT:
            return None
        return outcomes.from_admission(adjustment, admitted, leader)

    def conclude_all(self, kind: OutcomeKind, note: str, cause: Cause | None = None) -> None:
        """The same outcome for all that wanted a call, if the ledger was not asked or could not answer."""
        for adjustment, number in zip(self.adjustments, self._numbers, strict=True):
            self.answers[number].append(outcomes.from_adjustment(adjustment, kind, note, cause))
        for task, numbers in self._to_call.items():
            for number in numbers:
                self.answers[number].append(Outcome(kind, note, task=task, cause=cause))


def _are_same_event(one: Adjustment, other: Adjustment) -> bool:
    return one is other or (one.signal.id, one.signal.source) == (other.signal.id, other.signal.source)

"""One batch of events on its way from decisions to outcomes: which event leads each task, what came of each one.

Pure: whoever holds a batch asks the ledger, and makes the calls, between its steps.
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
    """

    __slots__ = ("_admitted", "_concluded", "_leaders", "_owners", "_parts", "adjustments", "answers")

    def __init__(self) -> None:
        self.answers: list[list[Outcome]] = []
        self.adjustments: list[Adjustment] = []
        self._owners: list[list[Outcome]] = []
        self._admitted: Sequence[Admitted] = ()
        self._leaders: dict[TaskRef, Adjustment] = {}
        self._parts: dict[int, slice] = {}
        self._concluded: list[Outcome | None] = []

    def add(self, signal: Signal, decision: Decision) -> None:
        """An event, and what the policy says about it."""
        if decision.verdict is not Verdict.ADJUST:
            self.answers.append([outcomes.from_decision(signal, decision)])
            return
        answer: list[Outcome] = []
        self.answers.append(answer)
        first = len(self.adjustments)
        for adjustment in decision.adjustments:
            self.adjustments.append(adjustment)
            self._owners.append(answer)
        self._parts[len(self.answers) - 1] = slice(first, len(self.adjustments))

    def reject(self, rejected: EventRejected) -> None:
        """An event whose envelope could not be read."""
        outcome = Outcome(OutcomeKind.REJECTED, str(rejected), rejected.event_id, cause=Cause.MALFORMED)
        self.answers.append([outcome])

    def admit(self, admitted: Sequence[Admitted]) -> Collection[TaskRef]:
        """Takes what the ledger said to each adjustment; returns the tasks that need a call, each once.

        Each is called on behalf of its leader, the newest event that the ledger took: whatever it takes becomes the
        newest of its task, so of several the last one leads. An event that only asserts leads where there is none.
        """
        self._admitted = admitted
        leaders = self._leaders
        for adjustment, each in zip(self.adjustments, admitted, strict=True):
            answer = each.answer
            if answer is Admission.NEW or answer is Admission.RETRY:
                leaders[adjustment.task] = adjustment
            elif answer is Admission.ASSERT:
                leaders.setdefault(adjustment.task, adjustment)
        self._concluded = [*map(self._from_admission, self.adjustments, admitted)]
        return leaders.keys()

    def settled(self) -> Iterator[tuple[int, list[Outcome]]]:
        """The events of which no call changes an outcome: number and outcomes. After `admit`, before `conclude`."""
        for number, answer in enumerate(self.answers):
            part = self._parts.get(number)
            concluded = answer if part is None else self._concluded[part]
            known = [outcome for outcome in concluded if outcome is not None]
            if len(known) == len(concluded):
                yield number, known

    def conclude(self, results: Mapping[TaskRef, TaskResult]) -> list[Outcome]:
        """From what came of the call for each task to one outcome per adjustment, in the answers too."""
        concluded: list[Outcome] = []
        answered: set[tuple[TaskRef, str, str]] = set()
        parts = zip(self.adjustments, self._admitted, self._owners, self._concluded, strict=True)
        for adjustment, admitted, owner, known in parts:
            task = adjustment.task
            outcome = known or outcomes.from_result(adjustment, admitted, results[task])
            name = (task, adjustment.signal.id, adjustment.signal.source)
            if outcome.kind is OutcomeKind.APPLIED and name in answered:
                outcome = outcome._replace(kind=OutcomeKind.DUPLICATE)  # the same event twice in one batch
            answered.add(name)
            concluded.append(outcome)
            owner.append(outcome)
        return concluded

    def _from_admission(self, adjustment: Adjustment, admitted: Admitted) -> Outcome | None:
        """None where it takes the call to know."""
        leader = self._leaders.get(adjustment.task)
        leads = leader is not None and admitted.answer in _NEEDS_CALL and _are_same_event(adjustment, leader)
        if leads or admitted.answer is Admission.ASSERT:
            return None
        return outcomes.from_admission(adjustment, admitted, leader)

    def conclude_all(self, kind: OutcomeKind, note: str, cause: Cause | None = None) -> None:
        """The same outcome for every adjustment, where the ledger was not asked or could not answer."""
        for adjustment, owner in zip(self.adjustments, self._owners, strict=True):
            owner.append(outcomes.from_adjustment(adjustment, kind, note, cause))


def _are_same_event(one: Adjustment, other: Adjustment) -> bool:
    return one is other or (one.signal.id, one.signal.source) == (other.signal.id, other.signal.source)

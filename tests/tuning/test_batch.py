"""One batch between decisions and outcomes."""

from snapshot_tuner.ledger import intents
from snapshot_tuner.ledger.types import Admission, Admitted, Settlement
from snapshot_tuner.model import Cause, Decision, OutcomeKind, TaskRef, Verdict
from snapshot_tuner.tuning.batch import Batch
from snapshot_tuner.tuning.task_results import IN_FLIGHT_ELSEWHERE, Called
from tests.ledger.backends import event


def task(name: str) -> TaskRef:
    return TaskRef("app", name, "task")


def test_what_protects_goes_first() -> None:
    """Urgent tasks, then those that get shorter, then the rest; equals in the order of their events."""
    batch = Batch()
    said = {
        "rest": Admitted(Admission.NEW),
        "shorter": Admitted(Admission.RETRY, shortens=True),
        "doubt": Admitted(Admission.ASSERT, settled_as=Admission.DUPLICATE),
        "urgent": Admitted(Admission.NEW),
        "shorter too": Admitted(Admission.NEW, shortens=True),
        "over": Admitted(Admission.DUPLICATE),
    }
    batch.adjustments += [event(name, task=task(name))._replace(urgent=name == "urgent") for name in said]
    assert [each.room_id for each in batch.admit([*said.values()])] == [
        "urgent",
        "shorter",
        "shorter too",
        "rest",
        "doubt",
    ]
    assert batch.urgent == {task("urgent")}


def test_what_a_person_has_changed_goes_before_all_else() -> None:
    """With an event of the same task one call does; each gets its own outcome, and waits for no other task."""
    batch = Batch()
    batch.call(task("bounded"))
    decided = event("e", task=task("both"))
    batch.add(decided.signal, Decision(Verdict.ADJUST, "rule", "reason", (decided,)))
    batch.call(task("both"))
    assert [each.room_id for each in batch.admit([Admitted(Admission.NEW)])] == ["both", "bounded"]
    assert batch.urgent == {task("both"), task("bounded")}
    assert list(batch.settled()) == []
    done = Called(intents.from_adjustment(decided), None, Settlement(kept=True, in_doubt=False))
    told = batch.conclude_task(task("both"), done)
    assert [(number, [outcome.kind for outcome in outcomes]) for number, outcomes in told] == [
        (1, [OutcomeKind.APPLIED]),
        (2, [OutcomeKind.APPLIED]),
    ]
    ((number, (busy,)),) = batch.conclude_task(task("bounded"), IN_FLIGHT_ELSEWHERE)
    assert (number, busy.kind, busy.cause) == (0, OutcomeKind.RETRY, Cause.BUSY)
    batch.conclude({})
    assert [len(answer) for answer in batch.answers] == [1, 1, 1]


def test_without_a_ledger_a_person_is_answered_like_an_event() -> None:
    """One outcome for each, with its task: whoever set the bounds has to hear that the call is still to come."""
    batch = Batch()
    decided = event("e", task=task("asked"))
    batch.add(decided.signal, Decision(Verdict.ADJUST, "rule", "reason", (decided,)))
    batch.call(task("bounded"))
    batch.conclude_all(OutcomeKind.RETRY, "no ledger", Cause.UNAVAILABLE)
    assert [[(each.kind, each.task, each.cause) for each in answer] for answer in batch.answers] == [
        [(OutcomeKind.RETRY, task("asked"), Cause.UNAVAILABLE)],
        [(OutcomeKind.RETRY, task("bounded"), Cause.UNAVAILABLE)],
    ]

"""One batch between decisions and outcomes."""

from snapshot_tuner.ledger.types import Admission, Admitted
from snapshot_tuner.model import TaskRef
from snapshot_tuner.tuning.batch import Batch
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

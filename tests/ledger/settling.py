"""Calls that are begun and settled, and what settling answers."""

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import AlreadyApplied, Begun, Busy, CallResult, Forgotten, Granted, Settlement
from tests.ledger.backends import TASK, granted

KEPT = Settlement(kept=True, in_doubt=False)
KEPT_IN_DOUBT = Settlement(kept=True, in_doubt=True)
LOST = Settlement(kept=False, in_doubt=False)
LOST_IN_DOUBT = Settlement(kept=False, in_doubt=True)


def settle(ledger: Ledger, under: str, result: CallResult) -> Settlement:
    [settlement] = ledger.settle([(TASK, under, result)])
    return settlement


def call(ledger: Ledger, under: str, result: CallResult) -> Settlement:
    granted(ledger, under=under)
    return settle(ledger, under, result)


def told_of_begun(answer: Begun) -> str:
    """In the words of `model`."""
    match answer:
        case Granted(intent=intent):
            return f"granted {intent.interval}"
        case AlreadyApplied(intent=intent):
            return f"applied {intent.interval}"
        case Busy():
            return "busy"
        case Forgotten():
            return "forgotten"


def told_of_settled(answer: Settlement) -> str:
    """In the words of `model`."""
    kept = "kept" if answer.kept else "lost"
    return f"{kept} in doubt" if answer.in_doubt else kept

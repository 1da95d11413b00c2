"""Calls that are begun and settled, and what settling answers."""

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import CallResult, Settlement
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

"""What every backend says to the operator, word for word."""

from datetime import UTC, datetime

from snapshot_tuner.errors import LedgerMismatch
from snapshot_tuner.ledger.types import Admission, Admitted, Intent
from snapshot_tuner.model import Order

_OVER = Admitted(Admission.SUPERSEDED, "its time is over")
NOTHING_TO_END = Admitted(Admission.HELD, "there is nothing to end")
CONFLICT = Admitted(Admission.CONFLICT, "id: already used with another payload")


def in_doubt(settled_as: Admission) -> Admitted:
    """For an event that needs no call, while the interval at the provider is unknown."""
    return Admitted(Admission.ASSERT, "the task is in doubt", settled_as=settled_as)


def deferred(effective: Intent, until_us: int | None) -> Admitted:
    """For an event that is recorded while something else is in effect, and until when."""
    end = f" until {_time(until_us)}" if until_us is not None else ""
    return Admitted(Admission.DEFERRED, f"rule {effective.rule} keeps the task at {effective.interval} s{end}")


def _time(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changes_nothing(answer: Admission, intent: Intent, now: int) -> Admitted:
    """For an event that is superseded, or found nothing to end."""
    if answer is Admission.HELD:
        return NOTHING_TO_END
    return _OVER if intent.until_us is not None and intent.until_us <= now else Admitted(Admission.SUPERSEDED)


def rejected(ahead_us: int) -> Admitted:
    """For an event whose time is this far ahead of the store's clock, or, if negative, behind it."""
    seconds = abs(ahead_us) / 1e6
    if ahead_us > 0:
        return Admitted(Admission.REJECTED, f"time: {seconds:.0f} s in the future")
    reason = f"time: {seconds:.0f} s ago, older than the task memory"
    return Admitted(Admission.REJECTED, reason, is_too_old=True)


def clock_off(ahead_us: int) -> Admitted:
    """For an event that only the store's clock rejects, being this far ahead of this machine's: not its fault."""
    return Admitted(Admission.CLOCK_OFF, f"the ledger's clock is {ahead_us / 1e6:+.0f} s off the function's")


def other_order(namespace: str, wanted: Order, found: str) -> LedgerMismatch:
    """For a namespace that remembers tasks by another order of events."""
    return LedgerMismatch(
        f"policy: order is {wanted.value}, but the ledger's namespace {namespace!r} holds tasks by {found}; "
        f"set LEDGER_NAMESPACE to a new name"
    )

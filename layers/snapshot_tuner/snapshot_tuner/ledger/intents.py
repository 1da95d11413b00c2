"""From an adjustment to the intent that the ledger keeps of it."""

from snapshot_tuner.ledger.event_key import event_key
from snapshot_tuner.ledger.types import Intent
from snapshot_tuner.model import Adjustment


def intent_from(adjustment: Adjustment) -> Intent:
    """Its time-bound part counts from the event's time, so that a late delivery changes nothing."""
    signal = adjustment.signal
    until_us = compute_until_us(adjustment)
    return Intent(
        order_key=adjustment.order_key.decode(),
        interval=adjustment.interval,
        business_id=adjustment.business_id,
        rule=adjustment.rule,
        event_id=signal.id,
        event_source=signal.source,
        key=event_key(adjustment.task, signal.source, signal.id),
        asked_us=signal.time_us,
        until_us=until_us,
        then=adjustment.then_interval if until_us is not None else None,
        lengthen_us=adjustment.lengthen_after * 1_000_000,
        skip_us=adjustment.skip_unchanged_within * 1_000_000,
    )


def compute_until_us(adjustment: Adjustment) -> int | None:
    """When its time-bound part ends, in microseconds since the epoch; None where it has no end."""
    lasts = adjustment.for_seconds
    return adjustment.signal.time_us + lasts * 1_000_000 if lasts is not None else None

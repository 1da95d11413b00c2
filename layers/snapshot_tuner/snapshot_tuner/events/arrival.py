"""Which of two events with the same time came first: what the queue says, or else the order of arrival.

EventBridge cuts `time` to whole seconds and gives random ids; nothing else in its events distinguishes two within a
second.
"""

from snapshot_tuner.model import Signal


class Arrivals:
    """The events of one batch, in the order in which they came."""

    def __init__(self, received_us: int, idempotency_ttl: int) -> None:
        """`received_us` is now, in microseconds since the epoch; `idempotency_ttl` is in seconds."""
        self._received_us = received_us
        self._remembered_us = idempotency_ttl * 1_000_000
        self._at_once: dict[int, int] = {}

    def sent_us(self, signal: Signal) -> int:
        """When the nearest queue took the event, or else when it was received; equal values count up.

        0 for an event that was sent after the ledger has forgotten its first delivery: it may be the repeat of one that
        has long been superseded, and must not win a tie.
        """
        sent_us = self._received_us if signal.sent_us is None else signal.sent_us
        if sent_us > signal.time_us + self._remembered_us:
            return 0
        before = self._at_once.get(sent_us, 0)
        self._at_once[sent_us] = before + 1
        return sent_us + before

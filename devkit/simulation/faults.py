"""What goes wrong in a simulated run, each with a rate of its own."""

from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates from 0 to 1: per event, per call, per ledger step, per batch, or per minute, as each line says."""

    duplicate: float = 0.0  # per event: sent twice, within seconds
    late_duplicate: float = 0.0  # per event: sent again two hours later
    reordered: float = 0.0  # per event: delivered up to half a minute after it happened
    late: float = 0.0  # per event: delivered up to ten minutes after it happened
    whole_seconds: float = 0.0  # per task: its events' times are cut to whole seconds, as EventBridge does
    crash_before_call: float = 0.0  # per call: the instance dies when the call has been begun
    crash_after_call: float = 0.0  # per call: when the provider has carried it out
    crash_after_settle: float = 0.0  # per settling
    crash_before_acknowledge: float = 0.0  # per batch: when all is done, but the source does not know yet
    client_timeout: float = 0.0  # per call: no answer; half are applied up to 14 s later, half never
    server_error: float = 0.0  # per call: 5xx, not carried out
    throttling: float = 0.0  # per minute: a burst of up to 5 s in which the API throttles every call
    store_outage: float = 0.0  # per minute: the ledger is silent for up to 20 s
    reply_lost: float = 0.0  # per ledger step: carried out, but the answer never arrives
    clock_skew: float = 0.0  # per instance: its wall clock is off by up to 10 s
    store_clock_set: float = 0.0  # per minute: the store's clock is set to up to an hour off, and right within a minute
    pause: float = 0.0  # per call: the instance is paused for up to 20 s, longer than its lease
    stalled_send: float = 0.0  # per call: it is paused between its last check and the first byte
    hasty_sender: float = 0.0  # per batch: what is not settled comes back in seconds, as over HTTP
    short_deadline: float = 0.0  # per batch: 1 to 4 s instead of 30
    restarted_task: float = 0.0  # per task: it starts again from the provider's default, without notice
    poisoned_record: float = 0.0  # per minute: what the ledger keeps of one task becomes something else
    failover: float = 0.0  # per minute: a replica takes over that lost the last second; a SQLite file has none
    operator_bounds: float = 0.0  # per task: people set, renew, replace and clear bounds on it
    far_ledger: float = 0.0  # per instance: its ledger is 20 to 200 ms away
    reading_fails: float = 0.0  # per reading: GetSnapshotTask is unavailable, or says nothing of use

    def only(self, name: str) -> "Faults":
        """This one fault, at its rate here."""
        return replace(Faults(), **{name: getattr(self, name)})


NAMES = tuple(field.name for field in fields(Faults))

ALL = Faults(
    duplicate=0.10,
    late_duplicate=0.05,
    reordered=0.10,
    late=0.05,
    whole_seconds=0.5,
    crash_before_call=0.01,
    crash_after_call=0.01,
    crash_after_settle=0.005,
    crash_before_acknowledge=0.02,
    client_timeout=0.06,
    server_error=0.02,
    throttling=0.10,
    store_outage=0.05,
    reply_lost=0.002,
    clock_skew=1.0,
    store_clock_set=0.10,
    pause=0.005,
    stalled_send=0.004,
    hasty_sender=0.20,
    short_deadline=0.05,
    restarted_task=0.10,
    poisoned_record=0.10,
    operator_bounds=0.4,
    failover=0.10,
    far_ledger=0.10,
    reading_fails=0.10,
)


def bursts(random: Random, per_minute: float, horizon: float, longest: float) -> list[tuple[float, float]]:
    """When each begins and ends, in seconds; of those in one minute at most one begins."""
    starts = [
        minute * 60 + random.uniform(0, 60) for minute in range(int(horizon // 60)) if random.random() < per_minute
    ]
    return [(start, start + random.uniform(0.5, longest)) for start in starts]

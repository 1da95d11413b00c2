"""From the ledger's time to the caller's, and back: the same records with all their times so much later."""

from snapshot_tuner.ledger.types import Bounds, Intent, Lease, Stabilizing, TaskState


def intent(of: Intent, by_us: int) -> Intent:
    """Microseconds; an intent that had no end has none."""
    if not by_us:
        return of
    ends = of.until_us + by_us if of.until_us is not None else None
    edges = tuple((at + by_us, interval) for at, interval in of.edges)
    return of._replace(asked_us=of.asked_us + by_us, until_us=ends, edges=edges)


def state(of: TaskState, by_us: int) -> TaskState:
    """Microseconds; what is None stays so."""
    if not by_us:
        return of

    def moved(moment: int | None) -> int | None:
        return moment + by_us if moment is not None else None

    lease, stabilizing = of.lease, of.stabilizing
    if lease is not None:
        lease = Lease(lease.token, lease.begun + by_us, lease.until + by_us, intent(lease.intent, by_us))
    if stabilizing is not None:
        stabilizing = Stabilizing(intent(stabilizing.intent, by_us), stabilizing.until_us + by_us)
    return of._replace(
        desired=intent(of.desired, by_us),
        desired_at=of.desired_at + by_us,
        applied=of.applied and intent(of.applied, by_us),
        applied_at=moved(of.applied_at),
        lease=lease,
        doubt_until=moved(of.doubt_until),
        base=of.base and intent(of.base, by_us),
        open=tuple(intent(each, by_us) for each in of.open),
        stabilizing=stabilizing,
        call_due=of.call_due + by_us,
        bounds=bounds(of.bounds, by_us),
        ends=tuple(end._replace(at_us=end.at_us + by_us) for end in of.ends),
    )


def bounds(of: Bounds | None, by_us: int) -> Bounds | None:
    """Microseconds."""
    if of is None or not by_us:
        return of
    return of._replace(until_us=of.until_us + by_us, set_us=of.set_us + by_us)

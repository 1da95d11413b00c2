"""What a ledger should answer, told again from its promises and from nothing else: a small model for random tests.

It keeps the history of each task in plain Python. Times are seconds since the run began.
"""

from dataclasses import dataclass, field

LEASE = 15.0
LATE = 15.0


@dataclass
class Event:
    """One event of one task as it was delivered: `order` sorts events, `intent` is what it asks for."""

    name: str
    order: tuple[int, str]
    payload: str
    intent: int


@dataclass
class Known:
    """An event that was taken: its first order, and whether its intent was confirmed."""

    order: tuple[int, str]
    payload: str
    applied: bool = False


@dataclass
class Flight:
    """A call in flight: who makes it, since when, and what it says."""

    token: str
    since: float
    order: tuple[int, str]
    name: str
    intent: int


@dataclass
class Task:
    """One task's history."""

    known: dict[str, Known] = field(default_factory=dict)
    newest: Event | None = None
    confirmed: tuple[tuple[int, str], int] | None = None
    flight: Flight | None = None
    ended: str | None = None
    arrivals: list[float] = field(default_factory=list)
    """Moments until which some call that nobody knows about may still arrive."""
    bounds: tuple[int, int, float] | None = None
    """An operator's: least, most, until when."""

    def holds(self, now: float) -> tuple[int, int] | None:
        return self.bounds[:2] if self.bounds and now < self.bounds[2] else None

    def bound(self, bounds: tuple[int, int, float] | None, now: float) -> tuple[int, int] | None:
        """What held before."""
        before, self.bounds = self.holds(now), bounds
        return before

    def _wanted(self, now: float) -> int:
        assert self.newest is not None
        least, most = self.holds(now) or (1, 600)
        return min(max(self.newest.intent, least), most)

    def expire(self, now: float) -> None:
        if self.flight and now >= self.flight.since + LEASE:
            self.arrivals.append(self.flight.since + LEASE + LATE)
            self.flight = None

    def admit(self, event: Event, now: float) -> str:
        self.expire(now)
        known = self.known.get(event.name)
        if known and known.payload != event.payload:
            return "conflict"
        order = known.order if known else event.order
        if known is None:
            self.known[event.name] = Known(order, event.payload)
        if known and known.applied:
            return "assert duplicate" if self.arrivals else "duplicate"
        if self.newest and self.newest.order > order:
            return "assert superseded" if self.arrivals else "superseded"
        self.newest = Event(event.name, order, event.payload, event.intent)
        return "retry" if known else "new"

    def begin(self, token: str, now: float) -> str:
        self.expire(now)
        if self.newest is None:
            return "forgotten"
        if self.flight:
            return f"granted {self.flight.intent}" if self.flight.token == token else "busy"
        if self.ended == token:
            return "busy"
        wanted = self._wanted(now)
        if self.confirmed == (self.newest.order, wanted) and not self.arrivals:
            return f"applied {wanted}"
        self.flight = Flight(token, now, self.newest.order, self.newest.name, wanted)
        return f"granted {self.flight.intent}"

    def settle(self, token: str, result: str, now: float) -> str:
        self.expire(now)
        if self.newest is None:
            return "lost"
        ours = self.flight if self.flight and self.flight.token == token else None
        if ours:
            self.flight, self.ended = None, token
            if result == "applied":
                self.confirmed = (ours.order, ours.intent)
                self.known[ours.name].applied = True
                if all(ours.since > until for until in self.arrivals):
                    self.arrivals = []
            if result == "unknown":
                self.arrivals.append(now + LATE)
        elif self.ended != token:
            self.arrivals += {"applied": [now], "unknown": [now + LATE]}.get(result, [])
        kept = "kept" if self.ended == token else "lost"
        return f"{kept} in doubt" if self.arrivals else kept

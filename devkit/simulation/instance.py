"""Virtual time and the instances that live in it: each runs real, blocking code in a greenlet of its own."""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from greenlet import getcurrent, greenlet

EPOCH = 1_800_000_000.0
"""The wall clock when a run starts, in seconds since the Unix epoch: any moment would do."""


class Timeline:
    """Virtual time in seconds since the start of the run; what is due at the same moment keeps its order."""

    def __init__(self, *, trace: Callable[[str], None] | None = None) -> None:
        self.now = 0.0
        self.store_clock_ahead = 0.0
        self.steps_ahead: list[float] = []  # when the store's clock was set to a later time
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._trace = trace

    def at(self, moment: float, action: Callable[[], None]) -> None:
        heappush(self._due, (max(moment, self.now), next(self._order), action))

    def set_store_clock(self, start: float, end: float, ahead: float) -> None:
        """So many seconds ahead, and right again at the end."""

        def set_ahead(seconds: float) -> None:
            if seconds > self.store_clock_ahead:
                self.steps_ahead.append(self.now)
            self.store_clock_ahead = seconds
            self.trace("store", f"its clock is set: {seconds:.0f} s ahead")

        self.at(start, partial(set_ahead, ahead))
        self.at(end, partial(set_ahead, 0.0))

    def run(self) -> None:
        """Until nothing is due any more."""
        while self._due:
            self.now, _, action = heappop(self._due)
            action()

    def run_until(self, moment: float) -> None:
        """What is due by then; the time is that moment afterwards."""
        while self._due and self._due[0][0] <= moment:
            self.now, _, action = heappop(self._due)
            action()
        self.now = max(self.now, moment)

    def trace(self, who: str, what: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.now:12.4f}  {who:<10}  {what}")


class Instance:
    """One instance: it can wait, pause and die. After death it starts its work afresh, with nothing kept."""

    def __init__(self, name: str, timeline: Timeline, random: Random, work: Callable[["Instance"], None]) -> None:
        self.name = name
        self.timeline = timeline
        self.wall_skew = 0.0
        self.ledger_round_trip = 0.0  # to a ledger that is far away
        self._random = random
        self._work = work
        self._life = 0
        self._paused_until = 0.0
        self._monotonic_offset = random.uniform(0, 1e6)
        self._hub = getcurrent()
        self._running: greenlet | None = None

    def boot(self) -> None:
        self._running = greenlet(lambda: self._work(self), parent=self._hub)
        self.trace("starts")
        self._running.switch()

    def wait(self, until: float) -> None:
        """From inside the work: let virtual time pass until then, or longer if the instance is paused."""
        wake = self.alarm()
        self.timeline.at(until, wake)
        self._hub.switch()

    def alarm(self) -> Callable[[], None]:
        """Something that resumes the work from its wait, once; without effect after another resume or a death."""
        self._life += 1
        life = self._life

        def wake() -> None:
            if life != self._life:
                return
            if self._paused_until > self.timeline.now:
                self.timeline.at(self._paused_until, wake)
                return
            self._life += 1
            assert self._running is not None  # noqa: S101 - an instance that waits has been booted
            self._running.switch()

        return wake

    def park(self) -> None:
        """From inside the work: wait for an alarm that was set before."""
        self._hub.switch()

    def die(self) -> None:
        """From anywhere: what the work held in memory is gone; the instance boots again after a while."""
        self.trace("dies")
        self._life += 1
        self._running = None
        self._paused_until = 0.0
        self.timeline.at(self.timeline.now + self._random.uniform(0.05, 5.0), self.boot)

    def die_inside(self) -> None:
        """`die`, from inside the work: does not return."""
        self.die()
        self._hub.switch()

    def pause(self, seconds: float) -> None:
        self.trace(f"stands still for {seconds:.2f} s")
        self._paused_until = max(self._paused_until, self.timeline.now + seconds)

    @property
    def paused_until(self) -> float:
        return self._paused_until

    @property
    def generation(self) -> object:
        """Another object after each death."""
        return self._running

    def local(self, moment: float) -> float:
        """That moment on this instance's monotonic clock."""
        return moment + self._monotonic_offset

    def virtual(self, local: float) -> float:
        """The moment at which this instance's monotonic clock says `local`."""
        return local - self._monotonic_offset

    def trace(self, what: str) -> None:
        self.timeline.trace(self.name, what)


class InstanceClock:
    """An instance's own clocks; its wall clock may be wrong."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def wall_us(self) -> int:
        return round((EPOCH + self._instance.timeline.now + self._instance.wall_skew) * 1e6)

    def monotonic(self) -> float:
        return self._instance.local(self._instance.timeline.now)


class LedgerClock:
    """The store's wall clock, which may be set, and beside it the monotonic clock of the instance that asks."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def wall_us(self) -> int:
        timeline = self._instance.timeline
        return round((EPOCH + timeline.now + timeline.store_clock_ahead) * 1e6)

    def monotonic(self) -> float:
        return self._instance.local(self._instance.timeline.now)

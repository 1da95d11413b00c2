"""Every backend on a clock that stands still until a test moves it: for what has to end at a moment."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Admitted, CallResult, Granted, TaskState
from snapshot_tuner.model import Adjustment, TaskRef
from tests.ledger import backends
from tests.ledger.backends import LIMITS, TASK, Warnings, event, token


@dataclass
class FrozenClock:
    """`seconds` after the run's beginning, on both its faces."""

    seconds: float = 0.0
    wall_step: float = 0.0

    def wall_us(self) -> int:
        return backends._ORIGIN_US + round((self.seconds + self.wall_step) * 1e6)

    def monotonic(self) -> float:
        return self.seconds


def wanted(  # noqa: PLR0913 - what a test does not name does not matter to it
    interval: int,
    *,
    at: float,
    rule: str = "base",
    task: TaskRef = TASK,
    lasts: int | None = None,
    then: int | None = None,
    default: int | None = None,
    ends: tuple[str, ...] = (),
    lengthen_after: int = 0,
    skip: int = 0,
    name: str | None = None,
    edges: Sequence[tuple[float, int]] = (),
    policy: str = "",
    reason: str = "",
) -> Adjustment:
    """An event of a rule, by default with an id of its own; with an interval of 0 it only ends.

    `edges` are in seconds since the run's beginning.
    """
    return event(name or f"{rule}-{at}-{interval}", at=at, interval=interval, task=task)._replace(
        rule=rule,
        for_seconds=lasts,
        then_interval=then,
        default_interval=default,
        ends=ends,
        lengthen_after=lengthen_after,
        skip_unchanged_within=skip,
        edges=told(edges),
        policy=policy,
        reason=reason,
    )


def told(edges: Sequence[tuple[float, int]]) -> tuple[tuple[int, int], ...]:
    """As an adjustment has them."""
    return tuple((backends._ORIGIN_US + round(seconds * 1e6), interval) for seconds, interval in edges)


@dataclass
class Bench:
    """A ledger, its clock, and the steps of a worker."""

    ledger: SqliteLedger | VirtualValkeyLedger | MemoryLedger
    clock: FrozenClock
    last: Adjustment | None = None

    def take(self, adjustment: Adjustment) -> Admitted:
        self.last = adjustment
        [answer] = self.ledger.admit([adjustment])
        return answer

    def take_again(self, interval: int, **changes: Any) -> Admitted:  # noqa: ANN401 - the fields of Adjustment, by name
        """The last event once more, as another policy has it."""
        assert self.last is not None
        return self.take(self.last._replace(interval=interval, **changes))

    def state(self, task: TaskRef = TASK) -> TaskState:
        state = self.ledger.get(task)
        assert state is not None
        return state

    def effective_at(self, seconds: float) -> int:
        """The clock set forward, the interval that the task should have by then."""
        self.clock.seconds = seconds
        return self.state().desired.interval

    def call(self, result: CallResult = CallResult.APPLIED, task: TaskRef = TASK) -> int:
        """One call; returns its interval."""
        under = token()
        [begun] = self.ledger.begin([(task, under)])
        assert isinstance(begun, Granted)
        self.ledger.settle([(task, under, result)])
        return begun.intent.interval


@contextmanager
def sqlite_bench(folder: Path) -> Iterator[Bench]:
    clock = FrozenClock()
    ledger = SqliteLedger(folder / "ledger.db", token(), LIMITS, clock)
    yield Bench(ledger, clock)
    ledger.close()


@contextmanager
def memory_bench() -> Iterator[Bench]:
    clock = FrozenClock()
    yield Bench(MemoryLedger(Memory(token()), LIMITS, clock), clock)


@contextmanager
def valkey_bench(url: str) -> Iterator[Bench]:
    clock = FrozenClock()
    ledger = VirtualValkeyLedger(url, token(), LIMITS, clock, Warnings())
    yield Bench(ledger, clock)
    ledger.close()

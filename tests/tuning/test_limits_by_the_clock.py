"""Promise: a limit holds by the clock, also where it begins or ends without an event; on SQLite and on Valkey."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devkit.silent_log import SilentLog
from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from devkit.valkey import valkey_server
from snapshot_tuner.errors import CallFailed
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Slot
from snapshot_tuner.model import Json, Outcome, OutcomeKind, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.calls import Call, Finished
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner
from tests.ledger.backends import LIMITS, TASK, token

POLICY = """
version: 1
limits:
  - {name: night, when: {from: "22:00", to: "06:00", zone: Asia/Shanghai}, factor: 2}
  - {name: exam, when: {days: [sat], from: "08:00", to: "12:00", zone: Asia/Shanghai}, bounds: {max: 5}}
rules:
  - {name: alert, match: {type: [alert]}, interval: 1, for: 10m, urgent: true}
  - {name: load, match: {type: [load]}, interval: 30}
"""


def moment(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


FRIDAY = moment("2026-03-06T20:00")


@dataclass
class WallClock:
    """Seconds since the epoch, on both its faces."""

    seconds: float = FRIDAY

    def wall_us(self) -> int:
        return round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Provider:
    """Calls end at once; each with when it was made, by the clocks of Shanghai, and its interval."""

    clock: WallClock
    calls: list[tuple[str, int]] = field(default_factory=list)
    fails: bool = False
    parallelism: int = 1
    _ended: list[Finished] = field(default_factory=list)

    def start(self, call: Call) -> None:
        self.clock.seconds = max(self.clock.seconds, call.slot.start)
        if self.fails:
            self._ended.append(Finished(call, CallFailed("InternalError", "try again", status=500)))
            return
        there = datetime.fromtimestamp(self.clock.seconds, ZoneInfo("Asia/Shanghai"))
        self.calls.append((f"{there:%a %H:%M}", call.intent.interval))
        self._ended.append(Finished(call, None))

    def finished(self, until: float) -> list[Finished]:
        if not self._ended:
            self.clock.seconds = max(self.clock.seconds, until)
        ended, self._ended = self._ended, []
        return ended

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:  # noqa: ARG002 - it takes no time
        self.clock.seconds = max(self.clock.seconds, slot.start)
        return TaskReading(TaskStatus.RUNNING, self.calls[-1][1])


@dataclass
class Deployment:
    """A tuner, and a reconciler that runs at every full minute, beside one ledger and one provider."""

    clock: WallClock
    provider: Provider
    ledger: SqliteLedger | VirtualValkeyLedger
    tuner: Tuner
    reconciler: Reconciler

    def until(self, text: str) -> None:
        for at in range(round(self.clock.seconds) // 60 * 60 + 60, round(moment(text)) + 1, 60):
            self.clock.seconds = max(self.clock.seconds, at)
            self.reconciler.run(self.clock.seconds + 50)

    def event(self, kind: str, *, time: str | None = None) -> Outcome:
        at = self.clock.seconds if time is None else moment(time)
        data: dict[str, Json] = {"AppId": TASK.app_id, "RoomId": TASK.room_id, "TaskId": TASK.task_id}
        signal = Signal(f"{kind}-{at}", "/s", kind, round(at * 1e6), data)
        ((outcome,),) = self.tuner.process([signal], self.clock.seconds + 20)
        return outcome


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with valkey_server() as server:
        yield server.connection_url


@pytest.fixture(params=["sqlite", "valkey"])
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    clock, log, policy = WallClock(), SilentLog(), Policy.parse(POLICY, "policy.yaml")
    provider = Provider(clock)
    ledger: SqliteLedger | VirtualValkeyLedger
    if request.param == "sqlite":
        ledger = SqliteLedger(tmp_path / "ledger.db", "n", LIMITS, clock)
    else:
        ledger = VirtualValkeyLedger(request.getfixturevalue("valkey_url"), token(), LIMITS, clock, log)
    with closing(ledger):
        tuner = Tuner(policy=policy, ledger=ledger, calls=provider, clock=clock, log=log)
        reconciler = Reconciler(ledger=ledger, calls=provider, reads=provider, clock=clock, log=log)
        yield Deployment(clock, provider, ledger, tuner, reconciler)


def test_a_night_begins_and_ends_without_an_event(it: Deployment) -> None:
    """30 -> 60 -> 30 s, for two days; on Saturday a cap, too."""
    assert it.event("load").interval == 30
    it.until("2026-03-07T20:00")
    assert it.provider.calls == [
        ("Fri 20:00", 30),
        ("Fri 22:00", 60),
        ("Sat 06:00", 30),
        ("Sat 08:00", 5),
        ("Sat 12:00", 30),
    ]


def test_an_event_that_comes_late_gets_what_holds_now(it: Deployment) -> None:
    """It is of 21:50, and comes at 22:10."""
    it.clock.seconds = moment("2026-03-06T22:10")
    assert it.event("load", time="2026-03-06T21:50").interval == 60
    it.until("2026-03-07T06:00")
    assert it.provider.calls == [("Fri 22:10", 60), ("Sat 06:00", 30)]


def test_an_alert_over_an_edge_is_left_alone(it: Deployment) -> None:
    """When it is over, the task gets what the limits make of its base by then."""
    it.event("load")
    it.until("2026-03-06T21:55")
    it.event("alert")
    it.until("2026-03-06T22:10")
    assert it.provider.calls == [("Fri 20:00", 30), ("Fri 21:55", 1), ("Fri 22:05", 60)]


def test_a_retry_after_an_edge_goes_on_from_there(it: Deployment) -> None:
    """Its first call failed before the night; at night the same event is called as the night has it."""
    it.provider.fails = True
    assert it.event("load").kind is OutcomeKind.RETRY
    it.provider.fails = False
    it.clock.seconds = moment("2026-03-06T22:01")
    assert it.event("load", time="2026-03-06T20:00").interval == 60
    it.until("2026-03-07T06:00")
    assert it.provider.calls == [("Fri 22:01", 60), ("Sat 06:00", 30)]

"""The stores under test behind one face: clients of them, events for them, and their clock."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias
from uuid import uuid4

from redis import Redis

from devkit.elasticache import CacheStandIn
from devkit.tuner.backtest.ledger import Memory, MemoryLedger
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.clock import Clock, SystemClock
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Granted, Limits
from snapshot_tuner.model import Adjustment, Order, Signal, TaskRef

LIMITS = Limits(
    order=Order.TIME, slots_per_second=145.0, idempotency_ttl=86_400, task_ttl=1_209_600, max_clock_skew=300
)


class MemoryClient(MemoryLedger):
    """Has nothing to close."""

    def close(self) -> None:
        """What was shared is still there."""


Client: TypeAlias = SqliteLedger | RedisLedger | MemoryClient

TASK = TaskRef("app", "room", "task")
OTHER_TASK = TaskRef("app", "room", "other")


def event(  # noqa: PLR0913 - what a test does not name does not matter to it
    event_id: str = "e1",
    *,
    at: float = 0.0,
    task: TaskRef = TASK,
    source: str = "/source",
    interval: int = 5,
    payload: str = "",
    sequence: int | None = None,
    own_time: bool = True,
    business_id: str | None = None,
) -> Adjustment:
    """An adjustment by an event of `at` seconds after the run's beginning."""
    signal = Signal(
        id=event_id,
        source=source,
        type="rtc.room.load",
        time_us=_ORIGIN_US + round(at * 1e6),
        data={"payload": payload},
        time_is_own=own_time,
        sequence=sequence,
    )
    order_key = signal.order_key(Order.TIME if sequence is None else Order.SEQUENCE)
    assert order_key is not None
    return Adjustment(task, interval, business_id, signal, order_key, "rule", "reason")


_ORIGIN_US = SystemClock().wall_us()
"""The beginning of the test (see conftest), so that two events of the same `at` have the same time."""


def token() -> str:
    return uuid4().hex


@dataclass
class Warnings:
    """A log that keeps what it was told."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def warning(self, msg: str, **keys: object) -> None:
        self.lines.append((msg, keys))


class SteppedClock:
    """This machine's clock, and what a test has added to it."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.wall_step_us = 0
        self.monotonic_step = 0.0

    def wall_us(self) -> int:
        return self._real.wall_us() + self.wall_step_us

    def monotonic(self) -> float:
        return self._real.monotonic() + self.monotonic_step

    def pass_by(self, seconds: float) -> None:
        """On both its faces."""
        self.wall_step_us += round(seconds * 1e6)
        self.monotonic_step += seconds


class Backend(Protocol):
    """One store, and a namespace of its own in it."""

    @property
    def clock(self) -> Clock:
        """The clients'."""
        ...

    @property
    def warnings(self) -> Warnings:
        """What the clients warned of."""
        ...

    def client(self, limits: Limits = LIMITS, namespace: str | None = None) -> Client:
        """A new client: the ledger of another process."""
        ...

    def advance(self, seconds: float) -> None:
        """Let the store's time pass; where negative, its clock is set back."""
        ...


class _OnSteppedClock:
    """Its clock is an argument."""

    def __init__(self) -> None:
        self.clock = SteppedClock()

    def advance(self, seconds: float) -> None:
        self.clock.wall_step_us += round(seconds * 1e6)
        self.clock.monotonic_step += max(0.0, seconds)


class MemoryBackend(_OnSteppedClock):
    """In this process, for one thread."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings = Warnings()
        self._namespace = token()
        self._memories: dict[str, Memory] = {}

    def client(self, limits: Limits = LIMITS, namespace: str | None = None) -> Client:
        name = namespace or self._namespace
        return MemoryClient(self._memories.setdefault(name, Memory(name)), limits, self.clock, self.warnings)


class SqliteBackend(_OnSteppedClock):
    """In a file of its own."""

    def __init__(self, path: Path, cleanup: ExitStack) -> None:
        super().__init__()
        self.warnings = Warnings()
        self._path = path
        self._namespace = token()
        self._cleanup = cleanup

    def client(self, limits: Limits = LIMITS, namespace: str | None = None) -> Client:
        ledger = SqliteLedger(self._path, namespace or self._namespace, limits, self.clock, log=self.warnings)
        self._cleanup.callback(ledger.close)
        return ledger


_AGE = """
local us, ms = ARGV[1] + 0, ARGV[2] + 0
for _, name in ipairs(KEYS) do
  local kind = string.match(name, '}:(%a+)')
  local times = ({task = {3, 6, 8, 9, 12, 20, 21}, cursor = {1, 2}})[kind]
  if times then
    local record = cmsgpack.unpack(redis.call('GET', name))
    for _, field in ipairs(times) do
      if record[field] then record[field] = math.max(0, record[field] - us) end
    end
    for _, uses in ipairs(kind == 'cursor' and {record[3] or {}, record[4] or {}} or {}) do
      for at = 2, #uses, 2 do uses[at] = uses[at] - us end
    end
    redis.call('SET', name, cmsgpack.pack(record), 'KEEPTTL')
  end
  local left = redis.call('PTTL', name)
  if kind == 'store' then -- which one it is
  elseif kind == 'bounds' then
    for _, field in ipairs(redis.call('HKEYS', name)) do
      local limits, ends, since, rest = string.match(redis.call('HGET', name, field), '^(%d+%z%d+)%z(%d+)%z(%d+)(.*)$')
      local moved = string.format('\\0%.0f\\0%.0f', ends - us, since - us) -- `%s` would end at the NUL in the limits
      redis.call('HSET', name, field, limits .. moved .. rest)
    end
  elseif kind == 'bounded' then
    for _, member in ipairs(redis.call('ZRANGE', name, 0, -1)) do
      redis.call('ZINCRBY', name, -us, member)
    end
  elseif left > 0 then
    redis.call('PEXPIRE', name, left - ms)
  elseif kind == 'due' or kind == 'checks' then -- an index: sorted by times
    for _, member in ipairs(redis.call('ZRANGE', name, 0, -1)) do
      redis.call('ZINCRBY', name, -us, member)
    end
  end
end
"""


class ValkeyBackend:
    """Nobody can set a server's clock, so what it remembers is made older instead."""

    def __init__(self, url: str, cleanup: ExitStack) -> None:
        self.clock: Clock = SystemClock()
        self.url = url
        self.namespace = token()
        self.warnings = Warnings()
        self._cleanup = cleanup
        self.server = Redis.from_url(url)
        cleanup.callback(self.server.close)

    def client(self, limits: Limits = LIMITS, namespace: str | None = None) -> Client:
        ledger = RedisLedger(self.url, namespace or self.namespace, limits, self.clock, self.warnings)
        self._cleanup.callback(ledger.close)
        return ledger

    def log_in_as(self, user: str, may: str) -> None:
        """Clients from now on, with these ACL rules."""
        self.server.execute_command(f"ACL SETUSER {user} reset on >pw {may}")  # type: ignore[no-untyped-call] # untyped in redis-py
        self.url = self.url.replace("redis://", f"redis://{user}:pw@")

    def advance(self, seconds: float) -> None:
        # Else the clock's own record would show that it was set.
        self.server.delete(f"{{{self.namespace}}}:clock")
        names = list(self.server.scan_iter(f"{{{self.namespace}}}:*", count=1000))
        self.server.eval(_AGE, len(names), *names, round(seconds * 1e6), round(seconds * 1e3))


class ElastiCacheBackend(ValkeyBackend):
    """The same server behind ElastiCache's door."""

    def __init__(self, url: str, door: CacheStandIn, cleanup: ExitStack) -> None:
        super().__init__(url, cleanup)
        self.url = door.url
        self.environ = door.environment()
        self.tokens = IamTokens(self.environ, self.clock)

    def client(self, limits: Limits = LIMITS, namespace: str | None = None) -> Client:
        ledger = RedisLedger(
            self.url, namespace or self.namespace, limits, self.clock, self.warnings, tokens=self.tokens
        )
        self._cleanup.callback(ledger.close)
        ledger.get(TASK)  # connects: no test measures how long that takes
        return ledger


def granted(ledger: Ledger, task: TaskRef = TASK, under: str | None = None) -> Granted:
    """Begin a call that must be granted."""
    [begun] = ledger.begin([(task, under or token())])
    assert isinstance(begun, Granted)
    return begun


def limits(**changes: object) -> Limits:
    return replace(LIMITS, **changes)  # type: ignore[arg-type] # the fields of Limits, by name

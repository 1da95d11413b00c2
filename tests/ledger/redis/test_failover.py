"""A replica takes over without the last writes: what that loses is noticed, and nobody makes it worse."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from devkit.valkey import valkey_server
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.timing import CORRECTION_PAUSE_SECONDS
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, CallResult, Granted
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, Warnings, event, granted, token
from tests.ledger.redis.wire import FaultyWire
from tests.polling import eventually


class Pair:
    """A primary and its replica behind one address."""

    def __init__(self, cleanup: ExitStack) -> None:
        primary, replica = (cleanup.enter_context(valkey_server(repl_diskless_sync_delay=0)) for _ in range(2))
        self.primary = cleanup.enter_context(Redis.from_url(primary.connection_url))
        self.replica = cleanup.enter_context(Redis.from_url(replica.connection_url))
        self._replica_port = replica.port
        self._wire = FaultyWire(primary.port, None)
        cleanup.callback(self._wire.close)
        self.url = f"redis://127.0.0.1:{self._wire.port}"
        self.namespace = token()
        self.warnings = Warnings()
        self._cleanup = cleanup
        self.replica.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        eventually(lambda: self.replica.info("replication").get("master_link_status") == "up")

    def client(self) -> RedisLedger:
        ledger = RedisLedger(self.url, self.namespace, LIMITS, SystemClock(), self.warnings)
        self._cleanup.callback(ledger.close)
        return ledger

    def loses_what_comes(self) -> None:
        """From now on the replica gets nothing; what it has by now it keeps."""
        self.primary.execute_command("WAIT", 1, 5000)
        self.replica.execute_command("REPLICAOF", "NO", "ONE")

    def fails_over(self) -> None:
        self._wire.lead_to(self._replica_port)

    @property
    def noticed(self) -> int:
        return sum(name == "ledger_may_have_forgotten" for name, _ in self.warnings.lines)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as cleanup:
        yield Pair(cleanup)


def applied(ledger: RedisLedger, name: str, **about: object) -> None:
    ledger.admit([event(name, **about)])  # type: ignore[arg-type] # by their names
    under = token()
    granted(ledger, under=under)
    ledger.settle([(TASK, under, CallResult.APPLIED)])


def test_a_failover_is_noticed_once_and_costs_a_second(pair: Pair) -> None:
    """By the first client that meets the new primary; slots that were forgotten are not handed out twice."""
    one, two = pair.client(), pair.client()
    for ledger in (one, two):
        ledger.admit([event(token())])
    assert one.lost_at() is None
    pair.loses_what_comes()
    before = one.reserve(100, within=5)
    pair.fails_over()
    after = [slot for ledger in (one, two, pair.client()) for slot in ledger.reserve(1, within=5)]
    assert pair.noticed == 1
    assert one.lost_at() == pytest.approx(SystemClock().wall_us(), abs=30e6)
    assert min(after).start - before[0].start >= CORRECTION_PAUSE_SECONDS - 0.05
    assert pair.client().get(TASK) is not None
    assert pair.noticed == 1


def test_an_emptied_store_is_noticed(pair: Pair) -> None:
    """By a client that has another connection: it knew the store before."""
    ledger = pair.client()
    ledger.admit([event()])
    pair.loses_what_comes()
    pair.replica.flushall()
    pair.fails_over()
    ledger.admit([event()])
    assert pair.noticed == 1


def test_an_older_event_wins_over_the_newest_that_was_lost(pair: Pair) -> None:
    """Lost: the newest event of a task. Time does not bring it back."""
    ledger = pair.client()
    applied(ledger, "old", at=1, interval=60)
    pair.loses_what_comes()
    applied(ledger, "newest", at=5, interval=2)
    pair.fails_over()
    [answer] = ledger.admit([event("late", at=3, interval=50)])
    assert answer.answer is Admission.NEW


def test_an_event_that_was_lost_is_called_for_again(pair: Pair) -> None:
    """Lost: that it was applied."""
    ledger = pair.client()
    pair.loses_what_comes()
    applied(ledger, "e1", at=1)
    pair.fails_over()
    [answer] = ledger.admit([event("e1", at=1)])
    assert answer.answer is Admission.NEW


def test_two_calls_of_a_task_may_be_in_flight_at_once(pair: Pair) -> None:
    """Lost: a lease."""
    ledger = pair.client()
    ledger.admit([event(), event("other", task=OTHER_TASK)])
    pair.loses_what_comes()
    granted(ledger)
    pair.fails_over()
    assert isinstance(pair.client().begin([(TASK, token())])[0], Granted)


def test_no_confirmation_of_before_counts_as_unchanged(pair: Pair) -> None:
    """It may be of an event that a newer, lost one has undone."""
    ledger = pair.client()
    applied(ledger, "old", at=1, interval=60)
    pair.loses_what_comes()
    applied(ledger, "lost", at=2, interval=2)
    pair.fails_over()
    again = event("again", at=3, interval=60)._replace(skip_unchanged_within=300)
    ledger.admit([again])
    [begun] = ledger.begin([(TASK, "t1")])
    assert isinstance(begun, Granted)
    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    ledger.admit([event("more", at=4, interval=60)._replace(skip_unchanged_within=300)])
    [begun] = ledger.begin([(TASK, "t2")])
    assert isinstance(begun, AlreadyApplied)
    assert begun.unchanged

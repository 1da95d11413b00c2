"""An operator's bounds: what is called is within them, what is desired is as without them, on every backend."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.listing import TaskQuery
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import LATE_CALL_SECONDS, TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, Bounds, CallResult, Forgotten, Granted
from tests.ledger import backends
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, Backend, SqliteBackend, ValkeyBackend, event, granted, token
from tests.ledger.frozen import Bench, memory_bench, sqlite_bench, valkey_bench, wanted
from tests.ledger.settling import call


@pytest.fixture(params=["sqlite", "valkey", "memory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    match request.param:
        case "sqlite":
            opened = sqlite_bench(tmp_path)
        case "memory":
            opened = memory_bench()
        case _:
            opened = valkey_bench(request.getfixturevalue("valkey").connection_url)
    with opened as made:
        yield made


def step_in(
    bench: Bench, least: int | None, most: int | None, lasts: int = 60, reason: str = "incident"
) -> tuple[Bounds, Bounds | None]:
    return bench.ledger.set_bounds(TASK, least=least, most=most, lasts_seconds=lasts, reason=reason, caller="alice")


def needs_no_call(bench: Bench) -> int:
    [begun] = bench.ledger.begin([(TASK, token())])
    assert isinstance(begun, AlreadyApplied)
    return begun.intent.interval


@pytest.mark.parametrize(("least", "most", "expected"), [(None, 5, 5), (30, None, 30), (7, 7, 7), (10, 40, 20)])
def test_what_is_called_is_within_them(bench: Bench, least: int | None, most: int | None, expected: int) -> None:
    """The nearest interval; what is desired stays, and whose they are comes with the right to call."""
    bench.take(wanted(20, at=0))
    assert bench.call() == 20
    step_in(bench, least, most)
    if expected == 20:
        assert needs_no_call(bench) == 20
        return
    [begun] = bench.ledger.begin([(TASK, under := token())])
    assert isinstance(begun, Granted)
    assert (begun.intent.interval, begun.bounds and begun.bounds.caller) == (expected, "alice")
    bench.ledger.settle([(TASK, under, CallResult.APPLIED)])
    state = bench.state()
    assert (state.desired.interval, state.wanted.interval, state.applied and state.applied.interval) == (
        20,
        expected,
        expected,
    )
    assert needs_no_call(bench) == expected


def test_they_end_by_themselves_and_are_due_then(bench: Bench) -> None:
    """What events ask for holds again; nobody has to do anything but the reconciler."""
    bench.take(wanted(20, at=0))
    bench.call()
    step_in(bench, None, 5)
    bench.call()
    bench.clock.seconds = 59.9
    assert bench.ledger.claim_due(5) == []
    assert needs_no_call(bench) == 5
    bench.clock.seconds = 60.1
    assert bench.ledger.claim_due(5) == [TASK]
    assert (bench.ledger.bounds(TASK), bench.state().bounds) == (None, None)
    assert bench.call() == 20
    assert bench.ledger.claim_due(5) == []


def test_cleared_ones_hold_no_longer(bench: Bench) -> None:
    """What was cleared is told, once."""
    bench.take(wanted(20, at=0))
    held, _ = step_in(bench, None, 5)
    assert bench.call() == 5
    assert bench.ledger.clear_bounds(TASK) == held
    assert bench.ledger.clear_bounds(TASK) is None
    assert bench.call() == 20


def test_the_later_replaces_the_earlier_and_goes_on_with_its_beginning(bench: Bench) -> None:
    """Since when the task has had bounds shows whether they are renewed for days."""
    first, before = step_in(bench, None, 5)
    assert before is None
    bench.clock.seconds = 30
    second, before = step_in(bench, 60, None, reason="other")
    assert before == first
    assert (second.least, second.most, second.reason) == (60, None, "other")
    assert second.set_us == first.set_us
    assert second.until_us - first.until_us == 30_000_000
    assert bench.ledger.bounds(TASK) == second
    bench.clock.seconds = 91
    third, before = step_in(bench, None, 5)
    assert before is None
    assert third.set_us > second.set_us


def test_they_may_come_before_the_first_event_and_outlive_the_task(bench: Bench) -> None:
    """Nothing is called then; what ends at the provider is forgotten but for them."""
    step_in(bench, None, 5)
    [begun] = bench.ledger.begin([(TASK, token())])
    assert isinstance(begun, Forgotten)
    assert bench.ledger.claim_due(5) == []
    assert bench.ledger.get(TASK) is None
    assert [each.task for each in bench.ledger.tasks(TaskQuery(bounded=True)).tasks] == [TASK]
    assert bench.take(wanted(20, at=0)).answer is Admission.NEW
    assert bench.call() == 5
    assert bench.ledger.forget(TASK, bench.state())
    assert bench.ledger.bounds(TASK) is not None
    bench.take(wanted(30, at=1))
    assert bench.call() == 5


def test_adjustments_end_and_longer_ones_wait_underneath(bench: Bench) -> None:
    """As without them: when they end, what holds is what would hold."""
    bench.take(wanted(20, at=0))
    bench.take(wanted(2, at=0, rule="alert", lasts=30))
    step_in(bench, 9, 9, lasts=50)
    assert bench.call() == 9
    bench.clock.seconds = 31
    assert bench.state().desired.interval == 20
    assert bench.call() == 9  # of another event: nobody has asked for it before
    bench.clock.seconds = 51
    assert bench.ledger.claim_due(5) == [TASK]
    assert bench.call() == 20


def test_the_same_interval_within_a_cooldown_needs_no_call(bench: Bench) -> None:
    """Two events of which bounds make the same."""
    bench.take(wanted(20, at=0, skip=60))
    step_in(bench, None, 5)
    assert bench.call() == 5
    bench.clock.seconds = 1
    bench.take(wanted(30, at=1, skip=60))
    assert needs_no_call(bench) == 5


def test_what_is_not_called_at_once_is_due_later(bench: Bench) -> None:
    """Whoever set them calls; where that fails, the reconciler does."""
    bench.take(wanted(20, at=0))
    bench.call()
    step_in(bench, None, 5, lasts=600)
    bench.clock.seconds = TRY_AGAIN_SECONDS - 1
    assert bench.ledger.claim_due(5) == []
    bench.clock.seconds = TRY_AGAIN_SECONDS + 1
    assert bench.ledger.claim_due(5) == [TASK]
    assert bench.call(CallResult.FAILED) == 5
    bench.clock.seconds += TRY_AGAIN_SECONDS + 1
    assert bench.ledger.claim_due(5) == [TASK]
    assert bench.call() == 5


def test_a_call_of_before_that_nobody_knows_about_leaves_doubt(bench: Bench) -> None:
    """Bounds prove nothing: only a call that is begun when the other can no longer arrive does."""
    bench.take(wanted(20, at=0))
    bench.call(CallResult.UNKNOWN)
    step_in(bench, None, 5, lasts=600)
    assert bench.call() == 5
    assert bench.state().doubt_until is not None
    bench.clock.seconds = LATE_CALL_SECONDS + 1
    assert bench.ledger.claim_due(5) == [TASK]
    assert bench.call() == 5
    assert bench.state().doubt_until is None


def test_a_call_in_flight_is_waited_for(bench: Bench) -> None:
    """It says what was wanted before; the next one says what is wanted now."""
    bench.take(wanted(20, at=0))
    bench.ledger.begin([(TASK, "t")])
    step_in(bench, None, 5)
    bench.ledger.settle([(TASK, "t", CallResult.APPLIED)])
    assert bench.call() == 5


def test_a_shorter_interval_by_them_goes_first(bench: Bench) -> None:
    """What shortens is judged by what would be called."""
    bench.take(wanted(20, at=0))
    bench.call()
    step_in(bench, None, 5)
    assert bench.take(wanted(30, at=1)).shortens
    bench.call()
    assert not bench.take(wanted(40, at=2)).shortens


@pytest.mark.parametrize("retried", [1, 11])
def test_a_person_may_not_become_what_events_asked_for(bench: Bench, retried: int) -> None:
    """A retry that another policy decides takes back what it had left: the base of before holds again, as its event
    asked for it, also where the last call was made within bounds that are over by now.
    """
    bench.take(wanted(20, at=0, name="first"))
    step_in(bench, 600, 600, lasts=10)
    assert bench.call() == 600
    bench.take(wanted(30, at=1, name="second"))
    bench.clock.seconds = retried
    bench.take_again(2, rule="alert", for_seconds=5)
    bench.clock.seconds = 17
    assert bench.state().desired.interval == 20
    assert bench.call() == 20


@pytest.mark.parametrize("lasts", [60, 86_400])
def test_every_client_knows_them_and_so_does_the_next_one(backend: Backend, lasts: int) -> None:
    """They survive whoever has set them."""
    one = backend.client()
    one.admit([event()])
    held, _ = one.set_bounds(TASK, least=None, most=2, lasts_seconds=lasts, reason="incident 4711: 深夜", caller="a/b")
    one.close()
    other = backend.client()
    assert other.bounds(TASK) == held
    state = other.get(TASK)
    assert state is not None
    assert (state.bounds, state.wanted.interval) == (held, 2)
    assert other.bounds(OTHER_TASK) is None
    backend.advance(lasts + 1)
    assert other.bounds(TASK) is None


def test_the_record_lives_as_long_as_they_do_and_the_task_memory_after_them(backend: Backend) -> None:
    """Also where the task memory is shorter than the bounds hold."""
    short = backends.limits(task_ttl=100, idempotency_ttl=100)
    client = backend.client(short)
    client.admit([event()])
    client.set_bounds(TASK, least=None, most=2, lasts_seconds=3600, reason="r", caller="c")
    backend.advance(3600 + 90)
    assert client.get(TASK) is not None
    backend.advance(LIMITS.max_clock_skew + 20)
    assert client.get(TASK) is None


def test_a_store_that_takes_no_write_says_what_holds(redis_backend: ValkeyBackend) -> None:
    """To look changes nothing."""
    held, _ = redis_backend.client().set_bounds(TASK, least=None, most=2, lasts_seconds=60, reason="r", caller="c")
    redis_backend.log_in_as("who-reads", "~* +@all -@write +eval +evalsha")
    assert redis_backend.client().bounds(TASK) == held


def test_what_cannot_be_read_is_set_aside_and_its_neighbours_live(redis_backend: ValkeyBackend) -> None:
    client = redis_backend.client()
    assert isinstance(client, RedisLedger)
    client.admit([event(), event("e2", task=OTHER_TASK)])
    for task in (TASK, OTHER_TASK):
        client.set_bounds(task, least=None, most=2, lasts_seconds=60, reason="r", caller="c")
    keys = client._keys
    with Redis.from_url(redis_backend.url) as server:
        server.hset(keys.bounds.decode(), keys.task(TASK), b"\xffrubbish")
    state = client.get(TASK)
    assert state is not None
    assert (state.bounds, client.bounds(TASK)) == (None, None)
    assert client.bounds(OTHER_TASK) is not None
    assert client.set_aside(5).total == 1


def test_what_cannot_be_read_of_a_file_is_set_aside(tmp_path: Path) -> None:
    with ExitStack() as cleanup:
        client = SqliteBackend(tmp_path / "ledger.db", cleanup).client()
        client.admit([event()])
        client.set_bounds(TASK, least=None, most=2, lasts_seconds=60, reason="r", caller="c")
        assert isinstance(client, SqliteLedger)
        with client._file.transaction() as database:
            database.execute("UPDATE bounds SET most = 'x'")
        assert client.bounds(TASK) is None
        assert client.set_aside(5).total == 1


@pytest.mark.parametrize(
    "text",
    [
        b"0\x005\x00" + b"9" * 22 + b"\x001\x00c\x00r",
        b"0\x005\x00%d\x00" + b"9" * 22 + b"\x00c\x00r",
        b"0\x005\x00%d\x001\x00c",
    ],
)
def test_bounds_that_make_no_sense_are_set_aside_and_their_task_is_not(
    redis_backend: ValkeyBackend, text: bytes
) -> None:
    """Times that are none, no reason, no bound, or none that can be."""
    client = redis_backend.client()
    assert isinstance(client, RedisLedger)
    client.admit([event(interval=20)])
    client.set_bounds(TASK, least=None, most=2, lasts_seconds=60, reason="r", caller="c")
    later = redis_backend.clock.wall_us() + 60_000_000
    text = text.replace(b"%d", b"%d" % later)
    with Redis.from_url(redis_backend.url) as server:
        server.hset(client._keys.bounds.decode(), client._keys.task(TASK).decode(), text)
    assert granted(client, under="t").intent.interval == 20
    client.settle([(TASK, "t", CallResult.APPLIED)])
    assert client.get(TASK) is not None
    assert client.bounds(TASK) is None
    assert client.set_aside(5).total == 1


def test_an_event_does_not_shorten_the_life_of_a_record_with_bounds(backend: Backend) -> None:
    """Else nobody would be there to call when they end."""
    client = backend.client(backends.limits(task_ttl=100, idempotency_ttl=100, max_clock_skew=0))
    client.admit([event()])
    client.set_bounds(TASK, least=None, most=2, lasts_seconds=3600, reason="r", caller="c")
    client.admit([event("e2")])
    call(client, "t1", CallResult.APPLIED)
    assert client.admit([event("e2")])[0].answer is Admission.DUPLICATE
    assert client.admit([event()])[0].answer is Admission.SUPERSEDED
    backend.advance(3601)
    assert client.claim_due(5) == [TASK]
    assert granted(client).intent.interval == 5


@pytest.mark.parametrize("command", ["hget", "hdel", "pttl", "pexpire"])
def test_who_may_not_keep_bounds_breaks_nothing_by_trying(redis_backend: ValkeyBackend, command: str) -> None:
    """Nothing is written by half: events go on, and the reconciler does."""
    redis_backend.log_in_as(f"old-{command}", f"~* +@all -{command}")
    client = redis_backend.client()
    client.admit([event()])
    with pytest.raises(LedgerUnavailable):
        client.set_bounds(TASK, least=None, most=2, lasts_seconds=60, reason="r", caller="c")
    assert client.admit([event("e2", at=1)])[0].answer is Admission.NEW
    assert granted(client).intent.interval == 5
    assert client.claim_due(5) == []
    assert client.claim_checks(5) == [TASK]
    assert not client.tasks(TaskQuery(bounded=True)).tasks


def test_what_became_of_spoilt_bounds_is_mended_in_turn(redis_backend: ValkeyBackend) -> None:
    """Nobody has to wait for their end."""
    client = redis_backend.client()
    assert isinstance(client, RedisLedger)
    client.admit([event(interval=20)])
    client.set_bounds(TASK, least=None, most=2, lasts_seconds=6000, reason="r", caller="c")
    call(client, "t", CallResult.APPLIED)
    with Redis.from_url(redis_backend.url, decode_responses=True) as server:
        names = client._keys.bounds.decode(), client._keys.task(TASK).decode()
        server.hset(*names, str(server.hget(*names)).replace("\x002\x00", "\x00601\x00"))
    assert_mended_in_turn(redis_backend, client)


def test_what_became_of_spoilt_bounds_in_a_file_is_mended_in_turn(tmp_path: Path) -> None:
    with ExitStack() as cleanup:
        backend = SqliteBackend(tmp_path / "ledger.db", cleanup)
        client = backend.client()
        assert isinstance(client, SqliteLedger)
        client.admit([event(interval=20)])
        client.set_bounds(TASK, least=None, most=2, lasts_seconds=6000, reason="r", caller="c")
        call(client, "t", CallResult.APPLIED)
        with client._file.transaction() as database:
            database.execute("UPDATE bounds SET most = 'x'")
        assert_mended_in_turn(backend, client)


def assert_mended_in_turn(backend: Backend, client: backends.Client) -> None:
    """As the reconciler looks at the task, nothing says yet that a call is due."""
    backend.advance(TRY_AGAIN_SECONDS + 1)
    assert client.claim_due(5) == []
    assert client.claim_checks(5) == [TASK]
    assert client.claim_due(5) == [TASK]
    assert granted(client).intent.interval == 20


def test_what_bounds_made_of_a_call_is_nobodys_wish_when_they_are_over_either(bench: Bench) -> None:
    """A retry that another policy decides takes back what it had left, before anybody could call again."""
    bench.take(wanted(20, at=0, name="first"))
    step_in(bench, 600, 600, lasts=10)
    assert bench.call() == 600
    bench.take(wanted(30, at=1, name="second"))
    bench.clock.seconds = 11
    bench.take_again(2, rule="alert", for_seconds=15)
    bench.clock.seconds = 20
    assert bench.state().desired.interval != 600

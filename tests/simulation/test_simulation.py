"""Promise: whatever goes wrong on the way, every task ends at its newest event's interval, or that is a dead letter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest

from devkit.simulation.__main__ import CHOICES, FAILOVER, faults_named, table
from devkit.simulation.faults import ALL, Faults
from devkit.simulation.judgement import RunReport
from devkit.simulation.run import run
from devkit.valkey import valkey_server
from snapshot_tuner.events.arrival import Arrivals
from snapshot_tuner.ledger import precedence, transitions
from snapshot_tuner.ledger.in_process.ledger import InProcessLedger
from snapshot_tuner.ledger.transitions import KeyState
from snapshot_tuner.ledger.types import Admission, Bounds, CallResult, Intent, Lease, Settlement, TaskState
from snapshot_tuner.tuning.reconciler import Reconciler, RunFigures
from tests.effort import cases

SEEDS = range(cases(6))


@cache  # for several tests, which break nothing
def traced(seed: int, name: str) -> tuple[RunReport, list[str]]:
    lines: list[str] = []
    return run(seed, faults_named(name), trace=lines.append), lines


def report_of(seed: int, name: str) -> RunReport:
    return traced(seed, name)[0]


@pytest.mark.parametrize("name", [name for name in CHOICES if name != FAILOVER])
def test_no_promise_is_broken(name: str) -> None:
    """Each fault alone that a SQLite file has, and all at once; `make simulate` runs many more seeds."""
    seeds = SEEDS[: cases(3)] if name == "everything" else SEEDS[: cases(1)]
    broken = {seed: report.broken for seed in seeds if (report := report_of(seed, name)).broken}
    assert broken == {}


def test_no_promise_is_broken_on_valkey_either(valkey_url: str) -> None:
    """The same runs, but for the tokens, on the real scripts in a real server."""
    # SQLite notices at once that its clock is set, Valkey's clients with their slots; what is spoilt is found by SQLite
    # before the tasks to read back are counted, and by Valkey among them; and SQLite has no replica.
    faults = replace(ALL, store_clock_set=0, poisoned_record=0, failover=0)
    for seed in SEEDS[: cases(1)]:
        report = run(seed, faults, valkey_url=valkey_url)
        assert report.broken == ()
        assert report == run(seed, faults)
        for fault in ("store_clock_set", "poisoned_record"):
            assert run(seed, faults_named(fault), valkey_url=valkey_url).broken == ()


def test_after_failovers_what_is_lost_is_made_no_worse(valkey_url: str) -> None:
    """Ten in a run. The events of the last second may be lost; the rest stands where it should, or at less."""
    seeds = SEEDS[1 : 1 + cases(1)]
    reports = [run(seed, replace(Faults(), failover=1.0), valkey_url=valkey_url) for seed in seeds]
    assert sum(len(report.lost) for report in reports) > len(reports)
    assert [report.broken for report in reports] == [()] * len(reports)
    assert run(SEEDS[0], replace(ALL, store_clock_set=0), valkey_url=valkey_url).broken == ()


def test_it_notices_a_reconciler_that_repairs_what_a_failover_has_lost(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reconciler, "_is_stale", lambda *_: False)
    reports = (run(seed, replace(Faults(), failover=1.0), valkey_url=valkey_url) for seed in SEEDS[1:])
    assert any("after a failover the reconciler lengthens" in broken for report in reports for broken in report.broken)


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with valkey_server() as server:
        yield server.connection_url


def test_records_are_spoilt_and_their_neighbours_do_not_notice() -> None:
    """Somebody else has written into the store: what that was is kept, and every other task ends right."""
    reports = [report_of(seed, "poisoned_record") for seed in SEEDS[: cases(2)]]
    assert sum(report.set_aside for report in reports) > len(reports) // 3
    assert [report.broken for report in reports] == [()] * len(reports)


def test_without_faults_nothing_is_left_over() -> None:
    """No dead letter, no doubt, and at most one call per event, and per edge of a task: there are four."""
    report = report_of(0, "none")
    assert (report.dead_letters, report.wrong, report.in_doubt) == (0, frozenset(), frozenset())
    assert 0 < report.calls <= report.events + 4 * report.tasks


def test_a_seed_replays_its_run() -> None:
    """The same seed gives the same trace, line by line, but for the tokens that nobody compares."""
    lines: list[str] = []
    report = run(0, ALL, trace=lines.append)
    assert (report, lines) == traced(0, "everything")


def test_the_table_has_a_line_for_each_fault() -> None:
    report = report_of(0, "none")
    lines = table([("none", [report]), ("everything", [report, report])]).splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["fault", "---", "none", "everything"]
    assert f"| {2 * report.events:,} |" in lines[3]


# What follows breaks the ledger on purpose: a simulation that finds nothing then would prove nothing.


def test_it_notices_an_edge_that_nobody_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that stays at what it was until its next event, which never comes."""
    monkeypatch.setattr(precedence, "_passed", lambda intent, now: intent)  # noqa: ARG005 - as it is called
    assert any(run(seed, faults_named("none")).wrong for seed in SEEDS)


def test_it_notices_bounds_that_nobody_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that stays within them until its next event, which never comes."""
    right = transitions.due

    def due(state: TaskState, now: int) -> int | None:
        return right(state._replace(desired=state.wanted, bounds=None), now)

    monkeypatch.setattr(transitions, "due", due)
    monkeypatch.setattr(InProcessLedger, "claim_checks", lambda *_: [])  # which would find it in turn
    assert run(1, faults_named("operator_bounds")).wrong


def test_it_notices_bounds_that_nobody_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls with what events ask for."""
    monkeypatch.setattr(Bounds, "clamp", lambda _, intent: intent)
    reports = (run(seed, faults_named("operator_bounds")) for seed in reversed(range(5)))
    assert any(
        report.wrong and any("out of its bounds" in violation for violation in report.violations) for report in reports
    )


def test_it_notices_when_late_events_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an order the event that arrives last wins."""
    right = transitions.admit

    def admit(
        state: TaskState | None,
        known: KeyState | None,
        intent: Intent,
        fingerprint: str,
        now: int,
        *,
        ends: Sequence[str] = (),
    ) -> tuple[Admission, TaskState | None]:
        answer, after = right(state, known, intent, fingerprint, now, ends=ends)
        if answer is Admission.SUPERSEDED and after is not None and intent.interval:
            return Admission.NEW, after._replace(desired=intent, base=intent)
        return answer, after

    monkeypatch.setattr(transitions, "admit", admit)
    assert any(run(seed, faults_named("reordered")).wrong for seed in SEEDS[1:])


def test_it_notices_an_alert_that_comes_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for one that is open: its task stays at it."""
    monkeypatch.setattr(precedence, "cut", lambda _, intent: intent)
    assert any(run(seed, faults_named("reordered")).wrong for seed in SEEDS)


def test_it_notices_two_calls_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without leases two instances call one task at once, and the older call may arrive last."""
    right = transitions.begin

    def begin(state: TaskState, token: str, now: int) -> tuple[Lease | None, bool, TaskState]:
        return right(state._replace(lease=None), token, now)

    monkeypatch.setattr(transitions, "begin", begin)
    assert any(run(seed, ALL).broken for seed in SEEDS)


def test_it_notices_forgotten_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that may still arrive, taken for one that failed, undoes a newer one unnoticed."""
    right = transitions.settle

    def settle(
        state: TaskState, token: str, result: CallResult, now: int
    ) -> tuple[Settlement, Intent | None, TaskState]:
        result = CallResult.FAILED if result is CallResult.UNKNOWN else result
        return right(state, token, result, now)

    monkeypatch.setattr(transitions, "settle", settle)
    monkeypatch.setattr(transitions, "advance_to", _without_old_lease)
    assert any(run(seed, faults_named("client_timeout")).wrong for seed in SEEDS)


def test_it_notices_a_reconciler_that_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then adjustments do not end, and restarted tasks keep their default."""
    monkeypatch.setattr(Reconciler, "run", lambda *_: RunFigures())
    assert run(SEEDS[0], ALL).broken != ()
    assert run(SEEDS[0], faults_named("none")).broken != ()


def test_it_notices_when_events_of_one_second_are_ordered_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the queue's word their ids decide, which say nothing."""
    monkeypatch.setattr(Arrivals, "sent_us", lambda *_: 0)
    assert any(run(seed, replace(Faults(), whole_seconds=1.0)).wrong for seed in SEEDS)


def _without_old_lease(state: TaskState, now: int) -> TaskState:
    return state._replace(lease=None) if state.lease is not None and state.lease.until <= now else state

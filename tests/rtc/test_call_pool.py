"""Calls in flight: those that end together are handed over together, and nobody waits for more than that."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import cast

import pytest

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import ApiError, CallAbandoned
from snapshot_tuner.ledger.types import Intent, Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc import call_pool
from snapshot_tuner.rtc.call_pool import ApiCalls
from snapshot_tuner.rtc.calls import Call
from snapshot_tuner.rtc.client import BeforeSend, SnapshotApi
from snapshot_tuner.rtc.http.tasks import Task, Wait

LONG = 60.0


class Api:
    """Answers at once, but for one room, whose calls end when the test says so."""

    def __init__(self) -> None:
        self.released: Future[None] = Future()

    def update(self, task: TaskRef, *_: object, before_send: BeforeSend, **__: object) -> Task[None]:
        yield from before_send()
        if task.room_id == "slow":
            yield Wait(SystemClock().monotonic() + LONG, future=self.released)
            assert self.released.done()
        if task.room_id == "broken":
            raise KeyError("a bug")

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def in_flight(api: Api) -> Iterator[ApiCalls]:
    calls = ApiCalls(cast("SnapshotApi", api), SystemClock(), 4)
    yield calls
    if not api.released.done():
        api.released.set_result(None)
    calls.close()


def start(in_flight: ApiCalls, room: str, *, slot_in: float = 0.0, slot_for: float = LONG) -> None:
    now = SystemClock().monotonic() + slot_in
    intent = Intent("key", 10, None, "rule", "event", "source", "name")
    in_flight.start(Call(TaskRef("app", room, "task"), room, intent, Slot(now, now + slot_for), now + LONG, 7.0))


def finished(in_flight: ApiCalls) -> set[str]:
    return {end.call.task.room_id for end in in_flight.finished(SystemClock().monotonic() + LONG)}


def test_calls_that_end_within_a_moment_come_together(
    api: Api, in_flight: ApiCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one ends while the first one's moment lasts, however long that is."""
    monkeypatch.setattr(call_pool, "_COALESCE_SECONDS", LONG)
    start(in_flight, "quick")
    start(in_flight, "slow")
    threading.Timer(0.05, api.released.set_result, [None]).start()
    assert finished(in_flight) == {"quick", "slow"}


def test_a_call_that_goes_on_is_not_waited_for(api: Api, in_flight: ApiCalls) -> None:
    start(in_flight, "slow")
    start(in_flight, "quick")
    assert finished(in_flight) == {"quick"}
    api.released.set_result(None)
    assert finished(in_flight) == {"slow"}


def test_the_last_call_is_handed_over_at_once(in_flight: ApiCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing else that could end in that moment, also after earlier calls have come and gone."""
    monkeypatch.setattr(call_pool, "_COALESCE_SECONDS", 10 * LONG)  # longer than a test may take
    for room in ("first", "second"):
        start(in_flight, room)
        assert finished(in_flight) == {room}


def test_closing_waits_for_the_calls_in_flight(api: Api) -> None:
    """Their connections are in use until then."""
    calls = ApiCalls(cast("SnapshotApi", api), SystemClock(), 4)
    start(calls, "slow")
    calls.finished(SystemClock().monotonic())
    threading.Timer(0.05, api.released.set_result, [None]).start()
    calls.close()
    assert api.released.done()


def test_a_call_waits_for_its_slot(in_flight: ApiCalls) -> None:
    """Not a moment earlier is it sent."""
    begun = SystemClock().monotonic()
    start(in_flight, "later", slot_in=0.05)
    assert finished(in_flight) == {"later"}
    assert SystemClock().monotonic() - begun >= 0.05


def test_a_call_whose_slot_is_over_is_not_made(in_flight: ApiCalls) -> None:
    """The machine paused, for instance; another slot is as good."""
    start(in_flight, "late", slot_in=-1.0, slot_for=0.5)
    (end,) = in_flight.finished(SystemClock().monotonic() + LONG)
    assert isinstance(end.error, CallAbandoned)
    assert str(end.error) == "its slot was missed"


def test_a_fault_of_ours_leaves_the_outcome_unknown_and_stands_in_the_log(
    in_flight: ApiCalls, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the call was sent by then, nobody knows; the calls beside it go on."""
    start(in_flight, "broken")
    (end,) = in_flight.finished(SystemClock().monotonic() + LONG)
    assert isinstance(end.error, ApiError)
    assert (end.error.code, end.error.outcome_unknown) == ("KeyError", True)
    assert [record.getMessage() for record in caplog.records] == ["call_broke"]
    start(in_flight, "quick")
    assert finished(in_flight) == {"quick"}

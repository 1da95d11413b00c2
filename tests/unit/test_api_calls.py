"""Calls in flight: those that end together are handed over together, and nobody waits for more than that."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest

from snapshot_tuner import calls
from snapshot_tuner.calls import ThreadedCalls
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.dispatch import Call
from snapshot_tuner.ledger import Slot, Wish
from snapshot_tuner.model import TaskRef

if TYPE_CHECKING:
    from snapshot_tuner.snapshot_api import SnapshotApi

LONG = 60.0


class Api:
    """Answers at once, but for one room, whose calls end when the test says so."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def update(self, task: TaskRef, *_: object, **__: object) -> None:
        if task.room_id == "held":
            assert self.released.wait(LONG)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def threaded(api: Api) -> Iterator[ThreadedCalls]:
    threaded = ThreadedCalls(cast("SnapshotApi", api), SystemClock(), 4)
    yield threaded
    api.released.set()
    threaded.close()


def start(threaded: ThreadedCalls, room: str) -> None:
    now = SystemClock().monotonic()
    wish = Wish("key", 10, None, "rule", "event", "source", "name")
    threaded.start(Call(TaskRef("app", room, "task"), room, wish, Slot(now, now + LONG), now + LONG, 7.0))


def finished(threaded: ThreadedCalls) -> set[str]:
    return {end.call.task.room_id for end in threaded.finished(SystemClock().monotonic() + LONG)}


def test_calls_that_end_within_a_moment_come_together(
    api: Api, threaded: ThreadedCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the threads are scheduled: the second one ends while the first one's moment lasts."""
    monkeypatch.setattr(calls, "_FLOCK_SECONDS", LONG)
    start(threaded, "quick")
    start(threaded, "held")
    threading.Timer(0.05, api.released.set).start()
    assert finished(threaded) == {"quick", "held"}


def test_a_call_that_goes_on_is_not_waited_for(api: Api, threaded: ThreadedCalls) -> None:
    start(threaded, "held")
    start(threaded, "quick")
    assert finished(threaded) == {"quick"}
    api.released.set()
    assert finished(threaded) == {"held"}


def test_the_last_call_is_handed_over_at_once(threaded: ThreadedCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing else that could end in that moment, also after earlier calls have come and gone."""
    monkeypatch.setattr(calls, "_FLOCK_SECONDS", 10 * LONG)  # longer than a test may take
    for room in ("first", "second"):
        start(threaded, room)
        assert finished(threaded) == {room}

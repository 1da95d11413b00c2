"""Two clients and more on every operation at once: each step is atomic in the store."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest

from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Admission, Busy, CallResult, Granted
from tests.ledger.backends import LIMITS, TASK, Backend, event, granted, token

pytestmark = pytest.mark.parametrize("backend", ["sqlite", "valkey"], indirect=True)
"""The one in memory is for one thread."""

CLIENTS = 4
T = TypeVar("T")


def race(backend: Backend, step: Callable[[Ledger, int], T]) -> list[T]:
    """What the step gives to each of several clients that take it at the same moment."""
    ready = Barrier(CLIENTS)

    def run(index: int) -> T:
        ledger = backend.client()
        ledger.admit([event("warm-up", at=-200)])
        ready.wait(timeout=10)
        return step(ledger, index)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def test_an_event_is_new_to_one_client_only(backend: Backend) -> None:
    """Of 50 events, each is new once and a retry for all others."""
    batch = [event(f"e{index}", at=index) for index in range(50)]
    answers = race(backend, lambda ledger, _: [ledger.admit([each])[0].answer for each in batch])
    for of_one_event in zip(*answers, strict=True):
        assert Counter(of_one_event)[Admission.NEW] == 1
    first = Counter(answer for answers_of_one in answers for answer in answers_of_one)
    assert set(first) <= {Admission.NEW, Admission.RETRY, Admission.SUPERSEDED}


def test_the_newest_event_wins_whoever_admits_it_last(backend: Backend) -> None:
    """Four clients admit 50 events each, interleaved, in falling and rising order."""

    def admit(ledger: Ledger, index: int) -> None:
        times = range(index, 200, CLIENTS)
        for at in times if index % 2 else reversed(times):
            ledger.admit([event(f"e{at}", at=at)])

    race(backend, admit)
    assert granted(backend.client()).intent.event_id == "e199"


def test_one_of_many_gets_the_call(backend: Backend) -> None:
    """The others are told that the task is busy."""
    backend.client().admit([event()])
    answers = race(backend, lambda ledger, _: ledger.begin([(TASK, token())])[0])
    assert sum(isinstance(each, Granted) for each in answers) == 1
    assert answers.count(Busy()) == CLIENTS - 1


def test_calls_for_one_task_never_overlap(backend: Backend) -> None:
    """Begin, look, settle, over and over: nobody else is inside."""
    backend.client().admit([event("e1")])
    inside: list[int] = []
    overlaps: list[int] = []

    def work(ledger: Ledger, index: int) -> int:
        calls = 0
        for _ in range(60):
            under = token()
            if isinstance(ledger.begin([(TASK, under)])[0], Granted):
                inside.append(index)
                overlaps.append(len(inside) - 1)
                inside.remove(index)
                assert ledger.settle([(TASK, under, CallResult.FAILED)])[0].kept
                calls += 1
        return calls

    assert sum(race(backend, work)) == len(overlaps) > 0
    assert set(overlaps) == {0}


def test_no_slot_is_given_twice(backend: Backend) -> None:
    """Together the clients get what one alone would: the rate, from the first moment on."""
    within = 0.5
    before = backend.clock.monotonic()

    def take(ledger: Ledger, _: int) -> list[float]:
        return [slot.start for _ in range(40) for slot in ledger.reserve(5, within=within)]

    starts = sorted(start for of_one in race(backend, take) for start in of_one)
    span = backend.clock.monotonic() + within - before
    assert within * LIMITS.slots_per_second <= len(starts) <= span * LIMITS.slots_per_second + 1
    for first, later in zip(starts, starts[20:], strict=False):
        assert later - first >= 20 / LIMITS.slots_per_second - 0.03


def test_a_call_settled_twice_at_once_counts_once(backend: Backend) -> None:
    """A repeated request may overtake the first one."""
    ledger = backend.client()
    ledger.admit([event()])
    granted(ledger, under="t1")
    answers = race(backend, lambda other, _: other.settle([(TASK, "t1", CallResult.UNKNOWN)])[0])
    assert {(each.kept, each.in_doubt) for each in answers} == {(True, True)}

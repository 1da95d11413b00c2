"""Requests that wait together are one batch, and each gets what is its own: real threads, a tuner that is held."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any, TypeAlias, cast

import pytest

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.model import Outcome, OutcomeKind, Signal
from snapshot_tuner.tuning.joining import JOINED_MOST, JoinedTuners
from tests.polling import until

CLOCK = SystemClock()

Answer: TypeAlias = "Future[list[list[Outcome]]]"


def events(count: int, sender: str = "s") -> list[Signal]:
    return [Signal(f"{sender}-{number}", "/source", "load", 0, {}) for number in range(count)]


def applied(event: Signal) -> list[Outcome]:
    return [Outcome(OutcomeKind.APPLIED, "as asked", event.id, event.source)]


class HeldTuner:
    """Says the outcomes of `early` events at once, and the others when the test lets it go on, or fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.deadlines: list[float] = []
        self.early = 0
        self.end: Queue[Exception | None] = Queue()

    def process(
        self,
        batch: Sequence[Signal],
        deadline: float,
        *,
        on_outcomes: Callable[[int, Sequence[Outcome]], None],
        contexts: Sequence[object],
    ) -> list[list[Outcome]]:
        assert len(contexts) == len(batch)
        self.batches.append([event.id for event in batch])
        self.deadlines.append(deadline)
        for number in range(self.early):
            on_outcomes(number, applied(batch[number]))
        error = self.end.get(timeout=10)
        if error is not None:
            raise error
        return [applied(event) for event in batch]


class Requests:
    """Each is sent by a thread of its own, when the one before it is being worked on, or waits."""

    def __init__(self) -> None:
        self.tuner = HeldTuner()
        self.joined = JoinedTuners([lambda: cast("Any", self.tuner)], lambda: cast("Any", None), CLOCK)
        self.joined.start()
        self.pool = ThreadPoolExecutor(10)
        self._sent = 0

    def occupy(self) -> Answer:
        """A request that is worked on, so that what comes after it waits."""
        answer = self.send(events(1, "first"))
        until(lambda: len(self.tuner.batches) == 1)
        return answer

    def send(self, batch: Sequence[Signal], seconds: float = 10) -> Answer:
        self._sent += len(batch)
        answer = self.pool.submit(self.joined.process, batch, CLOCK.monotonic() + seconds)
        until(lambda: self._taken_up() == self._sent)
        return answer

    def _taken_up(self) -> int:
        waiting = [len(each.events) for each in self.joined._waiting]
        return sum(waiting) + sum(map(len, self.tuner.batches))


@pytest.fixture
def requests() -> Iterator[Requests]:
    made = Requests()
    try:
        yield made
    finally:
        for _ in range(10):
            made.tuner.end.put(None)
        made.joined.close()
        made.pool.shutdown()


def outcomes(answer: Answer) -> list[tuple[str | None, OutcomeKind]]:
    return [(outcome.id, outcome.kind) for (outcome,) in answer.result(timeout=5)]


def all_applied(batch: Sequence[Signal]) -> list[tuple[str, OutcomeKind]]:
    return [(event.id, OutcomeKind.APPLIED) for event in batch]


def test_what_waits_meanwhile_is_one_batch_and_each_gets_its_own(requests: Requests) -> None:
    second, third = events(2, "b"), events(3, "c")
    answers = [requests.occupy(), requests.send(second), requests.send(third)]
    for _ in range(2):
        requests.tuner.end.put(None)
    assert [outcomes(answer) for answer in answers] == [
        all_applied(batch) for batch in (events(1, "first"), second, third)
    ]
    assert requests.tuner.batches == [["first-0"], ["b-0", "b-1", "c-0", "c-1", "c-2"]]


def test_a_batch_has_as_long_as_the_latest_of_its_requests(requests: Requests) -> None:
    requests.occupy()
    for seconds in (3, 9, 5):
        requests.send(events(1), seconds)
    began = CLOCK.monotonic()
    requests.tuner.end.put(None)
    until(lambda: len(requests.tuner.batches) == 2)
    assert 8 < requests.tuner.deadlines[1] - began <= 9


@pytest.mark.parametrize(("sizes", "batches"), [([JOINED_MOST - 1, 1, 1], [200, 1]), ([JOINED_MOST + 1, 1], [201, 1])])
def test_no_more_are_joined_than_are_quick_together(requests: Requests, sizes: list[int], batches: list[int]) -> None:
    """A request is never divided, however large it is."""
    answers = [requests.occupy(), *(requests.send(events(size)) for size in sizes)]
    for _ in range(3):
        requests.tuner.end.put(None)
    assert [len(outcomes(answer)) for answer in answers] == [1, *sizes]
    assert [len(batch) for batch in requests.tuner.batches] == [1, *batches]


def test_a_request_whose_outcomes_are_known_does_not_wait_for_the_rest_of_its_batch(requests: Requests) -> None:
    requests.occupy()
    quick, slow = requests.send(events(2, "quick")), requests.send(events(1, "slow"))
    requests.tuner.early = 2
    requests.tuner.end.put(None)
    assert outcomes(quick) == all_applied(events(2, "quick"))
    assert not slow.done()


def test_what_is_not_known_at_its_own_deadline_has_to_be_sent_again(requests: Requests) -> None:
    """The batch goes on, and what it finds later is nobody's any more."""
    requests.occupy()
    late, patient = requests.send(events(2, "late"), seconds=0.05), requests.send(events(1, "patient"))
    assert outcomes(late) == [("late-0", OutcomeKind.RETRY), ("late-1", OutcomeKind.RETRY)]
    for _ in range(2):
        requests.tuner.end.put(None)
    assert outcomes(patient) == all_applied(events(1, "patient"))


@pytest.mark.parametrize("error", [SettingsError("LEDGER_URL", "is missing"), RuntimeError("a mistake of ours")])
def test_an_error_is_that_of_each_request_and_the_next_batch_is_worked_on(requests: Requests, error: Exception) -> None:
    requests.occupy()
    failed = [requests.send(events(1, "b")), requests.send(events(1, "c"))]
    for end in (None, error):
        requests.tuner.end.put(end)
    assert [answer.exception(timeout=5) for answer in failed] == [error, error]
    requests.tuner.end.put(None)
    assert outcomes(requests.send(events(1, "d"))) == all_applied(events(1, "d"))


def test_at_the_end_what_waits_is_done_and_nothing_new_is_taken(requests: Requests) -> None:
    waiting = [requests.occupy(), requests.send(events(1, "b"))]
    closing = requests.pool.submit(requests.joined.close)
    until(lambda: requests.joined._closed)
    (refused,) = requests.joined.process(events(1, "new"), CLOCK.monotonic() + 10)
    assert [(outcome.kind, outcome.reason) for outcome in refused] == [
        (OutcomeKind.RETRY, "the instance is shutting down")
    ]
    for _ in range(2):
        requests.tuner.end.put(None)
    closing.result(timeout=5)
    assert [outcomes(answer) for answer in waiting] == [all_applied(events(1, "first")), all_applied(events(1, "b"))]


def test_a_request_without_events_waits_for_nobody(requests: Requests) -> None:
    requests.occupy()
    assert requests.joined.process([], CLOCK.monotonic() + 10) == []

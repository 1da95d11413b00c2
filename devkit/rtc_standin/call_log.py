"""What the stand-in has seen: every call, the most of them in any second, the most in flight at once."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from snapshot_tuner.model import TaskRef

PENDING = "pending"
HUNG_UP = "hung up"


class LoggedCall(NamedTuple):
    """One call, in the order of arrival.

    `arrived` and `ended` are seconds on the monotonic clock, which all processes of one Linux host share;
    `arrived_at` is seconds since the Unix epoch. A call has arrived when its first byte has been read; it
    has ended when its answer is about to be sent, or its connection is gone. `connection` numbers the
    connections from 1. `outcome` is "ok", the provider's code, the fault's kind, "hung up" (the caller did,
    before its answer), or "pending". `applied` is when the call took effect, None if it did not (yet).
    """

    number: int
    arrived: float
    arrived_at: float
    connection: int
    task: TaskRef | None = None
    interval: int | None = None
    business_id: str | None = None
    outcome: str = PENDING
    ended: float | None = None
    applied: float | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest numbers so far: calls in any half-open second, in flight over all, in flight per task."""

    per_second: int = 0
    in_flight: int = 0
    in_flight_per_task: int = 0


class CallLog:
    """Every call since the last `clear`. Thread-safe; a call that is older than the `clear` is ignored."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_number = 1
        self._forget()

    def _forget(self) -> None:
        self._calls: dict[int, LoggedCall] = {}
        self._in_flight = 0
        self._in_flight_per_task: Counter[TaskRef] = Counter()
        self._most_in_flight = 0
        self._most_in_flight_per_task = 0

    def clear(self) -> None:
        with self._lock:
            self._forget()

    def begin(self, *, arrived: float, arrived_at: float, connection: int) -> int:
        """A call has arrived; returns its number."""
        with self._lock:
            number = self._next_number
            self._next_number += 1
            self._calls[number] = LoggedCall(number, arrived, arrived_at, connection)
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            return number

    def identify(
        self, number: int, task: TaskRef, interval: int, business_id: str | None, traceparent: str | None = None
    ) -> None:
        """The body says which task is to get which interval."""
        with self._lock:
            call = self._calls.get(number)
            if call is None:
                return
            self._calls[number] = call._replace(
                task=task, interval=interval, business_id=business_id, traceparent=traceparent
            )
            self._in_flight_per_task[task] += 1
            most = max(self._most_in_flight_per_task, self._in_flight_per_task[task])
            self._most_in_flight_per_task = most

    def apply(self, number: int, when: float) -> None:
        """The call has taken effect."""
        with self._lock:
            call = self._calls.get(number)
            if call is not None:
                self._calls[number] = call._replace(applied=when)

    def end(self, number: int, outcome: str, when: float) -> None:
        """The call is no longer in flight."""
        with self._lock:
            call = self._calls.get(number)
            if call is None or call.ended is not None:
                return
            self._calls[number] = call._replace(outcome=outcome, ended=when)
            self._in_flight -= 1
            if call.task is not None:
                self._in_flight_per_task[call.task] -= 1

    def calls(self) -> tuple[LoggedCall, ...]:
        with self._lock:
            return tuple(self._calls.values())

    def peaks(self) -> Peaks:
        with self._lock:
            arrivals = sorted(call.arrived for call in self._calls.values())
            return Peaks(_most_in_any_second(arrivals), self._most_in_flight, self._most_in_flight_per_task)


def _most_in_any_second(arrivals: Sequence[float]) -> int:
    most = first = 0
    for last, arrived in enumerate(arrivals):
        while arrived - arrivals[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most

"""More tasks asked to change within a second than the rate allows in two minutes, and alerts that must not wait.

Workers, the functions that take the alerts, the ledger and the stand-in for the API are processes of their own.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from devkit.benchmarks import events
from devkit.benchmarks.builds import Build, Builds
from devkit.benchmarks.environment import environment
from devkit.benchmarks.workers import HandlerRaised, Worker, worker
from snapshot_tuner.ledger.timing import SLOT_SHARE

_QUOTA_QPS = 150
_BATCH = 100
_URGENT_BATCH = 10
_REMAINING_SECONDS = 20.0
"""What a function of the template has for a batch."""

_ALERT_EVERY_SECONDS = 0.25
_ALERTS_FROM_SECONDS = 1.5
"""The bus cuts times to whole seconds: an alert must not look older than the flood."""

_ALERT_WORKERS = 2
"""For each way, so that an alert need not wait for the one before it."""

_ALERT_SECONDS = 2
"""The interval of an alert under the shipped policy; no other event asks for it."""


class Delay(NamedTuple):
    """From the event to the moment from which the API applies its interval, in seconds."""

    median: float
    high: float
    """The 99th percentile."""


@dataclass(frozen=True, slots=True)
class Overload:
    """`share` is of the calls per second that are handed out, from the first call to the last."""

    share: float
    most_calls_in_a_second: int
    rest: Delay
    from_bus: Delay
    from_urgent_queue: Delay
    alerts: int


def measure(builds: Builds, *, tasks: int, workers: int) -> Overload:
    """One event per task, all of them there at once; what comes back is delivered again, as a queue does.

    Meanwhile alerts come for some of these tasks, by turns straight from the bus and through the urgent queue.
    """
    rooms = [f"overload-{number}" for number in range(tasks)]
    with environment(latency_ms=30, max_qps=_QUOTA_QPS) as env, ExitStack() as processes:

        def started(number: int, build: Build) -> list[Worker]:
            return [processes.enter_context(worker(build, env.variables)) for _ in range(number)]

        flooded = started(workers, builds.queue_worker)
        urgent, listeners = (started(_ALERT_WORKERS, each) for each in (builds.queue_worker, builds.bus_listener))
        for each in (*flooded, *urgent):
            each.handle(events.as_queue([events.check()]))  # under SnapStart all is made by then
        for each in listeners:
            each.handle(events.as_bus(events.check()))
        waiting, over = deque(events.room_loads(rooms)), threading.Event()
        alerts = _Alerts(rooms, over)
        begin = time.monotonic()
        threads = [threading.Thread(target=_deliver, args=(each, waiting)) for each in flooded]
        others = [
            threading.Thread(target=alerts.send),
            *(threading.Thread(target=alerts.through_urgent_queue, args=(each,)) for each in urgent),
            *(threading.Thread(target=alerts.from_bus, args=(each,)) for each in listeners),
        ]
        for thread in (*threads, *others):
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        for thread in others:
            thread.join()
        calls, most = env.calls(), env.most_calls_in_a_second()
    return _figures(calls, most, begin, rooms, alerts)


class _Alerts:
    """Which alert was sent when, by room. The stand-in's clock is this host's monotonic one.

    One that comes back, as on a machine that is too busy to use its slots, is delivered again and waits all that time.
    """

    def __init__(self, rooms: Sequence[str], over: threading.Event) -> None:
        self.bus: dict[str, float] = {}
        self.queue: dict[str, float] = {}
        self._over = over
        self._rooms = _spread(rooms)
        self._on_bus: deque[str] = deque()
        self._queued: deque[str] = deque()
        self._arrived = threading.Condition()

    def send(self) -> None:
        """By turns, until the flood is over."""
        pause = _ALERTS_FROM_SECONDS
        for number, room in enumerate(self._rooms):
            if self._over.wait(pause):
                return
            pause = _ALERT_EVERY_SECONDS
            with self._arrived:
                sent, ready = ((self.bus, self._on_bus), (self.queue, self._queued))[number % 2]
                sent[room] = time.monotonic()
                ready.append(room)
                self._arrived.notify_all()

    def from_bus(self, listener: Worker) -> None:
        while taken := self._take(self._on_bus, 1):
            try:
                listener.handle(events.as_bus(events.alert(taken[0])), remaining_seconds=_REMAINING_SECONDS)
            except HandlerRaised:
                self._on_bus.append(taken[0])

    def through_urgent_queue(self, instance: Worker) -> None:
        while taken := self._take(self._queued, _URGENT_BATCH):
            batch = {event["id"]: event for event in map(events.alert, taken)}
            measured = instance.handle(events.as_queue([*batch.values()]), remaining_seconds=_REMAINING_SECONDS)
            self._queued.extend(batch[each]["data"]["RoomId"] for each in measured.returned)

    def _take(self, ready: deque[str], most: int) -> list[str]:
        """The waiting ones, at least one; none once the flood is over."""
        with self._arrived:
            while not ready and not self._over.is_set():
                self._arrived.wait(0.05)
            return [ready.popleft() for _ in range(min(most, len(ready)))]


def _spread(rooms: Sequence[str]) -> Iterator[str]:
    """Each once, those near each other far apart: some have been called by then, and most have not."""
    step = next(each for each in (7919, 7927) if len(rooms) % each)
    return (rooms[number * step % len(rooms)] for number in range(len(rooms)))


def _figures(
    calls: Sequence[Mapping[str, Any]], most: int, begin: float, rooms: Sequence[str], alerts: _Alerts
) -> Overload:
    applied: dict[str, float] = {}
    alerted: dict[str, float] = {}
    for call in calls:
        room, at = call["task"]["RoomId"], call["applied"]
        if at is not None:
            (alerted if call["interval"] == _ALERT_SECONDS else applied).setdefault(room, at)
    if applied.keys() | alerted.keys() != set(rooms) or alerted.keys() != alerts.bus.keys() | alerts.queue.keys():
        raise RuntimeError("not every task was called as its events ask")
    arrived = sorted(call["arrived"] for call in calls)
    return Overload(
        share=(len(arrived) - 1) / (arrived[-1] - arrived[0]) / (_QUOTA_QPS * SLOT_SHARE),
        most_calls_in_a_second=most,
        rest=_delay([at - begin for room, at in applied.items() if room not in alerted]),
        from_bus=_delay([alerted[room] - at for room, at in alerts.bus.items()]),
        from_urgent_queue=_delay([alerted[room] - at for room, at in alerts.queue.items()]),
        alerts=len(alerted),
    )


def _delay(seconds: Sequence[float]) -> Delay:
    ascending = sorted(seconds)
    return Delay(*(ascending[max(0, round(share * len(ascending)) - 1)] for share in (0.5, 0.99)))


def _deliver(instance: Worker, waiting: "deque[dict[str, Any]]") -> None:
    while batch := _take(waiting):
        measured = instance.handle(events.as_queue(batch), remaining_seconds=_REMAINING_SECONDS)
        returned = set(measured.returned)
        waiting.extend(event for event in batch if event["id"] in returned)


def _take(waiting: "deque[dict[str, Any]]") -> list[dict[str, Any]]:
    batch: list[dict[str, Any]] = []
    while len(batch) < _BATCH:
        try:
            batch.append(waiting.popleft())  # atomic: the threads take turns
        except IndexError:
            break
    return batch

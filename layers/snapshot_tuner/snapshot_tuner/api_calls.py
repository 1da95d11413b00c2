"""The calls in flight of one container: threads that wait for their slot, then call the API."""

import logging
import queue
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from snapshot_tuner.clock import Clock
from snapshot_tuner.dispatch import Call, Finished
from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed
from snapshot_tuner.ledger import Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.snapshot_api import SnapshotApi

if TYPE_CHECKING:
    from snapshot_tuner.task_readings import TaskReading


_FLOCK_SECONDS = 0.002
"""Calls that began together end close together: what ends within so long shares a round trip to the ledger."""


class ThreadedCalls:
    """`Calls` over a thread pool that lives as long as the container; used by one batch at a time."""

    def __init__(self, api: SnapshotApi, clock: Clock, parallelism: int) -> None:
        self._api = api
        self._clock = clock
        self._parallelism = parallelism
        self._threads = ThreadPoolExecutor(parallelism, thread_name_prefix="update-snapshot")
        self._ended: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._in_flight = 0

    @property
    def parallelism(self) -> int:
        return self._parallelism

    def start(self, call: Call) -> None:
        self._in_flight += 1
        future = self._threads.submit(self._carry_out, call)
        future.add_done_callback(lambda done: self._ended.put(Finished(call, _error(done))))

    def finished(self, until: float) -> list[Finished]:
        ended: list[Finished] = []
        try:
            ended.append(self._ended.get(timeout=max(0.0, until - self._clock.monotonic())))
            flock_ends = self._clock.monotonic() + _FLOCK_SECONDS
            while len(ended) < self._in_flight:
                ended.append(self._ended.get(timeout=max(0.0, flock_ends - self._clock.monotonic())))
        except queue.Empty:
            pass  # nothing more within its time
        self._in_flight -= len(ended)
        return ended

    def close(self) -> None:
        self._threads.shutdown()
        self._api.close()

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> "TaskReading":
        """`reconciler.Reads`, in the caller's own thread."""

        def when_the_slot_starts() -> None:
            self._wait_for(slot)
            if self._clock.monotonic() > slot.valid_until:
                raise CallAbandoned("its slot was missed")

        return self._api.read(task, timeout=timeout, before_send=when_the_slot_starts)

    def _wait_for(self, slot: Slot) -> None:
        while (early := slot.start - self._clock.monotonic()) > 0:
            time.sleep(early)

    def _carry_out(self, call: Call) -> None:
        def when_the_slot_starts() -> None:
            self._wait_for(call.slot)
            call.check(self._clock.monotonic())

        wish = call.wish
        self._api.update(
            call.task, wish.interval, wish.business_id, timeout=call.timeout, before_send=when_the_slot_starts
        )


def _error(done: Future[None]) -> ApiError | CallAbandoned | None:
    match done.exception():
        case None:
            return None
        case ApiError() | CallAbandoned() as error:
            return error
        case error:
            # A fault of ours, somewhere in the call: whether it was sent by then, nobody knows.
            logging.getLogger(__name__).error("call_broke", exc_info=error)
            return CallFailed(type(error).__name__, "unexpected error in the call", outcome_unknown=True)

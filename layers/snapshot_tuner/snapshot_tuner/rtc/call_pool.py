"""The calls in flight of one container: each waits for its slot, then for its answer, all in the caller's thread.

They progress while the caller waits for one of them to end; what arrives in between waits in the socket.
"""

import logging

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed
from snapshot_tuner.ledger.types import Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.calls import CALL_SECONDS, Call, Finished
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.http.tasks import Task, Wait, run
from snapshot_tuner.rtc.task_status import TaskReading

PARALLEL_CALLS = 128
"""Calls in flight in one container: enough for 145 calls/s of 0.8 s each, and for a batch of 100 at once."""

_COALESCE_SECONDS = 0.002
"""Calls that began together end close together: those that end within this time share a round trip to the ledger."""


class ApiCalls:
    """`Calls` over a loop that lives as long as the container; used by one batch at a time."""

    def __init__(self, api: SnapshotApi, clock: Clock, parallelism: int, loop: EventLoop | None = None) -> None:
        """`loop` may also be waited in elsewhere (`EventLoop.wait_for`): the calls go on meanwhile."""
        self._api = api
        self._clock = clock
        self._parallelism = parallelism
        self._loop = loop or EventLoop()
        self._ended: list[Finished] = []
        self._in_flight = 0

    @property
    def parallelism(self) -> int:
        return self._parallelism

    def start(self, call: Call) -> None:
        self._in_flight += 1
        self._loop.start(self._call_task(call), lambda error: self._ended.append(Finished(call, _as_call_error(error))))

    def finished(self, until: float) -> list[Finished]:
        self._loop.run_once(self._clock.monotonic())
        while not self._ended and self._clock.monotonic() < until:
            self._loop.run_once(until)
        if self._ended:
            coalesced_until = self._clock.monotonic() + _COALESCE_SECONDS
            while len(self._ended) < self._in_flight and self._clock.monotonic() < coalesced_until:
                self._loop.run_once(coalesced_until)
        ended, self._ended = self._ended, []
        self._in_flight -= len(ended)
        return ended

    def close(self) -> None:
        """Calls in flight are waited for."""
        while len(self._ended) < self._in_flight:
            self._loop.run_once(self._clock.monotonic() + CALL_SECONDS)
        self._loop.close()
        self._api.close()

    def read(self, task: TaskRef, slot: Slot, timeout: float) -> TaskReading:
        """`reconciler.Reads`, in the caller's own thread."""

        def when_the_slot_starts() -> Task[None]:
            yield from self._wait_for_start(slot)
            if self._clock.monotonic() > slot.valid_until:
                raise CallAbandoned("its slot was missed")

        return run(self._api.read(task, timeout=timeout, before_send=when_the_slot_starts))

    def _call_task(self, call: Call) -> Task[str]:
        def when_the_slot_starts() -> Task[None]:
            yield from self._wait_for_start(call.slot)
            call.check(self._clock.monotonic())

        intent = call.intent
        return self._api.update(
            call.task,
            intent.interval,
            intent.business_id,
            timeout=call.timeout,
            before_send=when_the_slot_starts,
            traceparent=call.traceparent,
        )

    def _wait_for_start(self, slot: Slot) -> Task[None]:
        while self._clock.monotonic() < slot.start:
            yield Wait(slot.start)


def _as_call_error(error: Exception | None) -> ApiError | CallAbandoned | None:
    match error:
        case None | ApiError() | CallAbandoned():
            return error
        case _:
            # A bug of ours, somewhere in the call: whether it was sent by then is unknown.
            logging.getLogger(__name__).error("call_broke", exc_info=error)
            return CallFailed(type(error).__name__, "unexpected error in the call", outcome_unknown=True)

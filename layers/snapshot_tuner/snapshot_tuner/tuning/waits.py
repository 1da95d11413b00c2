"""What a dispatch waits for, and how to wait for it in the caller's thread.

A dispatch is a generator: it yields what it waits for and is sent the result. So the functions, the simulation
and the backtest can drive the same one, each with a ledger, calls and a time of its own.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias

from snapshot_tuner.errors import LedgerUnavailable
from snapshot_tuner.ledger.ports import Ledger
from snapshot_tuner.ledger.types import Begun, CallResult, Settlement, Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.calls import Call, Calls
from snapshot_tuner.tuning.task_results import TaskResult


class Reserve(NamedTuple):
    """This many slots (`Ledger.reserve`)."""

    most: int
    within: float
    after: float

    def ask(self, ledger: Ledger) -> list[Slot]:
        return ledger.reserve(self.most, self.within, after=self.after)


class Begin(NamedTuple):
    """The right to call each task, under its token (`Ledger.begin`)."""

    starts: Sequence[tuple[TaskRef, str]]

    def ask(self, ledger: Ledger) -> list[Begun]:
        return ledger.begin(self.starts)


class Settle(NamedTuple):
    """The ledger's answer to the outcome of each call (`Ledger.settle`)."""

    ends: Sequence[tuple[TaskRef, str, CallResult]]

    def ask(self, ledger: Ledger) -> list[Settlement]:
        return ledger.settle(self.ends)


class CallsEnd(NamedTuple):
    """These calls are to be started; then the first call that ends, or `until` (local monotonic clock).

    It is sent every call that has ended by then, as `Finished`, earlier batches' calls among them.
    """

    start: Sequence[Call]
    until: float


Wait: TypeAlias = Reserve | Begin | Settle | CallsEnd
Dispatch: TypeAlias = Generator[Wait, Any, dict[TaskRef, TaskResult]]
"""If the ledger cannot answer, LedgerUnavailable is thrown into it."""


def run(dispatch: Dispatch, ledger: Ledger, calls: Calls) -> dict[TaskRef, TaskResult]:
    """Drive it to its end, in the caller's own thread."""
    try:
        wait = next(dispatch)
        while True:
            answer: object
            try:
                if isinstance(wait, CallsEnd):
                    for call in wait.start:
                        calls.start(call)
                    answer = calls.finished(wait.until)
                else:
                    answer = wait.ask(ledger)
            except LedgerUnavailable as error:
                wait = dispatch.throw(error)
            else:
                wait = dispatch.send(answer)
    except StopIteration as end:
        results: dict[TaskRef, TaskResult] = end.value
        return results

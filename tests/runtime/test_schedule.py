"""The reconciler on the real runtime, and the schedule that invokes it."""

import json
import threading

from devkit.local_runtime.background import in_background
from devkit.local_runtime.function import Function
from devkit.local_runtime.sandbox import InvocationResult
from devkit.local_runtime.schedule import Schedule
from tests.runtime.machine import Machine


class CountedFunction(Function):
    """Notes its invocations, and fails at every second one."""

    def __init__(self) -> None:
        super().__init__("counted", [])
        self.third = threading.Event()
        self.times = 0

    def invoke(self, event: object) -> InvocationResult:
        assert isinstance(event, dict)
        self.times += 1
        if self.times == 3:
            self.third.set()
        return InvocationResult(failed=self.times % 2 == 0, payload=b"{}")


def test_the_reconciler_runs_from_what_is_deployed(machine: Machine) -> None:
    """Its answer counts what it did, by the names of its metrics."""
    answer = machine.application.functions["reconciler"].invoke({})
    assert not answer.failed
    counts = json.loads(answer.payload)
    assert set(counts) == {"due", "asserted", "drifted", "repaired", "forgotten", "unreadable"}


def test_a_schedule_goes_on_after_a_run_that_failed() -> None:
    """And ends when it is told to."""
    function = CountedFunction()
    with in_background(Schedule(function, 0.01)):
        assert function.third.wait(10)
    ended = function.times
    threading.Event().wait(0.05)
    assert function.times == ended

"""A function that its timeout kills in the middle of a call."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.application import HANDLERS, ApplicationSettings, QueueSettings, environment
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.local_runtime.sandbox import Code
from devkit.rtc_standin import Fault, FaultKind, StandIn
from tests.polling import eventually
from tests.runtime.machine import Machine, children, room, running_machine

TIMEOUT_SECONDS = 3
TASK = room("room-101")


@dataclass(frozen=True, slots=True)
class Killed:
    """An application, and the process of its queue_worker that was stopped during a call and has a timeout coming."""

    machine: Machine
    process: int


@contextmanager
def killed_in_the_middle(
    code: Code, api: AwsApi, ledger_url: str, older: SampleMessage, newer: SampleMessage
) -> Iterator[Killed]:
    """The call was for the older message; the newer one comes after it."""
    name = f"timeout-{code.interpreter.version.replace('.', '-')}"
    with StandIn() as stand_in:
        settings = ApplicationSettings(
            name=name,
            environment=environment(code, stand_in, ledger_url) | {"LEDGER_NAMESPACE": name},
            timeout_seconds=dict.fromkeys(HANDLERS, TIMEOUT_SECONDS),
            sandboxes=1,
            queue=QueueSettings(MappingSettings(100, 0.1, 1), visibility_seconds=TIMEOUT_SECONDS + 1, receives=20),
        )
        with running_machine(settings, api, code, stand_in) as machine:
            process = _freeze_in_the_middle_of_a_call(machine, older)
            machine.application.queue.send(newer.payload["body"])
            yield Killed(machine, process)


def _freeze_in_the_middle_of_a_call(machine: Machine, message: SampleMessage) -> int:
    """Stop the function's process while its call is under way, and return the process's id."""
    machine.stand_in.add_fault(Fault(kind=FaultKind.SILENCE, task=TASK, apply_after=0.0))
    machine.application.queue.send(message.payload["body"])
    eventually(lambda: machine.calls(TASK))
    (sandbox,) = machine.application.functions["queue_worker"].sandboxes
    (process,) = children(sandbox.pid)
    os.kill(process, signal.SIGSTOP)
    return process

"""A timeout in the middle of a batch: the process is killed, the message comes back, the task ends right."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from devkit.build import InterpreterMissing, interpreters
from devkit.build.artifacts import TARGET_PYTHON
from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.application import HANDLERS, ApplicationSettings, QueueSettings, environment
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.rtc_standin import Fault, FaultKind, StandIn
from tests.polling import eventually
from tests.runtime.conftest import OWN, code_for
from tests.runtime.machine import Machine, children, depth, is_there, room, running_machine

TIMEOUT_SECONDS = 3
LEASE_SECONDS = 15
TASK = room("room-101")


@contextmanager
def machine_for(version: str, api: AwsApi, ledger_url: str) -> Iterator[Machine]:
    code = code_for(version)
    name = f"timeout-{version.replace('.', '-')}"
    with StandIn() as stand_in:
        settings = ApplicationSettings(
            name=name,
            environment=environment(code, stand_in, ledger_url) | {"LEDGER_NAMESPACE": name},
            timeout_seconds=dict.fromkeys(HANDLERS, TIMEOUT_SECONDS),
            sandboxes=1,
            queue=QueueSettings(MappingSettings(100, 0.1, 1), visibility_seconds=TIMEOUT_SECONDS + 1, receives=20),
        )
        with running_machine(settings, api, code, stand_in) as machine:
            yield machine


def freeze_in_the_middle_of_a_call(machine: Machine, message: SampleMessage) -> int:
    """Stop the function's process while its call is under way, and return the process's id."""
    machine.stand_in.add_fault(Fault(kind=FaultKind.SILENCE, task=TASK, apply_after=0.0))
    machine.application.queue.send(message.payload["body"])
    eventually(lambda: machine.calls(TASK))
    (sandbox,) = machine.application.functions["queue_worker"].sandboxes
    (process,) = children(sandbox.pid)
    os.kill(process, signal.SIGSTOP)
    return process


def test_a_batch_that_is_killed_in_the_middle_comes_back_and_the_task_ends_right(
    api: AwsApi, ledger_url: str, samples: dict[str, list[SampleMessage]]
) -> None:
    """Nobody knows whether the killed call was carried out, so the task waits for the end of its lease, and the newest
    event of the task, which came meanwhile, decides its interval. All Pythons wait at the same time.
    """
    older, newer = samples["sqs/late.json"][0], samples["sqs/cloudevent.json"][0]
    with ExitStack() as running:
        machines = [running.enter_context(machine_for(version, api, ledger_url)) for version in versions()]
        frozen = [freeze_in_the_middle_of_a_call(machine, older) for machine in machines]
        for machine, process in zip(machines, frozen, strict=True):
            machine.application.queue.send(newer.payload["body"])
            eventually(partial(has_ended, process), within=TIMEOUT_SECONDS + 5)

        for machine in machines:
            eventually(partial(ends_at, machine, 43), within=LEASE_SECONDS + 25)
            killed, *later = machine.calls(TASK)
            assert (killed.interval, [call.interval for call in later]) == (5, [43])
            assert depth(machine.application.dead_letters) == 0


def has_ended(process: int) -> bool:
    return not is_there(process)


def ends_at(machine: Machine, interval: int) -> bool:
    return machine.interval(TASK) == interval and depth(machine.application.queue) == 0


def versions() -> list[str]:
    found = []
    for version in sorted({OWN, TARGET_PYTHON}):
        try:
            found.append(interpreters.find(version).version)
        except InterpreterMissing:
            continue
    return found

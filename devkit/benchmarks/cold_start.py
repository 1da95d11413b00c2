"""From the start of a function's process to its first answer, under AWS's runtime emulator."""

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.benchmarks import events
from devkit.benchmarks.builds import Build, Builds
from devkit.benchmarks.environment import environment
from devkit.local_runtime.sandbox import Sandbox

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians, in seconds."""

    seconds: float
    processor_seconds: float


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """`floor` is the runtime client with a handler that does nothing, `usual` peer (a)."""

    ours: Mapping[str, ColdStart]
    usual: ColdStart
    floor: ColdStart


def measure(builds: Builds, runs: int) -> ColdStarts:
    """Every build in turn, so that what else the machine does falls on all of them alike."""
    functions = (*builds.ours, builds.usual, builds.empty)
    samples: dict[str, list[ColdStart]] = {build.name: [] for build in functions}
    with environment() as env:
        for run in range(runs):
            # As in first_events: of the runs before there is nothing to read back.
            variables = {**env.variables, "LEDGER_NAMESPACE": f"run-{run}"}
            for build in functions:
                samples[build.name].append(once(build, variables))
        calls = len(env.calls())
    if calls != runs * (len(functions) - 2):  # the reconciler reads a task back
        raise RuntimeError(f"{calls} calls were made; some first event was not handled")
    medians = {name: median(each) for name, each in samples.items()}
    usual, floor = medians.pop(builds.usual.name), medians.pop(builds.empty.name)
    return ColdStarts(medians, usual, floor)


def imports(build: Build) -> list[tuple[str, float]]:
    """`-X importtime` of the handler and its first event: modules with their own milliseconds, the dearest first."""
    with environment() as env, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        job = Path(folder) / "job.json"
        job.write_text(json.dumps({"event": events.first(build.name), "remaining_ms": 20_000}))
        program = Path(__file__).resolve().parent / "baselines" / "measured.py"
        done = subprocess.run(  # noqa: S603 - our own program
            [*build.command, "-X", "importtime", program, build.handler],
            env={
                **env.variables,
                "POLICY_PATH": str(build.code.tree.policy),
                "PYTHONPATH": build.import_path,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            input=json.dumps(str(job)) + "\n",
            capture_output=True,
            text=True,
            check=True,
        )
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line][1:]
    return sorted(((row[2].strip(), int(row[0]) / 1000) for row in rows), key=lambda row: -row[1])


def once(build: Build, variables: Mapping[str, str]) -> ColdStart:
    """One start and its first event."""
    log: list[str] = []
    with Sandbox(
        build.code,
        name=build.name.replace(" ", "_"),
        handler=build.handler,
        timeout_seconds=20,
        memory_mb=1024,
        environment={**variables, "POLICY_PATH": str(build.code.tree.policy)},
        on_line=log.append,
    ) as sandbox:
        start = time.monotonic()
        answer = sandbox.invoke(events.first(build.name))
        seconds = time.monotonic() - start
        processor_seconds = _processor_seconds_of_children(sandbox.pid)
    if answer.failed:
        raise RuntimeError("\n".join([f"{build.name}: {answer.payload.decode()}", *log]))
    return ColdStart(seconds, processor_seconds)


def _processor_seconds_of_children(pid: int) -> float:
    """User and system time of the emulator's children: the function's process, which is still there."""
    children = [
        child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text("ascii").split()
    ]
    # The command's name, in brackets, may hold spaces; utime and stime are fields 14 and 15.
    fields = [Path(f"/proc/{child}/stat").read_text("utf-8").rpartition(")")[2].split() for child in children]
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICKS_PER_SECOND


def median(samples: Sequence[ColdStart]) -> ColdStart:
    """Of each part."""
    return ColdStart(
        statistics.median(each.seconds for each in samples),
        statistics.median(each.processor_seconds for each in samples),
    )

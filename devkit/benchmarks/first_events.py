"""The first event after INIT: what a user waits for when a snapshot has been restored, or a container been started."""

import statistics
from dataclasses import dataclass

from devkit.benchmarks import events
from devkit.benchmarks.builds import Builds
from devkit.benchmarks.environment import environment
from devkit.benchmarks.workers import BatchMeasurement, worker

_ON_LAMBDA = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_FUNCTION_NAME": "benchmark"}


@dataclass(frozen=True, slots=True)
class FirstEvent:
    """What the handler took, in seconds of processor time (median), and what it imported in any run."""

    processor_seconds: float
    imported: frozenset[str]


def measure(builds: Builds, runs: int) -> dict[str, FirstEvent]:
    """By the build's name, each in turn and in a process of its own, whose module has been imported by then."""
    functions = (*builds.ours, builds.usual)
    samples: dict[str, list[BatchMeasurement]] = {each.name: [] for each in functions}
    with environment() as env:
        for run in range(runs):
            # A ledger of its own for each run, or the reconciler would read back the tasks of all the runs before.
            variables = {**env.variables, **_ON_LAMBDA, "LEDGER_NAMESPACE": f"run-{run}"}
            for build in functions:
                with worker(build, {**variables, "POLICY_PATH": str(build.code.tree.policy)}) as process:
                    samples[build.name].append(process.handle(events.first(build.name)))
        calls = len(env.calls())
    if calls != runs * (len(functions) - 1):  # all but the reconciler, which reads a task back
        raise RuntimeError(f"{calls} calls were made; some first event was not handled")
    return {name: _median(each) for name, each in samples.items()}


def _median(samples: list[BatchMeasurement]) -> FirstEvent:
    return FirstEvent(
        statistics.median(each.processor_seconds for each in samples),
        frozenset(name for each in samples for name in each.imported),
    )

"""`make demo` as a user runs it: it succeeds on the real code, and fails when the code is wrong."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from devkit.demo import verdict
from devkit.demo.oracle import Expectations, Expected
from devkit.demo.sample_events import Source
from devkit.demo.scenario import FILES
from devkit.demo.sources import ATTEMPTS
from snapshot_tuner.model import TaskRef
from tests.template import cloudformation

ROOT = Path(__file__).parents[1]

NEWEST_ARRIVAL_WINS = """
import itertools, runpy
from snapshot_tuner.model import Signal
arrivals, key = itertools.count(), Signal.order_key
Signal.order_key = lambda self, order, sent_us=0: b"%020d" % next(arrivals) + key(self, order, sent_us)[20:]
runpy.run_module("devkit.demo", run_name="__main__")
"""

NOTHING_IS_A_DUPLICATE = """
import itertools, runpy
from snapshot_tuner.policy.engine import Policy
from dataclasses import replace
arrivals, decide = itertools.count(), Policy.decide
again = lambda signal: replace(signal, id=f"{signal.id}-{next(arrivals)}")
Policy.decide = lambda self, signal, sent_us, now_us: decide(self, again(signal), sent_us, now_us)
runpy.run_module("devkit.demo", run_name="__main__")
"""


OF_ANOTHER_DEPLOYMENT = {
    "DRY_RUN": "true",
    "LEDGER_URL": "redis://production:6379/0",
    "VOLCENGINE_SESSION_TOKEN": "of-somebody",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "PYTHONIOENCODING": "ascii",
}

RUNS = {
    "as it is": ["-m", "devkit.demo"],
    "newest arrival wins": ["-c", NEWEST_ARRIVAL_WINS],
    "nothing is a duplicate": ["-c", NOTHING_IS_A_DUPLICATE],
}


@dataclass(frozen=True)
class DemoRun:
    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.stdout.splitlines()]


def run(arguments: list[str]) -> DemoRun:
    """The demo in a process of its own, without a terminal, in a shell that is set up for something else."""
    roots = ("layers/snapshot_tuner", "functions", ".")
    path = os.pathsep.join(str(ROOT / root) for root in roots)
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **OF_ANOTHER_DEPLOYMENT},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return DemoRun(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def runs() -> dict[str, DemoRun]:
    """All at once: each mostly waits."""
    with ThreadPoolExecutor(len(RUNS)) as pool:
        return dict(zip(RUNS, pool.map(run, RUNS.values()), strict=True))


@pytest.fixture(scope="module")
def demo(runs: dict[str, DemoRun]) -> DemoRun:
    return runs["as it is"]


def test_the_demo_succeeds(demo: DemoRun) -> None:
    """The real handlers leave every task at the interval of its newest event; the exit code says so.

    Settings and credentials of another deployment, left in the shell, are not used.
    """
    assert demo.stderr == ""
    assert demo.code == 0
    assert "RIGHT: all 19 tasks are at the interval of their newest event." in demo.stdout


@pytest.mark.parametrize(
    "row",
    [
        "load-101-2 queue room-load-high 43 s applied 200 ok done",
        "load-101-2 queue room-load-high 43 s duplicate - done",
        "load-101-1 queue room-load-normal 5 s superseded - done",
        "load-114-1 queue room-load-high 58 s superseded - done",
        "alert-108-1 queue moderation-alert 2 s retry 429 refused comes back",
        "alert-108-1 queue moderation-alert 2 s applied 200 ok done",
        "load-113-1 queue room-load-high 35 s rejected 400 refused comes back",
        "load-113-1 queue room-load-high 35 s rejected 400 refused DLQ, try 5",
        "load-208-1 HTTP room-load-high - rejected - 422",
        "load-209-1 HTTP room-load-high 35 s rejected 400 refused 409",
        "447a201a.. bus room-load-high 35 s rejected 400 refused DLQ, try 3",
        "room-101/task-1 43 s as its newest event asked (load-101-2)",
        "room-114/task-1 5 s as its newest event asked (load-114-2)",
        "19 calls carried out for 19 tasks, none of them needless",
        "10 messages given up, all of them malformed or poison",
    ],
)
def test_the_demo_shows(demo: DemoRun, row: str) -> None:
    """Duplicates, late events, poison, a throttled call, each source's answer, and the verdict on a task."""
    assert row in demo.lines


def test_the_demo_fits_on_80_columns_of_plain_text(demo: DemoRun) -> None:
    """In a log of a build server there is no escape sequence, no JSON log line and no wrapped row."""
    assert "\x1b" not in demo.stdout
    assert "{" not in demo.stdout
    assert max(len(line) for line in demo.stdout.splitlines()) <= 80


def test_the_demo_points_to_the_log_of_the_functions(demo: DemoRun) -> None:
    """The path on the last line leads to the handlers' own JSON lines."""
    found = re.search(r"own log lines: (\S+)", demo.stdout)
    assert found
    assert '"message":"adjustment_applied"' in (ROOT / found[1]).read_text(encoding="utf-8")


def test_the_demo_fails_where_a_late_event_wins(runs: dict[str, DemoRun]) -> None:
    """With the order of events broken, tasks end at the interval of a late event: named, and exit code 1."""
    broken = runs["newest arrival wins"]
    assert broken.code == 1
    assert "room-101/task-1 5 s WRONG: its newest event (load-101-2) asked for 43 s" in broken.lines
    assert "room-102/task-1 23 s as its newest event asked (load-102-1)" in broken.lines
    assert "WRONG: see above." in broken.lines


def test_the_demo_fails_where_a_duplicate_is_called_again(runs: dict[str, DemoRun]) -> None:
    """The intervals are right then, but calls were made for nothing: exit code 1."""
    broken = runs["nothing is a duplicate"]
    assert broken.code == 1
    assert re.search(r"^WRONG: \d+ calls carried out where 19 were needed$", broken.stdout, re.MULTILINE)


def test_the_demo_plays_every_sample_event_once() -> None:
    """A new file of a source that the demo plays has to find its place in the scenario."""
    played = {file.partition("/")[0] for file in FILES}
    assert played == {"sqs", "http", "eventbridge"}
    samples = [path for source in played for path in ROOT.glob(f"events/{source}/*.json")]
    assert sorted(FILES) == sorted(str(path.relative_to(ROOT / "events")) for path in samples)


def test_the_demo_tries_as_often_as_the_deployment() -> None:
    """Five receives from the queue, three invocations for the bus: the numbers of template.yaml."""
    resources = cloudformation.load()["Resources"]
    receives = resources["EventQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    retries = resources["BusListener"]["Properties"]["EventInvokeConfig"]["MaximumRetryAttempts"]
    assert {Source.QUEUE: receives, Source.HTTP: 1, Source.BUS: 1 + retries} == ATTEMPTS


TASK = TaskRef("app", "room-1", "task-1")
EXPECTATIONS = Expectations({TASK: Expected("2026-03-01T09:00:00Z", "evt-12", 41)}, frozenset({"poison"}))


@pytest.mark.parametrize(
    ("intervals", "lines"),
    [
        ({TASK: 41}, [verdict.Judgement(True, "room-1/task-1   41 s  as its newest event asked (evt-12)")]),
        (
            {TASK: 40},
            [verdict.Judgement(False, "room-1/task-1   40 s  WRONG: its newest event (evt-12) asked for 41 s")],
        ),
        ({}, [verdict.Judgement(False, "room-1/task-1  not set  WRONG: its newest event (evt-12) asked for 41 s")]),
        (
            {TASK: 41, TaskRef("app", "room-2", "task-1"): 7},
            [
                verdict.Judgement(True, "room-1/task-1   41 s  as its newest event asked (evt-12)"),
                verdict.Judgement(False, "room-2/task-1    7 s  WRONG: no event asked for it"),
            ],
        ),
    ],
)
def test_the_verdict_on_tasks(intervals: dict[TaskRef, int], lines: list[verdict.Judgement]) -> None:
    """A wrong interval, a task never set and a task set for nothing are each named."""
    assert verdict.on_tasks(EXPECTATIONS, intervals) == lines


@pytest.mark.parametrize("given_up", [set(), {"poison", "innocent"}, {"innocent"}])
def test_the_verdict_on_what_was_given_up(given_up: set[str]) -> None:
    """A message lost without a trace, and one given up for no reason, are wrong."""
    assert not verdict.on_given_up(EXPECTATIONS, given_up).right
    assert verdict.on_given_up(EXPECTATIONS, {"poison"}).right

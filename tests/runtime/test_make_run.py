"""`make run` as a new user meets it: commands that work, an outcome for each, and an end without remains."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devkit.build.step import ROOT
from devkit.local_runtime.application import HANDLERS
from devkit.local_runtime.outcome_lines import line_for
from tests.polling import eventually
from tests.runtime.machine import is_there, process_tree

START_SECONDS = 60


class Terminal:
    """What the program has printed so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def shows(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in list(self.lines))

    def close(self) -> None:
        self._reader.join()


@contextmanager
def running(*options: str) -> Iterator[Terminal]:
    environment = os.environ | {"PYTHONPATH": "layers/snapshot_tuner:functions:."}
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "devkit.local_runtime", "--sandboxes", "1", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        terminal = Terminal(process)
        try:
            eventually(lambda: terminal.shows("Outcomes:") or process.poll() is not None, within=START_SECONDS)
            yield terminal
        finally:
            process.kill()
            process.wait()
            terminal.close()


def try_commands(terminal: Terminal) -> list[int]:
    """As they are printed: each way in brings one outcome. The processes that have been started by then."""
    commands = [line for line in terminal.lines if line.startswith("curl ")]
    assert len(commands) == 5, terminal.lines
    for command in commands:
        subprocess.run([*shlex.split(command), "--silent", "--fail"], check=True, capture_output=True)  # noqa: S603 - ours
    eventually(lambda: terminal.shows("http_endpoint", "applied", "try-http", "35 s"))
    eventually(lambda: terminal.shows("bus_listener", "applied", "moderation-alert", "2 s"))
    eventually(lambda: terminal.shows("queue_worker", "applied", "try-queue", "48 s"))
    eventually(lambda: terminal.shows("bus_listener", "applied", "try-topic", "23 s"))
    eventually(lambda: terminal.shows("queue_worker", "applied", "try-kafka", "60 s"))
    started = process_tree(terminal.process.pid)
    # Four emulators, Valkey, and the functions' processes: the reconciler's comes with its first minute.
    assert len(started) == 8
    return started


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands to try are curl's")
def test_the_commands_work_as_printed_and_ctrl_c_leaves_nothing_behind() -> None:
    """With the ledger behind TLS and IAM, too. Afterwards every process that was started has ended."""
    with running("--iam") as terminal:
        started = try_commands(terminal)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(20) == 0
        eventually(lambda: not [pid for pid in started if is_there(pid)])
    assert terminal.lines[-1] == "Everything has stopped."


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands to try are curl's")
def test_the_commands_work_as_printed_and_a_killed_runtime_takes_its_functions_with_it() -> None:
    """Nobody is left to end them then, so the system does: an emulator that stays would hold ports and memory."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is what ties a process to its parent")
    with running() as terminal:
        started = try_commands(terminal)
        emulators = [pid for pid in started if "aws-lambda-rie" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(emulators) == len(HANDLERS)
        functions = [*emulators, *(each for pid in emulators for each in process_tree(pid))]
        try:
            terminal.process.kill()
            terminal.process.wait(20)
            eventually(lambda: not [pid for pid in functions if is_there(pid)])
        finally:
            # Valkey is not tied to the runtime; nor is anything else, should this test fail.
            for pid in filter(is_there, started):
                os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"message": "adjustment_applied", "event_id": "e", "rule": "r", "room_id": "b", "interval": 5}',
            "09:02:01  queue_worker   applied     e  b  r  5 s",
        ),
        (
            '{"level": "WARNING", "message": "event_rejected", "reason": "body: is not JSON"}',
            "09:02:01  queue_worker   rejected    -  body: is not JSON",
        ),
        (
            '{"message": "event_rejected", "event_id": "a\\u202eb", "reason": "\\u001b[2J"}',
            "09:02:01  queue_worker   rejected    a\\u202eb  \\x1b[2J",
        ),
        ("[ERROR] Error: \u2066a", "09:02:01  queue_worker   [ERROR] Error: \\u2066a"),
        ("[ERROR] PolicyError: no rules", "09:02:01  queue_worker   [ERROR] PolicyError: no rules"),
        ("START RequestId: 1 Version: $LATEST", None),
        ('{"level": "DEBUG", "message": "other"}', None),
    ],
)
def test_a_log_line_is_shown_as_its_outcome(line: str, expected: str | None) -> None:
    """The runtime's own accounting is left out, errors are not; what an event says cannot change the terminal."""
    assert line_for("queue_worker", line, datetime(2026, 3, 1, 9, 2, 1, tzinfo=UTC)) == expected

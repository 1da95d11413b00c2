"""`make run-vefaas` as a new user meets it: commands that work, outcomes of both functions, and an end."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devkit.build import InterpreterMissing, interpreters
from devkit.build.vefaas import TARGET_PYTHON
from tests.polling import eventually

ROOT = Path(__file__).parents[2]
START_SECONDS = 90


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to run the commands with")
def test_what_is_printed_works() -> None:
    """Messages, batches and requests come to outcomes, each command says what it should, and Ctrl-C stops all of it."""
    try:
        interpreters.find(TARGET_PYTHON)
    except InterpreterMissing as missing:
        pytest.skip(str(missing))
    lines: list[str] = []

    def shows(*words: str) -> bool:
        return any(all(word in line for word in words) for line in list(lines))

    with subprocess.Popen(
        [sys.executable, "-m", "devkit.vefaas"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "layers/snapshot_tuner:functions:."},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        try:
            eventually(lambda: shows("events ", "applied") and shows("http ", "applied"), within=START_SECONDS)
            commands = [line for line in lines if line.startswith("  curl ")]
            health, task, event = (
                subprocess.check_output([*shlex.split(line), "-sS"], text=True, timeout=30)  # noqa: S603 - as printed
                for line in commands
            )
        finally:
            process.send_signal(signal.SIGINT)
            reader.join(30)
    assert '"ok"' in health
    assert '"RoomId"' in task
    assert '"outcomes"' in event
    assert "Everything has stopped." in lines[-1]

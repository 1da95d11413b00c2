"""What becomes of a command's answer where standard output is no terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(map(str, (ROOT / "layers/snapshot_tuner", ROOT / "functions", ROOT)))
POLICY = "version: 1\nrules: [{name: all, interval: 5, for: 1d}]\n"
EVENT = "events/sqs/cloudevent.json"


def tuner(*words: str, output: int, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-m", "devkit.tuner", *words],
        stdout=output,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": PATH} | environment,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize("words", [["check"], ["check", "--json"]])
def test_a_closed_pipe_is_no_verdict_on_the_policy(tmp_path: Path, words: list[str]) -> None:
    """As with any program that a closed pipe ends: neither fine nor a mistake, and nothing is said of it."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = tuner(*words, str(policy), output=writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    """Exit code 2, not that of a policy with mistakes."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with Path("/dev/full").open("wb") as full:
        ended = tuner("check", str(policy), output=full.fileno())
    assert (ended.returncode, ended.stderr) == (2, b"No space left on device\n")


def test_letters_that_a_locale_lacks_are_escaped() -> None:
    """`explain` prints ticks and arrows: without them it is still to be read."""
    ended = tuner("explain", "layers/policy/policy.yaml", EVENT, output=subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"\\u2192 applied: " in ended.stdout

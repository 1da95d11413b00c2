"""Given: two processes that share out the tests of several files. Each file has one process; so has a folder."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TEST = "def test_who(n, worker_id):\n    print(f'WHO {{worker_id}} {group}')\n"


def test_the_tests_of_a_file_or_of_a_folder_together_run_in_one_process(tmp_path: Path) -> None:
    groups = {"tests/test_a.py": "a", "tests/test_b.py": "b"} | {f"tests/fleet/test_{n}.py": "fleet" for n in range(4)}
    for file, group in groups.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import pytest\n\n@pytest.mark.parametrize('n', range(20))\n{TEST.format(group=group)}")

    run = subprocess.run(  # noqa: S603 - pytest, on what the test wrote
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "2",
            "-p",
            "xdist",
            "-p",
            "tests.file_by_file",
            "-rP",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

    processes = defaultdict(set)
    for line in run.stdout.splitlines():
        if line.startswith("WHO "):
            _, process, group = line.split()
            processes[group].add(process)
    assert {group: len(of_group) for group, of_group in processes.items()} == {"a": 1, "b": 1, "fleet": 1}, run.stdout
    assert len(set.union(*processes.values())) == 2

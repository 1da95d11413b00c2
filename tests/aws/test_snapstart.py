"""The hook that Lambda runs after it has restored a snapshot."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from snapshot_tuner.aws.snapstart import after_restore

ROOT = Path(__file__).parents[2]


def test_the_action_is_left_with_the_runtimes_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is registered and not run."""
    registered: list[object] = []
    library = ModuleType("snapshot_restore_py")
    library.register_after_restore = registered.append  # type: ignore[attr-defined] # made up here
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", library)
    ran: list[str] = []

    def action() -> None:
        ran.append("restored")

    after_restore(action)
    assert (registered, ran) == ([action], [])


def test_without_the_library_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside Lambda there is none."""
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    after_restore(pytest.fail)


LIKE_LAMBDA = """
import snapshot_restore_py
from queue_worker import handler
from snapshot_tuner import bootstrap
((action, args, kwargs),) = snapshot_restore_py.get_after_restore()
print(action is bootstrap.restored, args, kwargs, snapshot_restore_py.get_before_snapshot())
"""


def test_bootstrap_leaves_its_hook(tmp_path: Path) -> None:
    """Importing a handler, which is all that happens before a snapshot, registers one action: `bootstrap.restored`.

    The library is Lambda's own; this one keeps what it is given, as that one does.
    """
    (tmp_path / "snapshot_restore_py.py").write_text(
        "_after = []\n"
        "def register_after_restore(func, *args, **kwargs): _after.append((func, args, kwargs)); return func\n"
        "def get_after_restore(): return _after\n"
        "def get_before_snapshot(): return []\n",
        encoding="utf-8",
    )
    roots = (tmp_path, ROOT / "layers" / "snapshot_tuner", ROOT / "functions")
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-B", "-c", LIKE_LAMBDA],
        env={"PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "True () {} []\n"

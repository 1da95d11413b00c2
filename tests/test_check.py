"""`make check` finds what has changed, and the tests of it."""

import subprocess
from pathlib import Path

import pytest

from devkit.check import changed, related_tests

_PACKAGE = "layers/snapshot_tuner/snapshot_tuner"


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        (f"{_PACKAGE}/policy/patterns/operators.py", {"tests/policy", "tests/test_architecture.py"}),
        (f"{_PACKAGE}/settings.py", {"tests/test_settings.py", "tests/test_architecture.py"}),
        (f"{_PACKAGE}/bootstrap.py", {"tests/functions", "tests/test_architecture.py"}),
        ("functions/http_endpoint/routes.py", {"tests/functions", "tests/test_architecture.py"}),
        ("devkit/tuner/check/gaps.py", {"tests/tuner/check"}),
        ("devkit/rtc_standin/standin.py", {"tests/rtc_standin"}),
        ("layers/policy/policy.yaml", {"tests/policy"}),
        ("template.yaml", {"tests/template"}),
        ("docs/policy.md", {"tests/docs"}),
        ("CHANGELOG.md", {"tests/docs"}),
        ("tests/aws/test_secrets.py", {"tests/aws/test_secrets.py"}),
        ("tests/aws/secrets_standin.py", {"tests/aws"}),
        ("tests/aws/test_that_was_deleted.py", set()),
        ("tests/polling.py", set()),
        ("LICENSE", set()),
    ],
)
def test_a_change_has_its_tests(file: str, tests: set[str]) -> None:
    """Those of its subject; what is deleted has none."""
    assert {*map(str, related_tests([Path(file)]))} == tests


def test_what_a_branch_has_changed(tmp_path: Path) -> None:
    """Committed, not committed, and new; what is ignored and what main has gained since do not count."""

    def git(*words: str) -> None:
        name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603, S607 - git

    git("init", "--initial-branch=main")
    (tmp_path / ".gitignore").write_text("ignored")
    (tmp_path / "old").write_text("old")
    git("add", ".")
    git("commit", "--message=first")
    git("checkout", "-b", "branch")
    (tmp_path / "committed").write_text("new")
    git("add", ".")
    git("commit", "--message=second")
    git("checkout", "main")
    (tmp_path / "of-main").write_text("new")
    git("add", ".")
    git("commit", "--message=third")
    git("checkout", "branch")
    for name in ("old", "new", "ignored"):
        (tmp_path / name).write_text("changed")
    assert sorted(map(str, changed(tmp_path))) == ["committed", "new", "old"]


def test_without_git_nothing_has_changed(tmp_path: Path) -> None:
    """As in an archive of the sources: lint and types are checked all the same."""
    assert changed(tmp_path) == []

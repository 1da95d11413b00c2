"""`make check`: lint, types, and the quick tests of what has changed, in half a minute."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ("functions", "layers/snapshot_tuner", "devkit", "tests")
_BASES: Final = ("origin/main", "main")
_PACKAGE: Final = Path("layers/snapshot_tuner/snapshot_tuner")
_BY_FOLDER: Final = {_PACKAGE: "", Path("devkit/tuner"): "tuner", Path("devkit"): ""}
"""Each folder in these has its tests in a folder of the same name, there; the first that fits counts."""

_TESTED_IN: Final = {
    "functions": "functions",
    "events": "events",
    "layers/policy": "policy",
    "template.yaml": "template",
    "samconfig.toml": "template",
    "docs": "docs",
    ".github": "docs",
    "Makefile": "docs",
    "mkdocs.yml": "docs",
}


def main() -> int:
    """Lint first; then types and tests side by side. 1 if anything is wrong."""
    tests = sorted(map(str, related_tests(changed(ROOT))))
    if _run("ruff", "check", *SOURCES) or _run("ruff", "format", "--check", "--quiet", *SOURCES):
        return 1
    with subprocess.Popen([_tool("mypy")], cwd=ROOT) as types:  # noqa: S603 - our own tool
        print(f"tests: {' '.join(tests)}" if tests else "tests: nothing has changed", flush=True)
        wrong = bool(tests) and _run("pytest", "--quiet", "-n", "2", "-m", "not slow", *tests)
        return int(bool(types.wait()) or wrong)


def changed(root: Path) -> list[Path]:
    """What differs from where the branch left main, committed or not; on main, from the last commit."""
    bases = [base for base in _BASES if _git(root, "rev-parse", "--verify", "--quiet", base)]
    base = next(iter(_git(root, "merge-base", "HEAD", bases[0])), "HEAD") if bases else "HEAD"
    files = [*_git(root, "diff", "--name-only", base), *_git(root, "ls-files", "--others", "--exclude-standard")]
    return [*map(Path, files)]


def related_tests(files: Iterable[Path]) -> set[Path]:
    """The tests of these files, by where both stand; those that there are."""
    return {path for file in files for path in _candidates(file) if (ROOT / path).exists()}


def _candidates(file: Path) -> Iterator[Path]:
    tests = Path("tests")
    if file.is_relative_to(tests) and file.name.startswith("test_"):
        yield file
    elif file.is_relative_to(tests) and file.parent != tests:  # what all tests share would be the whole suite
        yield file.parent
    for first, folder in _TESTED_IN.items():
        if file.is_relative_to(first):
            yield tests / folder
    root = next((each for each in _BY_FOLDER if file.is_relative_to(each)), None)
    if root is not None and len(inside := file.relative_to(root).parts) > 1:
        yield tests / _BY_FOLDER[root] / inside[0]
    if file.parent == _PACKAGE:
        named = tests / f"test_{file.name}"
        yield named if (ROOT / named).exists() else tests / "functions"
    if file.is_relative_to("functions") or file.is_relative_to(_PACKAGE):
        yield tests / "test_architecture.py"
    if file.suffix in {".md", ".in"}:
        yield tests / "docs"


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(tool: str, *arguments: str) -> bool:
    """Whether it complains."""
    return subprocess.run([_tool(tool), *arguments], cwd=ROOT, check=False).returncode != 0  # noqa: S603 - our own tool


def _git(root: Path, *arguments: str) -> list[str]:
    """The lines that it prints; none where it fails."""
    return subprocess.run(  # noqa: S603 - nothing of it comes from outside
        ["git", *arguments],  # noqa: S607 - wherever it is installed
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())

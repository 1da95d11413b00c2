"""The programs that a build runs: make, pip and the compiler of a Python."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devkit.build.interpreters import Interpreter
from devkit.build.step import BuildFailed


def make_layer(layer: Path, goal: str, target: Path) -> None:
    """The layer's own Makefile, as `sam build` runs it."""
    _run(["make", "--directory", layer, goal, f"ARTIFACTS_DIR={target}", f"PYTHON={sys.executable}"])


def pip_install(requirements: Path, target: Path, interpreter: Interpreter) -> None:
    """Wheels for that Python on this machine; the requirements are complete and hashed."""
    _run(
        # pip's own Python need not be the one that it installs for, which may have no pip.
        [
            *(sys.executable, "-m", "pip", "--python", interpreter.path, "install", "--quiet"),
            *("--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"),
            *("--target", target, "--requirement", requirements),
        ]
    )


def pip_install_for(requirements: Path, target: Path, version: str, platforms: Sequence[str]) -> None:
    """Wheels for a Python of another machine; the requirements are complete and hashed."""
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"),
            *("--no-deps", "--no-compile", "--only-binary=:all:", "--implementation", "cp"),
            *("--python-version", version, *(word for name in platforms for word in ("--platform", name))),
            *("--target", target, "--requirement", requirements),
        ]
    )


def compile_bytecode(folder: Path, seen_as: str, interpreter: Interpreter) -> None:
    """Bytecode beside the sources, taken without a look at them: the folder is read-only where it is used.

    `seen_as` is the folder's path there, for tracebacks. Only the same minor version can read it; for
    which processor it was made does not matter.
    """
    _run(
        [
            *(interpreter.path, "-S", "-s", "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", folder, "-p", seen_as, folder),
        ]
    )


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - only from this file
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise BuildFailed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")

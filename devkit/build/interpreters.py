"""The Pythons of this machine, found by running them: a launcher on the PATH may lead to nothing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

EXTRA_VARIABLE = "RUNTIME_PYTHONS"
"""Paths of further interpreters, separated as in PATH, for those that are not on the PATH."""

_DESCRIBE = "import json, sys; print(json.dumps([sys.base_prefix, *sys.version_info[:2]]))"
_START_SECONDS = 20


class InterpreterMissing(Exception):
    """No Python of this version runs here."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python without any environment around it; `version` is major and minor, "3.13"."""

    path: Path
    version: str


def own() -> Interpreter:
    """The one that the current environment was made with."""
    return _from_prefix(Path(sys.base_prefix), f"{sys.version_info.major}.{sys.version_info.minor}")


@lru_cache
def find(version: str) -> Interpreter:
    """Raises InterpreterMissing. What has been found stays found while this process runs."""
    for candidate in _candidates(version):
        interpreter = _run(candidate)
        if interpreter is not None and interpreter.version == version:
            return interpreter
    raise InterpreterMissing(f"no python{version} runs here; put one on the PATH, or put its path in {EXTRA_VARIABLE}")


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    yield from (Path(path) for path in os.environ.get(EXTRA_VARIABLE, "").split(os.pathsep) if path)
    for folder in os.get_exec_path():
        found = shutil.which(f"python{version}", path=folder)
        if found is not None:
            yield Path(found)


def _run(candidate: Path) -> Interpreter | None:
    """What the file turns out to be; None if it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreters that the developer named or has on the PATH
            [candidate, "-I", "-c", _DESCRIBE],
            capture_output=True,
            check=True,
            timeout=_START_SECONDS,
        )
        prefix, major, minor = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return _from_prefix(Path(prefix), f"{major}.{minor}")


def _from_prefix(prefix: Path, version: str) -> Interpreter:
    return Interpreter(prefix / "bin" / f"python{version}", version)

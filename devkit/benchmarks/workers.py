"""A build's handler in a process of its own, warm, fed with batches."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from devkit.benchmarks.builds import Build

_PROGRAM = Path(__file__).resolve().parent / "baselines" / "measured.py"


@dataclass(frozen=True, slots=True)
class BatchMeasurement:
    """One batch: what the handler alone took and imported, the most memory that its process ever held."""

    seconds: float
    processor_seconds: float
    imported: tuple[str, ...]
    peak_kib: int
    returned: tuple[str, ...]


class HandlerRaised(Exception):
    """The handler did not answer: its invoker would try again, or give up."""


class Worker:
    """Used by one thread at a time."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._job = folder / "job.json"

    def handle(self, event: Mapping[str, Any], *, remaining_seconds: float = 900.0) -> BatchMeasurement:
        """Hand the handler a batch and wait; `remaining_seconds` is what its context says. Raises HandlerRaised."""
        self._job.write_text(json.dumps({"event": event, "remaining_ms": round(remaining_seconds * 1000)}))
        requests = cast("IO[str]", self._process.stdin)
        requests.write(json.dumps(str(self._job)) + "\n")
        requests.flush()
        measured: dict[str, Any] = json.loads(self.read())
        if "raised" in measured:
            raise HandlerRaised(measured["raised"])
        listed = {name: tuple(measured[name]) for name in ("imported", "returned")}
        return BatchMeasurement(**measured | listed)

    def read(self) -> str:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the handler's process ended with {self._process.wait()}")
        return line


@contextmanager
def worker(build: Build, variables: Mapping[str, str]) -> Iterator[Worker]:
    """Imported and ready, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*build.command, _PROGRAM, build.handler],
            env={**variables, "PYTHONPATH": build.import_path, "PYTHONDONTWRITEBYTECODE": "1", "TZ": ":UTC"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            started = Worker(process, Path(folder))
            started.read()
            yield started
        finally:
            process.kill()
            process.communicate()

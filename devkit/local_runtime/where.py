"""Where a running `make run` announces itself to other programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devkit.build.step import BUILD_FOLDER
from devkit.local_runtime.application import Application

RUN_FILE = BUILD_FOLDER / "run.json"
"""Its addresses; it is gone when nothing runs."""

LOG_FILE = BUILD_FOLDER / "run.ndjson"
"""What the functions have written since it began, for `./tuner record` and `./tuner doctor`."""


def log_line(function: str, text: str) -> str:
    """A JSON line of a function's log as it is in the file that holds all functions' lines."""
    return f'{{"function":"{function}",{text[1:]}\n'


@contextmanager
def described_in(file: Path, application: Application, log: Path) -> Iterator[None]:
    """Until the end of the block."""
    description = {
        "url": application.url,
        "port": application.queue.api.port,
        "queue": application.queue.url,
        "urgent_queue": application.urgent_queue.url,
        "bus": application.bus.name,
        "direct_types": application.direct_types,
        "log": str(log),
    }
    file.write_text(json.dumps(description))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)

"""Where a running `make run` tells other programs of itself."""

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


@contextmanager
def told_in(file: Path, application: Application, log: Path) -> Iterator[None]:
    """Until the end of the block."""
    port, queue, bus = application.queue.api.port, application.queue.url, application.bus.name
    file.write_text(json.dumps({"url": application.url, "port": port, "queue": queue, "bus": bus, "log": str(log)}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)

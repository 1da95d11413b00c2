"""A worker in a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Stoppable(Protocol):
    """Runs until it is stopped from another thread."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def in_background(worker: Stoppable) -> Iterator[None]:
    """Works until the end of the block, which waits for what the worker has begun."""
    thread = threading.Thread(target=worker.run, name=type(worker).__name__, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()

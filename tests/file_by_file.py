"""How the tests are shared out among pytest's processes."""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("fleet", "runtime")
"""Folders of `tests/` whose tests share servers, or would disturb each other."""


class FileByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """One process runs all tests of a file, or of one of the folders `TOGETHER`, so that what they share is made once.

    pytest-xdist's own `--dist loadgroup` does nothing under pytest 9.2, which no longer reads what it writes its
    groups to.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", 1)[0])
        return next((str(folder) for folder in file.parents if folder.name in TOGETHER), str(file))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    """What `-n 3` shares the tests out with."""
    return FileByFile(config, log)

"""How the tests are shared out among pytest's processes."""

from pathlib import Path

import pytest

TOGETHER = ("fleet", "runtime")
"""Folders whose tests share servers, or would disturb each other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all tests of a file, or of one of these folders."""
    root = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(root)
        group = path.parts[0] if path.parts[0] in TOGETHER else str(path)
        item.add_marker(pytest.mark.xdist_group(group))

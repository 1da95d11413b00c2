"""A real browser, for the tests of pages."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from devkit.tuner.page import chromium


def chromium_path(*, windows: bool = False) -> str:
    """Chromium's; a test that needs it is skipped where there is none, and fails where CI is set."""
    found = chromium.executable(windows=windows)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    return found


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Closed after the last test of a module: while Playwright runs, this thread can have no other event loop.

    A test that needs one that could have windows gives "windows" as its parameter.
    """
    path = chromium_path(windows=getattr(request, "param", None) == "windows")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield running
        running.close()

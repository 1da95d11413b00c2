"""The page in a real browser, with every request and complaint of it kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Request

from devkit.tuner import page as document
from tests.real_browser import browser
from tests.tuner.page.browsing import Open, OpenedPage, ReportJson

__all__ = ["browser"]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Write a report and open it: `open_report(report, fragment="#…", **options of the browser's context)`.

    Afterwards every page must have asked for nothing but itself, and have complained about nothing.
    """
    opened: list[OpenedPage] = []

    def show(report: ReportJson, *, fragment: str = "", **options: Any) -> OpenedPage:  # noqa: ANN401 - Playwright's own
        file = tmp_path / f"backtest-{len(opened)}.html"
        document.write(report, file)
        page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}).new_page()
        one = OpenedPage(page, file.as_uri())
        page.set_default_timeout(10_000)
        opened.append(one)

        def console(message: ConsoleMessage) -> None:
            one.note(message.type, message.text)

        def error(message: Error) -> None:
            one.note("error", str(message))

        def request(asked: Request) -> None:
            one.requests.append(asked.url)

        page.on("console", console)
        page.on("pageerror", error)
        page.on("request", request)
        page.goto(file.as_uri() + fragment)
        return one

    yield show
    for one in opened:
        one.page.context.close()
        assert one.complaints == []
        assert {url.partition("#")[0] for url in one.requests} == {one.address}

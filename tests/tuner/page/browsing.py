"""A page of a report, open in a browser, with what it complained about and what it asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page

ReportJson = dict[str, Any]


@dataclass
class OpenedPage:
    """A page of a report in the browser, what it complained about and what it asked for."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def ink(self, selector: str) -> str:
        """The pixels of a chart, as one string."""
        return str(self.page.locator(f"{selector} canvas").evaluate("canvas => canvas.toDataURL()"))

    def box(self, selector: str) -> FloatRect:
        found = self.page.locator(selector).bounding_box()
        assert found is not None
        return found

    def note(self, kind: str, message: str) -> None:
        self.complaints.append(f"{kind}: {message}")


Open = Callable[..., OpenedPage]


def texts(found: Locator) -> list[str]:
    """The visible text of each."""
    return [each.inner_text() for each in found.all()]

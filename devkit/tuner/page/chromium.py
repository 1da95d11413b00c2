"""The browser that the pages are tested in, and photographed with: either Chromium of Debian's, or Google's Chrome."""

import shutil
from typing import Final

ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",  # root, as in a container, has no other choice
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING: Final = "Chromium is not installed; `make test` as root on Debian installs it with apt-get"


def executable(*, windows: bool = False) -> str | None:
    """Its path; None if there is none. If it may do without windows, the one that takes a third of the time."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = map(shutil.which, names if windows else ("chromium-headless-shell", *names))
    return next(filter(None, found), None)

"""The browser that the page is tested in, and photographed with: Debian's Chromium, or Google's Chrome."""

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


def executable() -> str | None:
    """Its path; None where there is none."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)

"""The browser that the page is tested in, and photographed with: Debian's Chromium."""

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
MISSING: Final = "no Chromium is found; on Debian: apt-get install --no-install-recommends chromium"


def executable() -> str | None:
    """Its path; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")

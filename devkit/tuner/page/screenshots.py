"""Pictures of a page for the documentation: `python -m devkit.tuner.page.screenshots backtest.html OUT_DIR [FRAGMENT]`.

FRAGMENT is the part of a link from its # on: it says which room. The pointer rests on an event of that room.
"""

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from devkit.tuner.page.chromium import ARGUMENTS, MISSING, executable

_DESK = ViewportSize(width=1280, height=1160)
_PHONE = ViewportSize(width=360, height=740)


def main(file: Path, folder: Path, fragment: str = "") -> int:
    """Write light.png, dark.png, calls.png, histogram.png and phone.png; 1 where there is no browser."""
    path = executable()
    if path is None:
        print(MISSING, file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=ARGUMENTS) as browser:
        page = browser.new_page(viewport=_DESK)
        page.goto(file.resolve().as_uri() + fragment)
        page.locator("#calls").locator("xpath=..").screenshot(path=folder / "calls.png")
        page.locator("#histogram").locator("xpath=..").screenshot(path=folder / "histogram.png")
        steps = page.locator("#happenings button.link")
        steps.nth(steps.count() // 2).click()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / "light.png")
        page.emulate_media(color_scheme="dark")
        steps.nth(steps.count() // 2).click()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / "dark.png")
        phone = browser.new_page(viewport=_PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
        phone.goto(file.resolve().as_uri() + fragment)
        phone.locator("#room").scroll_into_view_if_needed()
        phone.evaluate("document.getElementById('room').scrollIntoView()")
        phone.screenshot(path=folder / "phone.png")
    return 0


if __name__ == "__main__":
    _, _file, _folder, *_rest = sys.argv
    sys.exit(main(Path(_file), Path(_folder), *_rest))

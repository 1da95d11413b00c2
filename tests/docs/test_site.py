"""The site is built from the pages as they are, whole, and needs no network."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from devkit import site
from tests.docs.pages import PAGES, ROOT

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements that make a browser ask for something, and where they name it."""


class PageLinks(HTMLParser):
    """What a page can be linked at, what it links to, and what it makes a browser fetch."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in FETCHED and FETCHED[tag] in values and values.get("rel") != "canonical":
            self.fetched.append(values[FETCHED[tag]])


@pytest.fixture(scope="module")
def built() -> Path:
    """With MkDocs in strict mode."""
    assert site.main() == 0
    return site.BUILD / "site"


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, PageLinks]:
    return {path: PageLinks(path) for path in built.rglob("*.html")}


def test_every_page_is_there(built: Path) -> None:
    """The README is the first one."""
    names = {"index.html" if page.name == "README.md" else str(page.with_suffix(".html")) for page in PAGES}
    assert {str(path.relative_to(built)) for path in built.rglob("*.html")} == names | {"404.html"}


def test_every_link_of_the_site_leads_somewhere(pages: dict[Path, PageLinks]) -> None:
    """To a page or file of it, and to a heading where it names one."""
    nowhere = []
    for path, page in pages.items():
        for link in [*page.links, *page.fetched] if path.name != "404.html" else []:
            file, fragment = urldefrag(unquote(link))
            if "://" in file:
                continue
            target = (path.parent / file).resolve() if file else path
            if not target.is_file() or (fragment and target in pages and fragment not in pages[target].ids):
                nowhere.append(f"{path.name}: {link}")
    assert nowhere == []


def test_the_site_fetches_nothing_from_elsewhere(pages: dict[Path, PageLinks]) -> None:
    """No font, script, style or picture of another host."""
    assert {url for page in pages.values() for url in page.fetched if "//" in url} == set()


def test_a_link_that_leads_nowhere_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Strictly: MkDocs' warnings are errors."""
    prepare = site.prepare

    def with_a_mistake(folder: Path) -> None:
        prepare(folder)
        for page in folder.rglob("*.md"):
            page.write_text("[nowhere](nothing.md)\n" if page.stem == "glossary" else "# A page\n", encoding="utf-8")

    monkeypatch.setattr(site, "prepare", with_a_mistake)
    assert site.main() == 1
    assert "nothing.md" in capsys.readouterr().err


def test_the_picture_of_the_site_is_there() -> None:
    """And the badges."""
    assert all((ROOT / "docs" / name).is_file() for name in ("pictures/site.png", "badges/licence.svg"))

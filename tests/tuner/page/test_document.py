"""What stands in the file, before any browser reads it."""

import hashlib
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner import page
from tests.tuner.page import sample_report

FOLDER = Path(page.__file__).parent
VENDOR = FOLDER / "vendor"


class Reader(HTMLParser):
    """The elements of a page with their attributes and texts, as a browser tells them apart."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def scripts(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == "script"]

    def report(self) -> Any:  # noqa: ANN401 - a JSON document
        (text,) = [text for tag, text in self.texts if tag == "script" and text.startswith('{"version"')]
        return json.loads(text)


def written(report: dict[str, Any], folder: Path) -> Reader:
    file = folder / "backtest.html"
    page.write(report, file)
    return Reader(file)


def test_the_report_is_in_the_page_whole(tmp_path: Path) -> None:
    """What the page shows is the report, every number of it; a decimal is its nearest double."""
    report = sample_report.make(rooms=3, hours=1)
    report["price"]["per_1000_pictures"] = Decimal("0.1")
    assert written(report, tmp_path).report() == sample_report.make(rooms=3, hours=1)


def test_a_number_that_json_does_not_know_is_an_error(tmp_path: Path) -> None:
    """A page that no browser could read is not written."""
    report = sample_report.make(rooms=1, hours=1)
    report["recording"]["seconds"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        page.write(report, tmp_path / "backtest.html")
    assert not (tmp_path / "backtest.html").exists()


def test_no_name_ends_the_element_that_it_stands_in(tmp_path: Path) -> None:
    """A room may be called `</script><script>`: the page has its own three script elements, and the name is kept."""
    name = "</script><script>alert(1)</script><!--<script>"
    found = written(sample_report.make(rooms=1, hours=1, name=name), tmp_path)
    assert found.scripts() == [{"type": "application/json", "id": "report"}, {}, {}]
    assert found.report()["rooms"][0]["task"]["RoomId"] == name


def test_the_page_names_nothing_to_be_fetched(tmp_path: Path) -> None:
    """Nothing in it has a source elsewhere, and its policy forbids what somebody might smuggle in."""
    found = written(sample_report.make(rooms=1, hours=1), tmp_path)
    sources = [value for _, each in found.elements for name, value in each.items() if name in ("src", "href", "action")]
    assert sources == ["data:,"]
    (policy,) = [each["content"] for _, each in found.elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_scripts_make_text_and_no_markup() -> None:
    """What a sender chose reaches the page as text alone: the means to do otherwise are not used."""
    used = [
        (script.name, word)
        for script in (FOLDER / "scripts").glob("*.js")
        for word in re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", script.read_text()
        )
    ]
    assert used == []


def test_every_script_is_part_of_the_page() -> None:
    """No script is forgotten, and none is named that is not there."""
    assert sorted(page._SCRIPTS) == sorted(script.stem for script in (FOLDER / "scripts").glob("*.js"))


def test_what_is_other_peoples_is_unchanged() -> None:
    """The README beside the vendored files has the SHA-256 of each of them."""
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `([\w.]+)` \| `([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    there = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDOR.iterdir()}
    del there["README.md"]
    assert named == there


def test_the_version_that_is_named_is_the_version_that_is_there(tmp_path: Path) -> None:
    """The README names uPlot's version, and the page carries its licence."""
    (version,) = re.findall(r"^\| uplot \| ([\d.]+) \| MIT \|$", (VENDOR / "README.md").read_text(), re.MULTILINE)
    assert f"(v{version})" in (VENDOR / "uPlot.iife.min.js").read_text(encoding="utf-8")[:100]
    scripts = [text for tag, text in written(sample_report.make(rooms=1, hours=1), tmp_path).texts if tag == "script"]
    assert any((VENDOR / "LICENSE").read_text(encoding="utf-8") in text for text in scripts)

"""What people read: the README, the pages of docs/, and how to contribute."""

import re
from pathlib import Path
from textwrap import dedent
from typing import Final

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = [
    Path("README.md"),
    *map(Path, ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted(Path("docs") / p.name for p in (ROOT / "docs").glob("*.md")),
]
"""From the project's root."""

DOCUMENTATION: Final = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in PAGES)


def code_blocks(text: str, language: str) -> list[str]:
    """Every fenced block of the language, those in lists too."""
    return [dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


def table(first_column: str) -> list[list[str]]:
    """The cells of the one table, of all pages, whose first column has this name, without code quotes."""
    (body,) = re.findall(rf"^\| {first_column} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOCUMENTATION, re.MULTILINE)
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in body.splitlines()]


def anchors(text: str) -> set[str]:
    """What a link can name in a page: its headings, as Markdown renderers spell them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

"""`make docs`: the pages of this repository as a static site, built strictly and without the network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / ".build"
PAGES: Final = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_LINK: Final = re.compile(r'(\]\(|src="|href=")((?:\.\./|\./)*[\w.][\w./-]*)(?=[)#"])')


def prepare(folder: Path) -> None:
    """Copies the pages, their pictures, and what else they link to inside the repository."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in (*map(Path, PAGES), *(path.relative_to(ROOT) for path in sorted((ROOT / "docs").glob("*.md")))):
        _copy(page, folder)
        for _, target in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
            linked = Path(os.path.normpath(page.parent / target))
            if linked.suffix != ".md" and (ROOT / linked).is_file():
                _copy(linked, folder)


def _copy(path: Path, folder: Path) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, folder / path)


def main() -> int:
    """The exit code of MkDocs, which complains of every link that leads nowhere."""
    prepare(BUILD / "docs")
    mkdocs = Path(sys.executable).with_name("mkdocs")
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    # Not --quiet: what it does not say, it does not count as a mistake either.
    done = subprocess.run(  # noqa: S603 - our own tool
        [mkdocs, "build", "--strict"], cwd=ROOT, env=quiet, capture_output=True, text=True, check=False
    )
    print("\n".join(line for line in done.stderr.splitlines() if not line.startswith("INFO")).strip(), file=sys.stderr)
    if done.returncode == 0:
        site = BUILD.relative_to(ROOT) / "site"
        print(f"{site}/index.html (to search in it: python3 -m http.server --directory {site})")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

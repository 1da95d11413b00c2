"""`make licences`: whose code is deployed or kept in this repository, and under which licence."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from rich.table import Table

from devkit.tuner.output import console

ROOT: Final = Path(__file__).parents[1]
DEPLOYED: Final = ("layers/dependencies/requirements.txt", "functions/vefaas/requirements.txt")
VENDORED: Final = "devkit/tuner/page/vendor/README.md"

ALLOWED: Final = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MPL-2.0", "PSF-2.0"})
"""What may be used and passed on beside code under Apache-2.0, unchanged."""

_SPELLED: Final = {
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_IN_OTHERS: Final = {"aws-lambda-powertools": ("swagger-ui (inside Powertools, for GET /docs)", "Apache-2.0")}


@dataclass(frozen=True, slots=True)
class Licence:
    """One package; its licence as SPDX has it, or, where that is unknown, in its own words."""

    package: str
    version: str
    licence: str
    used: str


def licences() -> Iterator[Licence]:
    """Deployed ones in the order of their files, then those whose files are in this repository."""
    seen = set()
    for file in DEPLOYED:
        for name, version, marker in re.findall(
            r"^([\w.-]+)==(\S+)( ;.*)?", (ROOT / file).read_text("utf-8"), re.MULTILINE
        ):
            if name in seen:
                continue
            seen.add(name)
            try:
                licence = _licence(metadata(name))
            except PackageNotFoundError:
                if not marker:
                    raise
                continue  # not for this Python
            yield Licence(name, version, licence, "deployed")
            if name in _IN_OTHERS:
                yield Licence(_IN_OTHERS[name][0], "", _IN_OTHERS[name][1], "deployed")
    for name, version, licence in re.findall(
        r"^\| ([\w-]+) \| ([\d.]+) \| (\S+) \|$", (ROOT / VENDORED).read_text("utf-8"), re.MULTILINE
    ):
        yield Licence(name, version, licence, "in the repository")


def _licence(package: PackageMetadata) -> str:
    classifiers = [
        each.rpartition(" :: ")[2] for each in package.get_all("Classifier", []) if each.startswith("License")
    ]
    own = next((package[name] for name in ("License-Expression", "License") if name in package), "unknown")
    named = next((each for each in [*classifiers, own] if _SPELLED.get(each, each) in ALLOWED), own)
    return _SPELLED.get(named, named)


def main() -> int:
    """A table; 1 if a licence is not allowed."""
    table = Table("package", "version", "licence", "", box=None)
    found = [*licences()]
    for each in found:
        table.add_row(each.package, each.version, each.licence, each.used)
    console().print(table)
    refused = [f"{each.package}: {each.licence}" for each in found if each.licence not in ALLOWED]
    for line in refused:
        print(f"not among the allowed licences: {line}", file=sys.stderr)
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())

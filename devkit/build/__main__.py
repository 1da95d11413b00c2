"""`make build`: what is deployed, into .build/deploy, with its sizes."""

import argparse
import sys

from devkit.build import BuildFailed, Tree, deployed
from devkit.build.artifacts import TARGET_PYTHON

_DESCRIPTION = """\
Builds what is deployed into .build/deploy, from any host: the functions, the three layers and the template.
What has not changed since the last build is left as it is.
"""


def main() -> None:
    """Build, and say what came of it."""
    argparse.ArgumentParser(prog="python -m devkit.build", description=_DESCRIPTION).parse_args()
    try:
        tree = deployed()
    except BuildFailed as failure:
        sys.exit(str(failure))
    print("\n".join(_report(tree)))


def _report(tree: Tree) -> list[str]:
    sizes = tree.sizes()
    widest = max(map(len, sizes))
    bytecode = (
        f"bytecode by {tree.bytecode_by.path}"
        if tree.bytecode_by
        else f"no bytecode, as no python{TARGET_PYTHON} runs here: without SnapStart every cold start compiles it all"
    )
    rows = [f"  {part:{widest}}  {size / 1_000_000:5.1f} MB" for part, size in sizes.items()]
    return [f"{tree.root} ({bytecode})", *rows]


if __name__ == "__main__":
    main()

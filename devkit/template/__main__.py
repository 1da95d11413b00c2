"""`make validate`: what SAM makes of template.yaml, linted; nothing is asked of AWS and no SAM CLI is needed.

`sam validate --lint` looks at the source, where it misses what shows only after the translation.
"""

import sys

from devkit.template.cloudformation import load, translate
from devkit.template.linter import linted


def main() -> int:
    findings = linted(translate(load(), {}))
    for finding in findings:
        print(finding)
    print(f"template.yaml: {len(findings)} findings" if findings else "template.yaml: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

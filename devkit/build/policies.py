"""The policy, checked once and for all: a broken one is not built, and a cold start need not check it again."""

from pathlib import Path

from devkit.build.step import BuildFailed
from snapshot_tuner.errors import PolicyError
from snapshot_tuner.policy import compiled
from snapshot_tuner.policy.loader import examine, form_of


def keep_form(file: Path) -> None:
    """Write the checked form of a policy file beside it. Raises BuildFailed with every mistake in the file."""
    text = file.read_text(encoding="utf-8")
    found = examine(text)
    if found.problems or found.document is None:
        raise BuildFailed(str(PolicyError(str(file), [str(problem) for problem in found.problems])))
    compiled.keep(form_of(found.document), text, file)

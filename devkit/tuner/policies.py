"""Loading the policy that a command was given."""

from pathlib import Path

from devkit.tuner.exits import CommandFailed, Exit
from snapshot_tuner.errors import PolicyError
from snapshot_tuner.policy.engine import Policy


def load(path: Path) -> Policy:
    """Raises CommandFailed: MISTAKES where the policy is wrong, USAGE where the file cannot be read."""
    if not path.is_file():
        raise CommandFailed(Exit.USAGE, f"{path}: no such file")
    try:
        return Policy.load(path)
    except PolicyError as error:
        raise CommandFailed(Exit.MISTAKES, str(error)) from None

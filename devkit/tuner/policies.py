"""Reading the policy that a command was given: a file, or whatever can be read once, such as a pipe."""

from pathlib import Path

from devkit.tuner.exits import CommandFailed, Exit
from snapshot_tuner.errors import PolicyError
from snapshot_tuner.policy.engine import Policy


def text_of(path: Path) -> str:
    """Line ends as they are, since they count for the hash. Raises CommandFailed: USAGE."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{path}: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError as error:
        raise CommandFailed(Exit.USAGE, f"{path}: not UTF-8: the byte at offset {error.start}") from None


def parse(text: str, path: Path) -> Policy:
    """Raises CommandFailed: MISTAKES where the policy is wrong."""
    try:
        return Policy.parse(text, str(path))
    except PolicyError as error:
        raise CommandFailed(Exit.MISTAKES, str(error)) from None


def load(path: Path) -> Policy:
    """Raises CommandFailed: MISTAKES where the policy is wrong, USAGE where the file cannot be read."""
    return parse(text_of(path), path)

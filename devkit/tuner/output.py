"""What every command prints through: text for people, with colours only on a terminal, or one JSON document."""

import json
import sys
from decimal import Decimal

from rich.console import Console

_WIDTH_OF_A_FILE = 120
"""Characters per line if the width is unknown: a pipe, a file, a CI log."""


class _Console(Console):
    """Without its own end when a pipe is closed: its exit code is that of a wrong policy."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Standard output; plain text if that is not a terminal, or if NO_COLOR is set."""
    return _Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE, highlight=False, emoji=False)


def progress_console() -> Console:
    """Standard error: progress and complaints, so that standard output can go into a pipe."""
    return _Console(stderr=True, width=None if sys.stderr.isatty() else _WIDTH_OF_A_FILE, highlight=False, emoji=False)


def print_json(value: object) -> None:
    """One document. Decimals become the nearest double: this is for reading, not for events."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def json_text(value: object, *, indent: int | None = None) -> str:
    """The text of a document, its numbers as `print_json` has them."""
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_number)


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"not a JSON value: {type(value).__name__}")

"""The command line of `tuner record`."""

import argparse
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from devkit.terminal import printable
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import print_json, progress_console
from devkit.tuner.record.parsers import Form
from devkit.tuner.record.recording import Recording, Summary
from devkit.tuner.record.sorting import SortedLines

_STANDARD_INPUT = "-"
_GZIP_BEGINS = b"\x1f\x8b"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner record`."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="log lines or a dump, also .gz; - or nothing reads standard input"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write here, not to standard output; compressed if named .gz"
    )
    parser.add_argument(
        "--from",
        dest="form",
        choices=[form.value for form in Form],
        help="read only log lines, or only queue messages (default: recognise both)",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed, also where there was nothing to record."""
    output: Path | None = arguments.output
    if arguments.json and output is None:
        raise CommandFailed(Exit.USAGE, "--json prints a summary, so the events have to go to a file: give -o FILE")
    forms = frozenset([Form(arguments.form)] if arguments.form else Form)
    with SortedLines() as lines:
        recording = Recording(forms, lines)
        for name in arguments.files or [_STANDARD_INPUT]:
            with _opened(name) as text:
                recording.take("standard input" if name == _STANDARD_INPUT else name, text)
        summary = recording.summary()
        if not summary.events:
            raise CommandFailed(Exit.USAGE, "\n".join(["nothing recorded", *summary.describe()]), **summary.as_json())
        with _output(output) as write:
            for _, line in lines.lines():
                write(f"{line}\n".encode())
    if arguments.json:
        print_json({"file": str(output), **summary.as_json()})
    else:
        _tell(summary)
    return Exit.FINE


def _tell(summary: Summary) -> None:
    console = progress_console()
    figures = summary.as_json()
    events = "1 event" if summary.events == 1 else f"{summary.events:,} events"
    console.print(f"{events} recorded, from {figures['first']} to {figures['last']}", markup=False, soft_wrap=True)
    for line in summary.describe():
        console.print(printable(line), markup=False, soft_wrap=True)


@contextmanager
def _opened(name: str) -> Iterator[io.TextIOWrapper]:
    """The lines of an input; what is not UTF-8 in it is not JSON, and is reported as such."""
    with ExitStack() as files:
        try:
            # Standard input stays open: it is not ours.
            file = 0 if name == _STANDARD_INPUT else name
            raw = files.enter_context(open(file, "rb", closefd=file != 0))
            is_compressed = raw.peek(len(_GZIP_BEGINS)).startswith(_GZIP_BEGINS)
            plain = files.enter_context(gzip.GzipFile(fileobj=raw)) if is_compressed else raw
            text = io.TextIOWrapper(plain, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
            yield files.enter_context(text)
        except (OSError, EOFError, zlib.error) as error:
            raise CommandFailed(Exit.USAGE, f"{name}: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def _output(path: Path | None) -> Iterator[Callable[[bytes], int]]:
    if path is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    with ExitStack() as files:
        try:
            file: BinaryIO = files.enter_context(path.open("wb"))
        except OSError as error:
            raise CommandFailed(Exit.USAGE, f"{path}: {error.strerror}") from None
        if path.suffix == ".gz":
            # Neither a name nor a time in it: the same recording is the same file.
            file = cast("BinaryIO", files.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)))
        yield file.write

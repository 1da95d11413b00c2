"""Lines in the order of their times, however many: what is too much for the memory waits in files."""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from operator import itemgetter
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self, TextIO

_CHARACTERS_AT_ONCE = 64_000_000
"""In memory; some 150,000 events."""


class SortedLines:
    """Takes lines without line breaks in any order. Lines of the same time keep the order in which they came."""

    def __init__(self) -> None:
        self._buffer: list[tuple[int, str]] = []
        self._characters = 0
        self._files: list[TextIO] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, time_us: int, line: str) -> None:
        self._buffer.append((time_us, line))
        self._characters += len(line)
        if self._characters >= _CHARACTERS_AT_ONCE:
            self._put_away()

    def lines(self) -> Iterator[tuple[int, str]]:
        """Once, when all have arrived."""
        self._buffer.sort(key=itemgetter(0))
        yield from heapq.merge(*map(_read, self._files), self._buffer, key=itemgetter(0))

    def _put_away(self) -> None:
        self._buffer.sort(key=itemgetter(0))
        file = TemporaryFile("w+", encoding="ascii", newline="\n")  # noqa: SIM115 - lives as long as this object
        self._open.callback(file.close)
        file.writelines(f"{time_us} {line}\n" for time_us, line in self._buffer)
        file.seek(0)
        self._files.append(file)
        self._buffer, self._characters = [], 0


def _read(file: TextIO) -> Iterator[tuple[int, str]]:
    for text in file:
        time_us, _, line = text.rstrip("\n").partition(" ")
        yield int(time_us), line

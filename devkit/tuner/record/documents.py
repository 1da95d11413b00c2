"""The JSON documents in a text, whatever stands around and between them.

A document may stand on a line of its own, behind a prefix (`aws logs tail` puts a time and a stream there), beside
others on one line (Firehose writes no line breaks), or over several lines, indented, as the AWS CLI and jq print it.
One document is held at a time, and of none more than `DOCUMENT_CHARACTERS`, however long a line is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TextIO

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.strict_json import decode

if TYPE_CHECKING:
    from snapshot_tuner.model import Json

DOCUMENT_CHARACTERS: Final = 32 * 1024 * 1024

_READ_AT_ONCE: Final = 65_536
_STARTS = re.compile(r'\s*(?:\{|\[\s*(?:[\[{"\]]|$))')
_OPENS_MEMBERS = re.compile(r"\{\s*(?:\"|$)")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+("?)|[\[\]{}]')
_OPENING = frozenset("[{")
_GOES_ON = re.compile(r"\s|[\]}]")
"""Only a line that is indented, or closes, belongs to the document before it: what is cut off takes nothing along."""


class NoDocument(Enum):
    """What a line is that holds none."""

    TEXT = auto()  # nothing that looks like JSON
    BROKEN = auto()  # it begins as JSON does, and is not
    TOO_LONG = auto()  # more than DOCUMENT_CHARACTERS


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded document, numbers exact, and the line on which it begins, from 1."""

    line: int
    value: "Json | NoDocument"


@dataclass(slots=True)
class _OpenDocument:
    """A document as far as it has been read; of one that is too long only where it ends matters."""

    line: int
    _parts: list[str] = field(default_factory=list)
    _characters: int = 0
    _depth: int = 0
    _cut_off: str | None = None
    """In a text that goes on: the backslash that the piece before ended with, or nothing."""

    def add(self, piece: str) -> str | None:
        """What follows the end of the document; None if it goes on."""
        carried = "" if self._cut_off is None else f'"{self._cut_off}'
        text, self._cut_off = carried + piece, None
        for token in _STRING_OR_BRACKET.finditer(text):
            bracket = token.group()
            if bracket[0] == '"':
                if not token[1] and not text.endswith("\n"):  # no JSON text goes on after its line
                    self._cut_off = text[token.end() :]
                    break
                continue
            self._depth += 1 if bracket in _OPENING else -1
            if self._depth == 0:
                end = token.end() - len(carried)
                self._keep(piece[:end])
                return piece[end:]
        self._keep(piece)
        return None

    def document(self) -> Document:
        if self._characters > DOCUMENT_CHARACTERS:
            return Document(self.line, NoDocument.TOO_LONG)
        text = "".join(self._parts)
        try:
            # A dump is as long as it is; of each event in it the functions' own limits are asked later.
            return Document(self.line, decode(text, at_most=4 * len(text)))
        except EventRejected:
            return Document(self.line, NoDocument.BROKEN)

    def _keep(self, piece: str) -> None:
        self._characters += len(piece)
        if self._characters > DOCUMENT_CHARACTERS:
            self._parts.clear()
        else:
            self._parts.append(piece)


def documents(text: TextIO) -> Iterator[Document]:
    """All of the text: what is not a document comes as such, blank lines do not."""
    found = _Documents()
    for number, piece, begins in _pieces(text):
        yield from found.begin(number, piece) if begins else found.go_on(number, piece)
    yield from found.end()


class _Documents:
    """Those that pieces of lines bring, one after the other."""

    def __init__(self) -> None:
        self._open: _OpenDocument | None = None
        self._is_passed_over = False
        """The rest of a line that is not a document."""

    def begin(self, number: int, piece: str) -> Iterator[Document]:
        """A line begins."""
        self._is_passed_over = False
        if self._open is not None:
            if _GOES_ON.match(piece):
                yield from self.go_on(number, piece)
                return
            yield from self.end()
        start = _start(piece)
        if start is not None:
            yield from self.go_on(number, piece[start:])
            return
        self._is_passed_over = True
        if not piece.isspace():
            yield Document(number, NoDocument.TEXT)

    def go_on(self, number: int, piece: str) -> Iterator[Document]:
        """A line goes on."""
        rest: str | None = None if self._is_passed_over else piece
        while rest:
            if self._open is None:
                rest = rest.lstrip()
                if not rest:
                    return
                if rest[0] not in _OPENING:
                    self._is_passed_over = True
                    yield Document(number, NoDocument.BROKEN)
                    return
                self._open = _OpenDocument(number)
            rest = self._open.add(rest)
            if rest is not None:
                yield self._open.document()
                self._open = None

    def end(self) -> Iterator[Document]:
        """Nothing more can come of what is open."""
        if self._open is not None:
            yield Document(self._open.line, NoDocument.BROKEN)
            self._open = None


def _pieces(text: TextIO) -> Iterator[tuple[int, str, bool]]:
    """Lines, long ones in pieces: the number of the line, from 1, the text, and whether the line begins with it."""
    number, begins = 1, True
    while piece := text.readline(_READ_AT_ONCE):
        yield number, piece, begins
        begins = piece.endswith("\n")
        number += begins


def _start(line: str) -> int | None:
    """Where JSON begins; after a prefix only an object with members can, as `[live]` is part of a stream's name."""
    if found := _STARTS.match(line):
        return found.end() - len(found.group().lstrip())
    found = _OPENS_MEMBERS.search(line)
    return None if found is None else found.start()

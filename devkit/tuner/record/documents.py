"""The JSON documents in a text of lines, whatever stands around and between them.

A document may stand on a line of its own, behind a prefix (`aws logs tail` puts a time and a stream there), beside
others on one line (Firehose writes no line breaks), or over several lines, indented, as the AWS CLI and jq print it.
One line is held at a time, or one document of several.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json

_STARTS = re.compile(r'\s*(?:\{|\[\s*(?:[\[{"\]]|$))')
_OPENS_MEMBERS = re.compile(r"\{\s*(?:\"|$)")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]')
_SPACE = re.compile(r"\s*")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_GOES_ON = re.compile(r"\s|[\]}]")
"""Only a line that is indented, or closes, belongs to the document before it: what is cut off takes nothing along."""


class NoDocument(Enum):
    """What a line is that holds none."""

    TEXT = auto()  # nothing that looks like JSON
    BROKEN = auto()  # it begins as JSON does, and is not


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded document, numbers exact, and the line on which it begins, from 1."""

    line: int
    value: "Json | NoDocument"


@dataclass(slots=True)
class _OpenDocument:
    """A document that may go on over several lines."""

    line: int
    parts: list[str] = field(default_factory=list)
    depth: int = 0

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.depth += sum(_STEP.get(token.group(), 0) for token in _STRING_OR_BRACKET.finditer(text))


def documents(lines: Iterable[str]) -> Iterator[Document]:
    """All of the text: what is no document comes as such, blank lines do not."""
    going_on: _OpenDocument | None = None
    for number, line in enumerate(lines, start=1):
        if going_on is not None and _GOES_ON.match(line):
            going_on.add(line)
            if going_on.depth <= 0:
                yield from _decoded(going_on.line, "".join(going_on.parts))
                going_on = None
            continue
        if going_on is not None:
            yield Document(going_on.line, NoDocument.BROKEN)
            going_on = None
        start = _start(line)
        if start is None:
            if not line.isspace():
                yield Document(number, NoDocument.TEXT)
            continue
        text = line[start:]
        going_on = _OpenDocument(number)
        going_on.add(text)
        if going_on.depth <= 0:
            yield from _decoded(number, text)
            going_on = None
    if going_on is not None:
        yield Document(going_on.line, NoDocument.BROKEN)


def _start(line: str) -> int | None:
    """Where JSON begins; behind a prefix only an object with members can, as `[live]` is part of a stream's name."""
    if _STARTS.match(line):
        return 0
    found = _OPENS_MEMBERS.search(line)
    return None if found is None else found.start()


def _decoded(line: int, text: str) -> Iterator[Document]:
    try:
        yield Document(line, _exact(text))
    except EventRejected:
        for part in _parts(text):
            try:
                yield Document(line, _exact(part))
            except EventRejected:
                yield Document(line, NoDocument.BROKEN)


def _exact(text: str) -> Json:
    # A dump is as long as it is; of each event in it the functions' own limits are asked later.
    return decode(text.strip(), at_most=4 * len(text))


def _parts(text: str) -> Iterator[str]:
    """Each document of several side by side; what is left when one cannot be read, whole."""
    decoder = json.JSONDecoder()
    begin = _after_space(text, 0)
    while begin < len(text):
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            end = len(text)
        yield text[begin:end]
        begin = _after_space(text, end)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()

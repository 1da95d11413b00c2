"""Text with `{path}` placeholders, filled in from a body and its elements.

A path of a body is read once per body, one of an element once per element, however many templates ask for it: so what
a reading costs stays linear in the text.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.json_path import ABSENT, Found, JsonPath
from snapshot_tuner.formats.strict_json import describe
from snapshot_tuner.model import Json

BODY: Final = "body"
RECORD: Final = "record"
ITEM: Final = "item"
INDEX: Final = "index"
KEY: Final = "key"
VALUE: Final = "value"
OF_ELEMENTS: Final = (INDEX, KEY, VALUE)
RECORD_MEMBERS: Final = ("id", "key", "topic", "headers")

_LOOP: Final = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*) in )?(\S.*)")
_PLACEHOLDER: Final = re.compile(r"\{((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^{}])*)\}")

Values: TypeAlias = list[Found]
"""What each path has found, by its number."""

Fill: TypeAlias = Callable[[Values], Found]


class Unfilled(Exception):
    """A placeholder found nothing, or something that is not text; the message says which and why."""


class Loop(NamedTuple):
    """`name` stands for each element of what is at `path`."""

    name: str
    path: JsonPath


class PathRead(NamedTuple):
    """A path that is read into `Values` when what its root stands for changes: at the body, or in a loop."""

    number: int
    level: int
    root: str
    read: Callable[[Found], Found]


class Scope:
    """Which names the placeholders of a reading may use, and which paths they ask for.

    `loops` are those of `each`, the outermost first. Raises ValueError, with the reason, for anything else.
    """

    def __init__(self, each: Sequence[str]) -> None:
        self.loops: list[Loop] = []
        self._levels = {BODY: 0, RECORD: 0}
        self._reads: dict[str, PathRead] = {}
        for text in each:
            found = _LOOP.fullmatch(text)
            if found is None:
                raise ValueError("must be a path to a list or an object, such as body.readings, or a `name in path`")
            path = self._parsed(found[2])
            name = found[1] or ITEM
            if name in (*self._levels, *OF_ELEMENTS):
                raise ValueError(f"{name!r} is already the name of something else")
            self.loops.append(Loop(name, path))
            self._levels[name] = len(self.loops)
        if each:
            self._levels |= dict.fromkeys(OF_ELEMENTS, len(self.loops))

    @property
    def innermost(self) -> str:
        """The name of what a signal is made from."""
        return self.loops[-1].name if self.loops else BODY

    @property
    def reads(self) -> list[PathRead]:
        """Those of every template so far."""
        return list(self._reads.values())

    def path(self, text: str) -> int:
        """The number under which what it finds is kept. Raises ValueError, with the reason."""
        known = self._reads.get(text)
        if known is None:
            path = self._parsed(text)
            known = PathRead(len(self._reads), self._levels[path.root], path.root, path.reader())
            self._reads[text] = known
        return known.number

    def _parsed(self, text: str) -> JsonPath:
        path = JsonPath.parse(text)
        if path.root not in self._levels:
            known = ", ".join(self._levels)
            raise ValueError(f"{path.root!r} is not one of the names here: {known}")
        if path.steps and path.root in (INDEX, KEY):
            raise ValueError(f"{path.root} has no members")
        if path.root == RECORD and (not path.steps or path.steps[0] not in RECORD_MEMBERS):
            raise ValueError(f"record has {', '.join(RECORD_MEMBERS)}")
        return path


@dataclass(frozen=True, slots=True)
class Template:
    """`asks` are the numbers of its paths, each as often as it stands in the text."""

    fill: Fill
    asks: tuple[int, ...]

    @classmethod
    def parse(cls, text: str, scope: Scope) -> "Template":
        """Text that is one placeholder gives what that finds, of whatever kind. Raises ValueError."""
        literals, paths = _PLACEHOLDER.split(text)[::2], _PLACEHOLDER.findall(text)
        if any("{" in literal or "}" in literal for literal in literals):
            raise ValueError("a brace only begins or ends a placeholder, such as {item.load}")
        numbers = tuple(scope.path(path) for path in paths)
        if not numbers:
            return cls(lambda _: text, ())
        if len(numbers) == 1 and not any(literals):
            (only,) = numbers
            return cls(lambda values: values[only], numbers)
        parts = [*zip(literals[1:], paths, numbers, strict=True)]
        first = literals[0]

        def fill(values: Values) -> Found:
            return first + "".join([_as_text(path, values[number]) + literal for literal, path, number in parts])

        return cls(fill, numbers)

    @classmethod
    def from_data(cls, data: Json, scope: Scope) -> "Template":
        """Of an object or a list with templates inside. A member whose placeholder finds nothing is left out."""
        match data:
            case str():
                return cls.parse(data, scope)
            case dict():
                members = [(key, cls.from_data(value, scope)) for key, value in data.items()]
                return cls(_object([(key, part.fill) for key, part in members]), _asks(part for _, part in members))
            case list():
                parts = [cls.from_data(value, scope) for value in data]
                return cls(_list([part.fill for part in parts]), _asks(parts))
            case _:
                return cls(lambda _: data, ())


def _object(members: Sequence[tuple[str, Fill]]) -> Fill:
    def fill(values: Values) -> Found:
        made: dict[str, Json] = {}
        for key, member in members:
            found = member(values)
            if found is not ABSENT:
                made[key] = found
        return made

    return fill


def _list(parts: Sequence[Fill]) -> Fill:
    return lambda values: [found for part in parts if (found := part(values)) is not ABSENT]


def _asks(templates: Iterator[Template] | Sequence[Template]) -> tuple[int, ...]:
    return tuple(number for template in templates for number in template.asks)


def _as_text(path: str, found: Found) -> str:
    match found:
        case str():
            return found
        case bool() | Decimal():
            return encode(found)
        case int():
            return str(found)
        case _:
            raise Unfilled(f"{{{path}}} {what(found)}, which is not text")


def what(found: Found) -> str:
    """For the end of a sentence about a path."""
    return "finds nothing" if found is ABSENT else f"is {describe(found)}"

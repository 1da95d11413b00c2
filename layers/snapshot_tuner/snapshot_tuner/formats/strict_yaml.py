"""YAML as people mean it: JSON's values, each in one spelling, and where in the file each stands.

YAML 1.1, which PyYAML reads, and YAML 1.2, which many editors check, disagree about plain words and numbers:
`on`, `010`, `1_0`, `1:30`, `2024-01-01`. Here what either of them takes for something other than text is a
mistake unless it is spelled as JSON spells it. Anchors, aliases, tags, merge keys and further documents are
mistakes too: a policy needs none of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import yaml
from yaml.resolver import Resolver

from snapshot_tuner.model import Json, Place

MAX_DEPTH: Final = 40
MAX_NUMBER_CHARACTERS: Final = 400
MAX_EXPONENT: Final = 400
MAX_SHOWN: Final = 40

# The parser in C where PyYAML has it: ten times as fast.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<decimal>(?:\.[0-9]+)?(?:[eE](?P<exponent>[-+]?[0-9]{1,9}))?)")
_CORE_NUMBER: Final = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)
"""What YAML 1.2's core schema takes for a number."""

_CONSTANTS: Final[dict[str, Json]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_QUOTE: Final = "put it in quotes if it is text"
_TRAPS: Final = {
    "bool": f"reads as true or false in YAML 1.1: write true or false, or {_QUOTE}",
    "null": f"reads as null in YAML: write null, or {_QUOTE}",
    "int": f"reads as a number in some YAML: write it in plain decimal digits, or {_QUOTE}",
    "float": f"reads as a number in some YAML: write it in plain decimal digits, or {_QUOTE}",
    "merge": "is a merge key, which is not supported: write the members out",
    "timestamp": f"reads as a date in YAML 1.1: {_QUOTE}",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class YamlReading:
    """What a text holds. `marks` has the key or the list item that begins each place; `mistakes` come by place."""

    value: Json
    marks: dict[Place, Mark]
    mistakes: list[tuple[Place, str]]


class NotYamlError(ValueError):
    """The text as a whole cannot be read."""

    def __init__(self, reason: str, mark: Mark) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mark = mark


@dataclass(slots=True)
class _Open:
    """A list or an object whose end has not come yet; `key` is the one that waits for its value."""

    value: list[Json] | dict[str, Json]
    place: Place
    key: str | None = None


def read(text: str) -> YamlReading:
    """Reads one document. Raises NotYamlError; lesser mistakes are in the answer, all of them."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark
        mark = Mark(where.line + 1, where.column + 1) if where else Mark(1, 1)
        raise NotYamlError(f"not YAML: {error.problem}", mark) from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        reason = getattr(error, "reason", "unreadable")
        raise NotYamlError(f"not YAML: {reason}", Mark(1, 1)) from None
    return builder.reading()


@dataclass(slots=True)
class _Builder:
    """Puts values together from the parser's events: one stack, no recursion."""

    open: list[_Open] = field(default_factory=list)
    root: Json = None
    documents: int = 0
    marks: dict[Place, Mark] = field(default_factory=dict)
    mistakes: list[tuple[Place, str]] = field(default_factory=list)

    def reading(self) -> YamlReading:
        return YamlReading(self.root, self.marks, self.mistakes)

    def take(self, event: yaml.Event) -> None:
        start = event.start_mark
        mark = Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise NotYamlError("more than one document in the file", mark)
            case yaml.AliasEvent():
                self._add(None, mark, ["aliases are not supported: write the value out"])
            case yaml.ScalarEvent():
                self._add_scalar(event, mark)
            case yaml.SequenceStartEvent():
                self._begin([], event, mark)
            case yaml.MappingStartEvent():
                self._begin({}, event, mark)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self.open.pop()

    def _begin(self, value: list[Json] | dict[str, Json], event: yaml.NodeEvent, mark: Mark) -> None:
        if len(self.open) == MAX_DEPTH:
            raise NotYamlError(f"nested deeper than {MAX_DEPTH} levels", mark)
        place = self._add(value, mark, _markup(event))
        self.open.append(_Open(value, place))

    def _add_scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        mistakes = _markup(event)
        value: Json = event.value
        plain = event.implicit[0]
        if plain:
            value, trap = _plain(event.value)
            if trap:
                mistakes.append(trap)
        top = self.open[-1] if self.open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            if plain and not isinstance(value, str):
                mistakes.append("a key must be text: put it in quotes")
            self._begin_member(top, event.value, mark, mistakes)
        else:
            self._add(value, mark, mistakes)

    def _begin_member(self, top: _Open, key: str, mark: Mark, mistakes: Iterable[str]) -> None:
        place = (*top.place, key)
        if place in self.marks:
            self.mistakes.append((place, f"appears twice: on line {self.marks[place].line} and on line {mark.line}"))
        self.marks.setdefault(place, mark)
        self.mistakes += ((place, mistake) for mistake in mistakes)
        top.key = key

    def _add(self, value: Json, mark: Mark, mistakes: Iterable[str]) -> Place:
        """Puts a value where the next one belongs, and says where that is."""
        place: Place = ()
        top = self.open[-1] if self.open else None
        if top is None:
            self.root = value
        elif isinstance(top.value, list):
            place = (*top.place, len(top.value))
            top.value.append(value)
        elif top.key is None:
            # A list, an object or an alias as a key: its value follows, and goes under this name.
            self._begin_member(top, "?", mark, ["a key must be text"])
            return (*top.place, "?")
        else:
            place = (*top.place, top.key)
            top.value[top.key] = value
            top.key = None
        self.marks.setdefault(place, mark)
        self.mistakes += ((place, mistake) for mistake in mistakes)
        return place


def _markup(event: yaml.NodeEvent) -> list[str]:
    mistakes = []
    if event.anchor is not None:
        mistakes.append("anchors are not supported: write each value out")
    if getattr(event, "tag", None) is not None:
        mistakes.append("tags are not supported: write the plain value")
    return mistakes


def _plain(text: str) -> tuple[Json, str | None]:
    """The value of a word without quotes; the text itself and a reason where its meaning is in doubt."""
    if text in _CONSTANTS:
        return _CONSTANTS[text], None
    number = _JSON_NUMBER.fullmatch(text)
    if number:
        exponent = number["exponent"] or "0"
        if len(text) > MAX_NUMBER_CHARACTERS or abs(int(exponent)) > MAX_EXPONENT:
            limits = f"{MAX_NUMBER_CHARACTERS} characters or with an exponent beyond +-{MAX_EXPONENT}"
            return text, f"a number of more than {limits}"
        return (int(text) if number["decimal"] == "" else Decimal(text)), None
    if _CORE_NUMBER.fullmatch(text):
        return text, f"{_short(text)} {_TRAPS['float']}"
    for tag, spelling in Resolver.yaml_implicit_resolvers.get(text[0], ()):
        kind = tag.rpartition(":")[2]
        if kind in _TRAPS and spelling.match(text):
            return text, f"{_short(text)} {_TRAPS[kind]}"
    return text, None


def _short(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")

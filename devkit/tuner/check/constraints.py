"""A rule's pattern taken apart: the ways in which it can match, each a list of what it asks of single fields."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from devkit.tuner.check.string_classes import TextTest, text_test
from devkit.tuner.output import json_text
from snapshot_tuner.formats.json_path import First, Step
from snapshot_tuner.model import Json, Number, Place, is_number
from snapshot_tuner.policy.patterns.attributes import ALIASES
from snapshot_tuner.policy.patterns.grammar import OR
from snapshot_tuner.policy.patterns.operators import Operator

Path: TypeAlias = tuple[Step, ...]
"""Of a field: the attribute under its CloudEvents name, then steps into its value; those of a pattern are all keys."""

WAYS_MOST: Final = 64
"""Nested alternatives multiply; a rule with more ways than this is not examined."""

_PLAIN: Final = re.compile(r"[^.\[\]{}\s]+")
_RANGES: Final = frozenset({"<", "<=", ">", ">="})


@dataclass(slots=True)
class Distinctions:
    """What a field is compared with: whole texts, tests of texts, numbers, ranges of addresses."""

    texts: set[str] = field(default_factory=set)
    tests: set[TextTest] = field(default_factory=set)
    numbers: set[Number] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)


class TooManyWaysError(Exception):
    """The alternatives of a pattern multiply to more than `WAYS_MOST`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a pattern asks of one field: to be one of `items`; `place` is where that stands in the file."""

    path: Path
    items: tuple[Json, ...]
    place: Place

    @property
    def ends(self) -> frozenset[Number]:
        """Where its ranges of numbers begin or end; nothing where it asks for single numbers only."""
        return frozenset(bound for operator, bound in _limits(self.items) if operator in _RANGES)


Way: TypeAlias = tuple[Leaf, ...]
"""All of them have to match; a field can be in it twice."""


def ways(match: Mapping[str, Json], place: Place) -> list[Way]:
    """The pattern as alternatives of plain conjunctions. Raises TooManyWaysError."""
    return _fields(match, (), place)


def limit_ways(match: Mapping[str, Json]) -> list[Way]:
    """Likewise, of a limit's pattern; none where there are too many."""
    try:
        return ways(match, ())
    except TooManyWaysError:
        return []


def distinctions(items: Iterable[Json]) -> Distinctions:
    """Of a pattern's list. Each operator has to say here what it distinguishes, or examples would miss it."""
    found = Distinctions()
    for item in items:
        if isinstance(item, dict):
            for name, operand in item.items():
                _add_operator(Operator(name), operand, found)
        else:
            _add_value(item, found)
    return found


def _add_operator(operator: Operator, operand: Json, found: Distinctions) -> None:
    operands = operand if isinstance(operand, list) else [operand]
    match operator:
        case Operator.PREFIX | Operator.SUFFIX | Operator.EQUALS_IGNORE_CASE | Operator.WILDCARD:
            found.tests.update(text_test(operator, each) for each in operands)
        case Operator.NUMERIC:
            found.numbers.update(each for each in operands if is_number(each))
        case Operator.CIDR:
            found.networks.add(str(operand))
        case Operator.ANYTHING_BUT if isinstance(operand, dict):
            for name, texts in operand.items():
                _add_operator(Operator(name), texts, found)
        case Operator.ANYTHING_BUT:
            for each in operands:
                _add_value(each, found)
        case Operator.EXISTS:
            pass  # that there is nothing is a class of its own anyway
        case _:
            assert_never(operator)


def _add_value(value: Json, found: Distinctions) -> None:
    if isinstance(value, str):
        found.texts.add(value)
    elif is_number(value):
        found.numbers.add(value)


def spelled(path: Path) -> str:
    """The field as the policy would name it: data.load."""
    return "".join(_spelled(step) if number else str(step) for number, step in enumerate(path))


def _spelled(step: Step) -> str:
    match step:
        case str():
            return f".{step}" if _PLAIN.fullmatch(step) else f"[{_quoted(step)}]"
        case int():
            return f"[{step}]"
        case First(names, value):
            literal = _quoted(value) if isinstance(value, str) else json_text(value)
            return f"[?@{''.join(map(_spelled, names))}=={literal}]"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fields(members: Mapping[str, Json], path: Path, place: Place) -> list[Way]:
    found: list[Way] = [()]
    for key, value in members.items():
        here = (*place, key)
        if key == OR and isinstance(value, list):
            parts = [
                way for i, one in enumerate(value) if isinstance(one, dict) for way in _fields(one, path, (*here, i))
            ]
        else:
            first, *others = key.split(".")
            deeper = (*path, first if path else ALIASES.get(first, first), *others)
            if isinstance(value, dict):
                parts = _fields(value, deeper, here)
            else:
                parts = [(Leaf(deeper, tuple(value) if isinstance(value, list) else (), here),)]
        found = [(*one, *other) for one in found for other in parts]
        if len(found) > WAYS_MOST:
            raise TooManyWaysError
    return found


def _limits(items: tuple[Json, ...]) -> Iterator[tuple[Json, Number]]:
    for item in items:
        operand = item.get(Operator.NUMERIC) if isinstance(item, dict) else None
        if isinstance(operand, list):
            for operator, bound in zip(operand[::2], operand[1::2], strict=True):
                if is_number(bound):
                    yield operator, bound

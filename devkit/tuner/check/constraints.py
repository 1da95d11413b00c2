"""A rule's pattern taken apart: the ways in which it can match, each a list of what it asks of single fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from snapshot_tuner.model import Json, Number, Place, is_number
from snapshot_tuner.policy.patterns.attributes import ALIASES
from snapshot_tuner.policy.patterns.compiler import OR
from snapshot_tuner.policy.patterns.operators import Operator

Path: TypeAlias = tuple[str, ...]
"""Of a field: the attribute under its CloudEvents name, then keys."""

WAYS_MOST: Final = 64
"""Nested alternatives multiply; a rule with more ways than this is not examined."""

_RANGES: Final = frozenset({"<", "<=", ">", ">="})


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

    @property
    def numbers(self) -> frozenset[Number]:
        """Every number that it tells from others."""
        single = {value for value in plain_values(self.items) if is_number(value)}
        return frozenset(single | {bound for _, bound in _limits(self.items)})


Way: TypeAlias = tuple[Leaf, ...]
"""All of them have to match; a field can be in it twice."""


def ways(match: Mapping[str, Json], place: Place) -> list[Way]:
    """The pattern as alternatives of plain conjunctions. Raises TooManyWaysError."""
    return _fields(match, (), place)


def plain_values(items: tuple[Json, ...]) -> Iterator[Json]:
    """The exact values in a leaf's list, those that `anything-but` excludes too."""
    for item in items:
        operand = item.get(Operator.ANYTHING_BUT) if isinstance(item, dict) else item
        if isinstance(item, dict) and Operator.ANYTHING_BUT not in item:
            continue
        if not isinstance(operand, dict):
            yield from operand if isinstance(operand, list) else [operand]


def spelled(path: Path) -> str:
    """The field as the policy would name it: data.load."""
    return ".".join(path)


def _fields(members: Mapping[str, Json], path: Path, place: Place) -> list[Way]:
    found: list[Way] = [()]
    for key, value in members.items():
        here = (*place, key)
        if key == OR and isinstance(value, list):
            parts = [
                way for i, one in enumerate(value) if isinstance(one, dict) for way in _fields(one, path, (*here, i))
            ]
        else:
            deeper = (*path, key if path else ALIASES.get(key, key))
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

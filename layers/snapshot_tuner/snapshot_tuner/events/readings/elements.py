"""A body taken apart: the elements that its `each` leads to, and what the paths find for each of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.readings.templates import BODY, INDEX, KEY, RECORD, VALUE, Scope, Values, what
from snapshot_tuner.formats.json_path import ABSENT, Found, JsonPath
from snapshot_tuner.model import Json

MAX_ELEMENTS: Final = 1000

MADE_TIMES: Final = 4
MADE_ALWAYS: Final = 262_144
"""The events of a body may be this many times its own text, or this many characters if that is more."""


class Element(NamedTuple):
    """What the paths have found for one element; `outermost` is the first loop's element, and `number` is its position.

    `fault` is set if there is no such element: a list inside another one is not an element.
    """

    values: Values
    item: Json
    outermost: Json
    number: int
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Level:
    """A loop, and what is read anew for each of its elements; of the body itself the loop is None."""

    name: str
    source: str
    find: Callable[[Found], Found]
    path: str
    reads: Sequence[tuple[int, str, Callable[[Found], Found]]]
    shared: Sequence[tuple[int, int]]


class Walk:
    """Goes through the elements of a body. `asks` says how often the templates of an element ask for each path."""

    def __init__(self, scope: Scope, asks: Mapping[int, int], *, may_be_missing: bool) -> None:
        self._count = len(scope.reads)
        self._may_be_missing = may_be_missing
        self._levels: list[_Level] = []
        nowhere = JsonPath(BODY, BODY, ())
        for level, (name, path) in enumerate([(BODY, nowhere), *scope.loops]):
            reads = [read for read in scope.reads if read.level == level]
            # What a whole list shares is in each of its signals; what is an element's own is in one.
            shared = [(read.number, asks.get(read.number, 0)) for read in reads if level < len(scope.loops)]
            found = [(read.number, read.root, read.read) for read in reads]
            self._levels.append(_Level(name, path.root, path.reader(), path.text, found, shared))

    def elements(self, body: Json, record: Json, *, before: int) -> list[Element]:
        """With `before` elements of the body in other lists.

        Raises EventRejected for a body without its list, with too many elements, or that would make too much.
        """
        names: dict[str, Found] = {BODY: body, RECORD: record, INDEX: before - 1}
        values: Values = [ABSENT] * self._count
        elements: list[Element] = []
        made, most = 0, MADE_ALWAYS
        for element, size in self._walk(0, names, values, 0):
            if before + len(elements) == MAX_ELEMENTS:
                raise EventRejected(self._levels[1].path, f"leads to more than {MAX_ELEMENTS:,} elements")
            made += size
            if made > most and made > (most := max(MADE_ALWAYS, MADE_TIMES * _size(body))):
                raise EventRejected(BODY, f"would produce more than {MADE_TIMES} times its own text")
            elements.append(element)
        return elements

    def _walk(
        self, number: int, names: dict[str, Found], values: Values, shared: int, outermost: tuple[Json, int] = (None, 0)
    ) -> Iterator[tuple[Element, int]]:
        level = self._levels[number]
        for slot, root, read in level.reads:
            values[slot] = read(names[root])
        shared += sum(times * _size(values[slot]) for slot, times in level.shared if times)
        if number + 1 == len(self._levels):
            yield Element(values, _json(names[level.name]), *outermost), shared
            return
        inner = self._levels[number + 1]
        found = inner.find(names[inner.source])
        if number == 0 and self._may_be_missing and (found is ABSENT or found is None):
            return
        members = _members(found, inner.path)
        if members is None and number == 0:
            raise EventRejected(inner.path, f"{what(found)}; it must be a list or an object")
        if members is None:
            yield Element([], None, *outermost, f"{inner.path} {what(found)}; it must be a list or an object"), 0
            return
        is_last = number + 2 == len(self._levels)
        for position, (key, value) in enumerate(members):
            item: Json = value if key is ABSENT else {"key": key, "value": value}
            names[inner.name] = item
            at = (item, position) if number == 0 else outermost
            if not is_last:
                yield from self._walk(number + 1, names, values, shared, at)
                continue
            # Here, not in a walk of its own: most of the elements are in the last loop.
            index = names[INDEX]
            names[INDEX] = index + 1 if isinstance(index, int) else 0
            names[KEY], names[VALUE] = key, ABSENT if key is ABSENT else value
            for slot, root, read in inner.reads:
                values[slot] = read(names[root])
            yield Element(values.copy(), item, *at), shared


def _members(found: Found, path: str) -> Sequence[tuple[Found, Json]] | None:
    """A list's elements, or an object's members with their keys; None for anything else."""
    if not isinstance(found, list | dict):
        return None
    if len(found) > MAX_ELEMENTS:
        raise EventRejected(path, f"has more than {MAX_ELEMENTS:,} elements")
    return [*found.items()] if isinstance(found, dict) else [(ABSENT, each) for each in found]


def _json(found: Found) -> Json:
    return None if found is ABSENT else found


def _size(value: Found) -> int:
    """About how many characters the value has as JSON."""
    match value:
        case str():
            return len(value) + 2
        case list():
            return 2 + sum([_size(each) + 1 for each in value])
        case dict():
            return 2 + sum([len(key) + 4 + _size(each) for key, each in value.items()])
        case _:
            return 8

"""Event patterns: which signals a rule is for.

The grammar is EventBridge's; `conditions` has the operators. A pattern is compiled once into functions, and
matching takes time in proportion to what is looked at: no regular expressions, no going back.

Lists in an event, as in EventBridge (https://github.com/aws/event-ruler, "JSON Array Matching"):

- A field that is a list matches when one of its elements does; lists in lists count as one. This goes for
  `anything-but` too: ["running", "stopped"] has an element that is anything but "stopped".
- In a list of objects, one and the same object has to match the whole object of the pattern. A pattern of
  nothing but `exists: false` has to hold for all of them.
- `exists` asks about leaves: an object or an empty list is no leaf, so there `exists: false` matches.

Dots in keys mean nesting, as in EventBridge (there, "JSON keys with dots"), in a pattern as in an event:
{"state.status": ["running"]} and {"state": {"status": ["running"]}} are one pattern, and both match either event.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.formats.strict_json import MAX_DEPTH
from snapshot_tuner.model import Json, Place, Signal
from snapshot_tuner.policy.patterns.attributes import Reader, attribute_reader
from snapshot_tuner.policy.patterns.grammar import MIN_ALTERNATIVES, OR, check_keys, check_whole
from snapshot_tuner.policy.patterns.leaves import OnFound, elements, leaf
from snapshot_tuner.policy.patterns.nesting import unfolded
from snapshot_tuner.policy.patterns.operators import Report

_NOTHING: Final[dict[str, Json]] = {}

_Holder = TypeVar("_Holder", Signal, dict[str, Json])

_Keys: TypeAlias = frozenset[str]
"""The keys in an object of a pattern, with dots between where they are nested: state and state.status."""

_Bind: TypeAlias = Callable[[str, OnFound, _Keys], Callable[[_Holder], bool]]
"""Turns a test of a field that has these keys inside it into a test of its holder.

It raises ValueError, with the reason, for a name that no field can have.
"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled `match`: the only types it can match, None if it does not list them, and what else it asks.

    That is a `test` of what `read` finds in the signal. Patterns that look at the same attribute share its reader, so
    that asking many of them reads it once.
    """

    types: frozenset[str] | None
    read: Callable[[Signal], Any]
    test: Callable[[Any], bool]

    def matches(self, signal: Signal) -> bool:
        """Whether the pattern matches; it cannot fail."""
        return (self.types is None or signal.type in self.types) and self.test(self.read(signal))


def compile_pattern(match: dict[str, Json], place: Place, report: Report) -> Pattern:
    """Compiles a `match`. Every mistake goes to `report`; after one, the pattern is not to be used."""
    check_whole(match, place, report)
    types = None
    others = dict(match)
    for name in ("type", "detail-type"):
        listed = match.get(name)
        if isinstance(listed, list) and listed and all(isinstance(value, str) for value in listed):
            # Kept apart, so that a policy can find its rules by type instead of asking each of them.
            types = frozenset(value for value in listed if isinstance(value, str))
            del others[name]
    rest = _fields(_entries(others, place), report, _in_signal).test
    return Pattern(types, rest.read, rest.on_found) if isinstance(rest, _Attribute) else Pattern(types, _whole, rest)


def compile_body_pattern(match: dict[str, Json], place: Place, report: Report) -> OnFound:
    """Like `compile_pattern`, of a pattern over a body, or a part of one, where a signal's attributes mean nothing."""
    check_whole({"data": match}, place, report)
    return _field([_Entry("data", match, place)], report)[0] if match else _anything


def compile_checked(match: dict[str, Json]) -> Pattern:
    """Compiles a `match` that has no mistakes. Raises ValueError if it has one after all."""
    return compile_pattern(match, (), _refuse)


def compile_checked_body(match: dict[str, Json]) -> OnFound:
    """Likewise, of a pattern over a body."""
    return compile_body_pattern(match, (), _refuse)


def _refuse(place: Place, reason: str) -> None:
    raise ValueError(f"{place}: {reason}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key of an object of a pattern, or what follows a dot in one, and what it asks for."""

    key: str
    value: Json
    place: Place


@dataclass(frozen=True, slots=True)
class _Fields(Generic[_Holder]):
    """What tests the holder of some fields; whether they ask for absence only; and where they are."""

    test: Callable[[_Holder], bool]
    absence: bool
    keys: _Keys


def _entries(members: dict[str, Json], place: Place) -> list[_Entry]:
    return [_Entry(key, value, (*place, key)) for key, value in members.items()]


def _fields(entries: Iterable[_Entry], report: Report, bind: _Bind[_Holder]) -> _Fields[_Holder]:
    """An object of a pattern."""
    by_key: dict[str, list[_Entry]] = {}
    for entry in entries:
        names = entry.key.split(".")
        if len(names) > MAX_DEPTH:
            report(entry.place, f"is nested deeper than any event can be: {MAX_DEPTH} levels")
        elif len(names) > 1 and OR in names:
            report(entry.place, f"{OR} is not a field: no path leads to it")
        else:
            by_key.setdefault(names[0], []).append(entry)
    tests: list[Callable[[_Holder], bool]] = []
    absence = bool(by_key)
    keys: set[str] = set()
    for key, same in by_key.items():
        if key == OR:  # several where two spellings lead to one object; one of each must match
            for entry in same:
                alternatives = _alternatives(entry.value, entry.place, report, bind)
                tests.append(alternatives.test)
                keys |= alternatives.keys
                absence = absence and alternatives.absence
            continue
        on_found, absent, inner = _field(same, report)
        try:
            tests.append(bind(key, on_found, inner))
        except ValueError as error:
            report(same[0].place, str(error))
        keys.add(key)
        keys.update(f"{key}.{each}" for each in inner)
        absence = absence and absent
    return _Fields(_every(tests), absence, frozenset(keys))


def _alternatives(value: Json, place: Place, report: Report, bind: _Bind[_Holder]) -> _Fields[_Holder]:
    found: list[_Fields[_Holder]] = []
    if not isinstance(value, list) or len(value) < MIN_ALTERNATIVES:
        report(place, f"must be a list of at least {MIN_ALTERNATIVES} objects")
    for index, one in enumerate(value if isinstance(value, list) else []):
        here = (*place, index)
        if not isinstance(one, dict) or not one:
            report(here, "must be an object with at least one field")
            continue
        check_keys(one, here, report)
        found.append(_fields(_entries(one, here), report, bind))
    tests = [one.test for one in found]
    return _Fields(
        lambda holder: any(test(holder) for test in tests),
        all(one.absence for one in found),
        frozenset(key for one in found for key in one.keys),
    )


def _field(same: list[_Entry], report: Report) -> tuple[OnFound, bool, _Keys]:
    """What is asked of one field, also in several entries: a.b and a.c, or a.b and a: {c: ...}."""
    inside: list[_Entry] = []
    for entry in same:
        _, dot, rest = entry.key.partition(".")
        value, place = entry.value, entry.place
        if dot:
            inside.append(_Entry(rest, value, place))
        elif isinstance(value, dict):
            if not value:
                report(place, "must not be an empty object")
            check_keys(value, place, report)
            inside += _entries(value, place)
        elif len(same) > 1:
            other = next(each.place[-1] for each in same if each is not entry)
            report(place, f"asks for the same field as {other!r}, or for one that contains it")
        elif isinstance(value, list):
            on_found, absent = leaf(value, place, report)
            return on_found, absent, frozenset()
        else:
            report(place, "must be a list or an object: put the value in a list")
    return _inside(inside, report) if inside else (_nowhere, False, frozenset())


def _inside(entries: list[_Entry], report: Report) -> tuple[OnFound, bool, _Keys]:
    fields = _fields(entries, report, _in_object)
    matches = fields.test
    over = all if fields.absence else any

    def on_found(found: Found) -> bool:
        if isinstance(found, dict):
            return matches(found)
        return on_other(found)

    def on_other(found: Found) -> bool:
        if isinstance(found, list):
            objects = [item if isinstance(item, dict) else _NOTHING for item in elements(found)]
            return over(matches(item) for item in objects or [_NOTHING])
        return matches(_NOTHING)

    if not isinstance(matches, _Member):
        return on_found, fields.absence, fields.keys
    key, inner = matches.key, matches.on_found
    quick: OnFound = lambda found: inner(found.get(key, ABSENT)) if isinstance(found, dict) else on_other(found)  # noqa: E731
    return quick, fields.absence, fields.keys


# The next two are classes, not closures, so that what holds only one of them can skip a call: it is asked of every
# rule that does not match.


@dataclass(frozen=True, slots=True)
class _Attribute:
    """A test of one attribute of a signal."""

    read: Reader
    on_found: OnFound

    def __call__(self, signal: Signal) -> bool:
        return self.on_found(self.read(signal))


@dataclass(frozen=True, slots=True)
class _Member:
    """A test of one member of an object."""

    key: str
    on_found: OnFound

    def __call__(self, holder: dict[str, Json]) -> bool:
        return self.on_found(holder.get(self.key, ABSENT))


@dataclass(frozen=True, slots=True)
class _Holding:
    """A test of one member of an object that a pattern looks inside; `tails` are the keys there."""

    key: str
    on_found: OnFound
    tails: tuple[str, ...]
    dotted: tuple[str, ...]
    """The key, a dot and a tail: as an event may spell it."""

    def __call__(self, holder: dict[str, Json]) -> bool:
        for each in self.dotted:
            if each in holder:
                return self.on_found(unfolded(holder, self.key, self.tails))
        return self.on_found(holder.get(self.key, ABSENT))


def _in_signal(name: str, on_found: OnFound, keys: _Keys) -> Callable[[Signal], bool]:  # noqa: ARG001 - `_Bind`; no attribute has a dot in its name
    return _Attribute(attribute_reader(name), on_found)


def _whole(signal: Signal) -> Signal:
    return signal


def _in_object(key: str, on_found: OnFound, keys: _Keys) -> Callable[[dict[str, Json]], bool]:
    if not keys:
        return _Member(key, on_found)
    tails = tuple(keys)
    return _Holding(key, on_found, tails, tuple(f"{key}.{tail}" for tail in tails))


def _every(tests: list[Callable[[_Holder], bool]]) -> Callable[[_Holder], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda holder: all(test(holder) for test in tests)


def _anything(found: Found) -> bool:  # noqa: ARG001 - an empty pattern asks for nothing
    return True


def _nowhere(found: Found) -> bool:  # noqa: ARG001 - stands in for a field that was reported as a mistake
    return False

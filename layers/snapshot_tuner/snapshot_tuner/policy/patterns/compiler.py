"""Event patterns: which signals a rule is for.

The grammar is EventBridge's; `conditions` has the operators. A pattern is compiled once into functions, and
matching takes time in proportion to what is looked at: no regular expressions, no going back.

Lists in an event, as in EventBridge (https://github.com/aws/event-ruler, "JSON Array Matching"):

- A field that is a list matches when one of its elements does; lists in lists count as one. This goes for
  `anything-but` too: ["running", "stopped"] has an element that is anything but "stopped".
- In a list of objects, one and the same object has to match the whole object of the pattern. A pattern of
  nothing but `exists: false` has to hold for all of them.
- `exists` asks about leaves: an object or an empty list is no leaf, so there `exists: false` matches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from snapshot_tuner.model import Json, Place, Signal, is_number
from snapshot_tuner.policy.patterns.attributes import ABSENT, ALIASES, Found, Reader, attribute_reader
from snapshot_tuner.policy.patterns.leaves import OnFound, elements, leaf
from snapshot_tuner.policy.patterns.operators import Operator, Report

OR: Final = "$or"
MIN_ALTERNATIVES: Final = 2

_ALWAYS_TEXT: Final = frozenset({"id", "source", "type", "time"})
"""Attributes that are text in every event: any other value in their pattern is a slip that never matches."""

_NEVER_ABSENT: Final = frozenset({"id", "source", "type"})

_ANY_TEXT: Final[tuple[Json, ...]] = (
    {Operator.EXISTS: True},
    {Operator.PREFIX: ""},
    {Operator.SUFFIX: ""},
    {Operator.WILDCARD: "*"},
)

_NOTHING: Final[dict[str, Json]] = {}

_Holder = TypeVar("_Holder", Signal, dict[str, Json])


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled `match`: the only types it can match, None where it does not list them, and what else it asks.

    That is a `test` of what `read` finds in the signal. Patterns that look at one attribute share its reader,
    so that whoever asks many of them reads once.
    """

    types: frozenset[str] | None
    read: Callable[[Signal], Any]
    test: Callable[[Any], bool]

    def matches(self, signal: Signal) -> bool:
        """Whether the pattern matches; it cannot fail."""
        return (self.types is None or signal.type in self.types) and self.test(self.read(signal))


def compile_pattern(match: dict[str, Json], place: Place, report: Report) -> Pattern:
    """Compiles a `match`. Every mistake goes to `report`; after one, the pattern is not to be used."""
    _check_attributes(match, place, report)
    types = None
    others = dict(match)
    for name in ("type", "detail-type"):
        listed = match.get(name)
        if isinstance(listed, list) and listed and all(isinstance(value, str) for value in listed):
            # Kept apart, so that a policy can find its rules by type instead of asking each of them.
            types = frozenset(value for value in listed if isinstance(value, str))
            del others[name]
    rest, _ = _fields(others, place, report, _in_signal)
    return Pattern(types, rest.read, rest.on_found) if isinstance(rest, _Attribute) else Pattern(types, _whole, rest)


def compile_checked(match: dict[str, Json]) -> Pattern:
    """Compiles a `match` that has no mistakes. Raises ValueError where it has one all the same."""

    def refuse(place: Place, reason: str) -> None:
        raise ValueError(f"{place}: {reason}")

    return compile_pattern(match, (), refuse)


def matches_everything(match: dict[str, Json]) -> bool:
    """Whether a pattern plainly matches every signal: it asks for nothing, or for what is always there."""
    for key, value in match.items():
        if not isinstance(value, list):
            return False
        if key == OR:
            if not any(isinstance(one, dict) and one and matches_everything(one) for one in value):
                return False
        elif ALIASES.get(key, key) not in _NEVER_ABSENT or not any(item in _ANY_TEXT for item in value):
            return False
    return True


def _check_attributes(match: dict[str, Json], place: Place, report: Report) -> None:
    # What is special about the outermost fields; also where alternatives hold them.
    seen: dict[str, str] = {}
    for key, value in match.items():
        here = (*place, key)
        name = ALIASES.get(key, key)
        if name in seen:
            report(here, f"is another name of {seen[name]!r}, which is here too")
        seen[name] = key
        items = value if isinstance(value, list) else []
        for index, item in enumerate(items):
            if key == OR and isinstance(item, dict):
                _check_attributes(item, (*here, index), report)
            elif name in _ALWAYS_TEXT and (item is None or isinstance(item, bool) or is_number(item)):
                report((*here, index), f"{key} is always text: put the value in quotes")


def _fields(
    members: dict[str, Json],
    place: Place,
    report: Report,
    bind: Callable[[str, OnFound], Callable[[_Holder], bool]],
) -> tuple[Callable[[_Holder], bool], bool]:
    """An object of a pattern: what tests the holder of its fields, and whether it asks for absence only.

    `bind` makes a test of a field into a test of its holder; it raises ValueError, with the reason, for a name
    that no field can have.
    """
    tests: list[Callable[[_Holder], bool]] = []
    absence = bool(members)
    for key, value in members.items():
        here = (*place, key)
        if key == OR:
            test, absent = _alternatives(value, here, report, bind)
            tests.append(test)
        else:
            on_found, absent = _field(value, here, report)
            try:
                tests.append(bind(key, on_found))
            except ValueError as error:
                report(here, str(error))
        absence = absence and absent
    return _every(tests), absence


def _alternatives(
    value: Json,
    place: Place,
    report: Report,
    bind: Callable[[str, OnFound], Callable[[_Holder], bool]],
) -> tuple[Callable[[_Holder], bool], bool]:
    tests: list[Callable[[_Holder], bool]] = []
    absence = True
    if not isinstance(value, list) or len(value) < MIN_ALTERNATIVES:
        report(place, f"must be a list of at least {MIN_ALTERNATIVES} objects")
    for index, one in enumerate(value if isinstance(value, list) else []):
        here = (*place, index)
        if not isinstance(one, dict) or not one:
            report(here, "must be an object with at least one field")
            continue
        test, absent = _fields(one, here, report, bind)
        tests.append(test)
        absence = absence and absent
    return (lambda holder: any(test(holder) for test in tests)), absence


def _field(value: Json, place: Place, report: Report) -> tuple[OnFound, bool]:
    if isinstance(value, list):
        return leaf(value, place, report)
    if not isinstance(value, dict):
        report(place, "must be a list or an object: put the value in a list")
        return _nowhere, False
    if not value:
        report(place, "must not be an empty object")
    matches, absence = _fields(value, place, report, _in_object)
    over = all if absence else any

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
        return on_found, absence
    key, inner = matches.key, matches.on_found
    return (lambda found: inner(found.get(key, ABSENT)) if isinstance(found, dict) else on_other(found)), absence


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


def _in_signal(name: str, on_found: OnFound) -> Callable[[Signal], bool]:
    return _Attribute(attribute_reader(name), on_found)


def _whole(signal: Signal) -> Signal:
    return signal


def _in_object(key: str, on_found: OnFound) -> Callable[[dict[str, Json]], bool]:
    if key in list(Operator):
        raise ValueError(f"is an operator, no field: operators stand in a list, [{{{key}: ...}}]")
    return _Member(key, on_found)


def _every(tests: list[Callable[[_Holder], bool]]) -> Callable[[_Holder], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda holder: all(test(holder) for test in tests)


def _nowhere(found: Found) -> bool:  # noqa: ARG001 - stands in for a field that was reported as a mistake
    return False

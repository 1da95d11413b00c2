"""What a pattern may say as a whole: its attributes, the names of its fields, how much it asks."""

from typing import Final

from snapshot_tuner.model import Json, Place, is_number
from snapshot_tuner.policy.patterns.attributes import ALIASES
from snapshot_tuner.policy.patterns.operators import Operator, Report

OR: Final = "$or"
MIN_ALTERNATIVES: Final = 2
MAX_OPERATORS: Final = 256
"""In one pattern: an event's list may have so many elements that every further operator is felt."""

_ALWAYS_TEXT: Final = frozenset({"id", "source", "type", "time"})
"""Attributes that are text in every event: any other value in their pattern is a mistake that never matches."""

_NEVER_ABSENT: Final = frozenset({"id", "source", "type"})

_ANY_TEXT: Final[tuple[Json, ...]] = (
    {Operator.EXISTS: True},
    {Operator.PREFIX: ""},
    {Operator.SUFFIX: ""},
    {Operator.WILDCARD: "*"},
)
_OPERATORS: Final = frozenset(Operator)


def check_whole(match: dict[str, Json], place: Place, report: Report) -> None:
    """What no single field of it shows."""
    _check_attributes(match, place, report)
    if (operators := _operators(match)) > MAX_OPERATORS:
        report(place, f"has {operators:,} operators; at most {MAX_OPERATORS} (exact values are not counted)")


def check_keys(members: dict[str, Json], place: Place, report: Report) -> None:
    """No field of an object has the name of an operator: that would be an operator that is not in a list."""
    for key in members:
        if key in _OPERATORS:
            report(
                (*place, key),
                f"is an operator, not a field: operators go in a list, [{{{key}: ...}}] "
                "(a field of this name is asked for with a dot, such as data.prefix)",
            )


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
        attribute, dot, _ = key.partition(".")
        name = ALIASES.get(attribute, attribute)
        if seen.setdefault(name, attribute) != attribute:
            report(here, f"is another name for {seen[name]!r}, which is also here")
        items = value if isinstance(value, list) else []
        for index, item in enumerate(items):
            if key == OR and isinstance(item, dict):
                _check_attributes(item, (*here, index), report)
            elif name in _ALWAYS_TEXT and not dot and (item is None or isinstance(item, bool) or is_number(item)):
                report((*here, index), f"{key} is always text: put the value in quotes")


def _operators(part: Json) -> int:
    if isinstance(part, list):
        return sum(map(_operators, part))
    if not isinstance(part, dict):
        return 0
    return sum(_texts(value) if key in _OPERATORS else _operators(value) for key, value in part.items())


def _texts(operand: Json) -> int:
    inner = operand.values() if isinstance(operand, dict) else ()
    return max(1, sum(len(texts) for texts in inner if isinstance(texts, list)))

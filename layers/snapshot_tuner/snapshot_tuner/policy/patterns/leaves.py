"""The innermost part of a pattern: a list of values and operators, of which one has to match what a field has."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from snapshot_tuner.formats.json_path import ABSENT, Absent, Found
from snapshot_tuner.model import Json, Place
from snapshot_tuner.policy.patterns.operators import Condition, Limit, Operator, Report, affix, compile_operator, equals

OnFound: TypeAlias = Callable[[Found], bool]
"""Asked about what a signal has at a field."""

_AFFIXES: Final = (Operator.PREFIX, Operator.SUFFIX)
_NO_LEAVES: Final = frozenset({list, dict, Absent})


def leaf(items: list[Json], place: Place, report: Report) -> tuple[OnFound, bool]:
    if not items:
        report(place, "must not be an empty list")
    exact: list[Json] = []
    conditions: list[Condition] = []
    exists: set[bool] = set()
    for index, item in enumerate(items):
        here = (*place, index)
        if isinstance(item, list):
            report(here, "must be a value or an operator, not a list")
        elif not isinstance(item, dict):
            exact.append(item)
        elif (operator := _operator(item, here, report)) is Operator.EXISTS:
            operand = item[operator]
            if not isinstance(operand, bool):
                report((*here, operator), "must be true or false")
            exists.add(operand is True)
        elif operator is not None and not (operator in _AFFIXES and isinstance(item[operator], str)):
            conditions.append(compile_operator(operator, item[operator], (*here, operator), report))
    conditions += _affixes(items)
    if exact:
        conditions.insert(0, equals(exact))  # in front: it is the quickest
    if True in exists:
        conditions = [_anything]
    return _on_leaves(conditions, absent_matches=False in exists), exists == {False} and not conditions


def _affixes(items: list[Json]) -> Iterator[Condition]:
    # All prefixes at once, and all suffixes.
    for operator in _AFFIXES:
        operands = [item.get(operator) for item in items if isinstance(item, dict) and len(item) == 1]
        if texts := [text for text in operands if isinstance(text, str)]:
            yield affix(operator, texts)


def _operator(item: dict[str, Json], place: Place, report: Report) -> Operator | None:
    if len(item) != 1:
        report(place, f"must hold exactly one operator, not {len(item)}")
        return None
    (name,) = item
    try:
        return Operator(name)
    except ValueError:
        report((*place, name), f"unknown operator; known are {', '.join(Operator)}")
        return None


def _on_leaves(conditions: Sequence[Condition], *, absent_matches: bool) -> OnFound:
    matches = conditions[0] if len(conditions) == 1 else _some(conditions)

    def on_found(found: Found) -> bool:
        if type(found) not in _NO_LEAVES:  # nearly always, so this one look comes first
            return matches(found)  # type: ignore[arg-type] # mypy does not narrow by a set of types
        if found is ABSENT:
            return absent_matches
        leaves = [item for item in elements([found]) if not isinstance(item, dict)]
        return any(map(matches, leaves)) if leaves else absent_matches

    return _on_decimal(matches, on_found) if isinstance(matches, Limit) else on_found


def _on_decimal(limit: Limit, on_other: OnFound) -> OnFound:
    """Policies are mostly made of limits, and every rule that does not match is asked: two calls less for each."""
    compare, bound = limit.compare, limit.bound

    def on_found(found: Found) -> bool:
        if type(found) is Decimal:
            return found.is_finite() and compare(found, bound)
        return on_other(found)

    return on_found


def elements(items: list[Json]) -> Iterator[Json]:
    # Not recursive: an event decides how deep its lists go.
    open_lists = [iter(items)]
    while open_lists:
        for item in open_lists[-1]:
            if isinstance(item, list):
                open_lists.append(iter(item))
                break
            yield item
        else:
            open_lists.pop()


def _some(conditions: Sequence[Condition]) -> Condition:
    return lambda value: any(condition(value) for condition in conditions)


def _anything(value: Json) -> bool:  # noqa: ARG001 - `exists: true` takes every value
    return True

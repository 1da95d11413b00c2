"""What a pattern matches, said a second time: slowly, and without a line of the compiler."""

import ipaddress
import operator as comparisons
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

COMPARE = {
    "=": comparisons.eq,
    "<": comparisons.lt,
    "<=": comparisons.le,
    ">": comparisons.gt,
    ">=": comparisons.ge,
}


def expanded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without dots in keys: each is an object in an object; of two values for one field both stand in a list."""
    if isinstance(value, list):
        return [expanded(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        made = expanded(inner)
        first, *others = key.split(".")
        for name in reversed(others):
            made = {name: made}
        found[first] = _joined(found[first], made) if first in found else made
    return found


def matches(pattern: dict[str, Any], data: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an event with this data matches {"data": pattern}."""
    return _field(_expanded_pattern(pattern), expanded(data))


def _expanded_pattern(pattern: dict[str, Any]) -> dict[str, Any]:
    alternatives = [_expanded_pattern(one) for one in pattern.get("$or", [])]
    fields = {key: _expanded_pattern(inner) if isinstance(inner, dict) else inner for key, inner in pattern.items()}
    fields.pop("$or", None)
    made: dict[str, Any] = expanded(fields)
    return made | ({"$or": [alternatives]} if alternatives else {})  # two spellings of one object bring a list each


def _joined(one: Any, other: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(one, dict) and isinstance(other, dict):
        both = one.keys() & other.keys()
        return {**one, **other, **{key: _joined(one[key], other[key]) for key in both}}
    return (one if isinstance(one, list) else [one]) + (other if isinstance(other, list) else [other])


def _object(pattern: dict[str, Any], holder: dict[str, Any]) -> bool:
    for key, asked in pattern.items():
        if key == "$or":
            if not all(any(_object(one, holder) for one in alternatives) for alternatives in asked):
                return False
        elif isinstance(asked, dict):
            if not _field(asked, holder.get(key)):
                return False
        elif not _leaf(asked, holder.get(key, [])):
            return False
    return True


def _field(pattern: dict[str, Any], value: Any) -> bool:  # noqa: ANN401 - JSON
    holders = [item if isinstance(item, dict) else {} for item in _elements(value)] or [{}]
    answers = [_object(pattern, holder) for holder in holders]
    return all(answers) if _asks_for_absence(pattern) else any(answers)


def _asks_for_absence(pattern: dict[str, Any]) -> bool:
    return all(
        all(_asks_for_absence(one) for alternatives in asked for one in alternatives)
        if key == "$or"
        else _asks_for_absence(asked)
        if isinstance(asked, dict)
        else all(one == {"exists": False} for one in asked)
        for key, asked in pattern.items()
    )


def _elements(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for item in value:
            yield from _elements(item)
    else:
        yield value


def _leaf(items: list[Any], value: Any) -> bool:  # noqa: ANN401 - JSON
    leaves = [one for one in _elements(value) if not isinstance(one, dict)]
    return any(_item(item, leaf) for item in items for leaf in leaves) or (not leaves and {"exists": False} in items)


def _item(item: Any, value: Any) -> bool:  # noqa: ANN401 - a case for each operator
    if not isinstance(item, dict):
        return _equal(item, value)
    ((name, operand),) = item.items()
    match name:
        case "exists":
            return bool(operand)
        case "numeric":
            limits = zip(operand[::2], operand[1::2], strict=True)
            return _is_number(value) and all(COMPARE[each](Fraction(value), Fraction(bound)) for each, bound in limits)
        case "anything-but" if isinstance(operand, dict):
            ((inner, texts),) = operand.items()
            return not any(_item({inner: text}, value) for text in (texts if isinstance(texts, list) else [texts]))
        case "anything-but":
            return not any(_equal(other, value) for other in (operand if isinstance(operand, list) else [operand]))
    return isinstance(value, str) and _text(name, operand, value)


def _text(name: str, operand: Any, value: str) -> bool:  # noqa: ANN401 - JSON
    if name == "cidr":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
        except ValueError:
            return False
    if isinstance(operand, dict):
        operand, value = operand["equals-ignore-case"].casefold(), value.casefold()
    if name == "equals-ignore-case":
        return bool(operand.casefold() == value.casefold())
    text = re.escape(operand)
    form = {"prefix": text + ".*", "suffix": ".*" + text, "wildcard": text.replace(r"\*", ".*")}[name]
    return re.fullmatch(form, value, re.DOTALL) is not None


def _equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    if _is_number(one) and _is_number(other):
        return Fraction(one) == Fraction(other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return not isinstance(value, bool | str | list | dict) and value is not None

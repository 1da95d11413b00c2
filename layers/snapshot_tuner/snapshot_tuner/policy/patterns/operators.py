"""What one value of an event has to be: the operators of an event pattern.

The grammar is EventBridge's ("Comparison operators for use in event patterns", Amazon EventBridge User Guide).
Differences in meaning:

- Numbers are compared exactly and without limits, also as exact values: 300, 300.0 and 3e2 are the same.
- Letters of either case are the same after Unicode case folding.
- `cidr` also takes ranges of a single address (/32, /128); an exact value is compared as text, also an address.

`anything-but` asks that a value be something else, of whatever type: 5 is anything but "stopped", and so is
null. A field that is absent matches nothing but `exists: false`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from operator import eq, ge, gt, le, lt
from typing import Final, TypeAlias, assert_never

from snapshot_tuner.model import Json, Number, Place, is_number

Report: TypeAlias = Callable[[Place, str], None]
"""Takes a mistake: where, and what is wrong. Compiling goes on after it, so that all are found at once."""

Condition: TypeAlias = Callable[[Json], bool]
"""Asked about one value that is neither a list nor an object."""


class Operator(StrEnum):
    """What may be in a pattern's list instead of a value.

    Whatever depends on the operator is exhaustive over these: `compile_operator` here, `_OPERANDS` of `json_schema`,
    and `distinctions` of `tuner check`. `explain` asks the compiled patterns.
    """

    PREFIX = "prefix"
    SUFFIX = "suffix"
    EQUALS_IGNORE_CASE = "equals-ignore-case"
    ANYTHING_BUT = "anything-but"
    NUMERIC = "numeric"
    EXISTS = "exists"
    WILDCARD = "wildcard"
    CIDR = "cidr"


TEXT_OPERATORS: Final = (Operator.PREFIX, Operator.SUFFIX, Operator.EQUALS_IGNORE_CASE, Operator.WILDCARD)
_COMPARISONS: Final[dict[str, Callable[[Number, Number], bool]]] = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
_LONGEST_ADDRESS: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_LOW: Final = (">", ">=")
_HIGH: Final = ("<", "<=")
_NUMERIC_FORMS: Final = [["="], *([one] for one in (*_LOW, *_HIGH)), *([low, high] for low in _LOW for high in _HIGH)]


@dataclass(frozen=True, slots=True)
class Limit:
    """A number on one side of a bound."""

    compare: Callable[[Number, Number], bool]
    bound: Decimal

    def __call__(self, value: Json) -> bool:
        return is_number(value) and self.compare(value, self.bound)


def equals(values: Sequence[Json]) -> Condition:
    """One of these strings, numbers, booleans or null."""
    strings = frozenset(value for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if is_number(value))
    constants = [value for value in values if value is None or isinstance(value, bool)]

    if not numbers and not constants:
        return lambda value: isinstance(value, str) and value in strings

    def is_one(value: Json) -> bool:
        if isinstance(value, str):
            return value in strings
        if is_number(value):
            return value in numbers
        return any(value is constant for constant in constants)

    return is_one


def affix(operator: Operator, texts: Sequence[str]) -> Condition:
    """Text that begins, or ends, with one of these: for many, far quicker than one by one."""
    wanted = tuple(texts)
    if operator is Operator.PREFIX:
        return lambda value: isinstance(value, str) and value.startswith(wanted)
    return lambda value: isinstance(value, str) and value.endswith(wanted)


def compile_operator(operator: Operator, operand: Json, place: Place, report: Report) -> Condition:
    """The condition for `{operator: operand}`."""
    match operator:
        case Operator.NUMERIC:
            return _numeric(operand, place, report)
        case Operator.ANYTHING_BUT:
            return _anything_but(operand, place, report)
        case Operator.CIDR:
            return _cidr(operand, place, report)
        case Operator.PREFIX | Operator.SUFFIX | Operator.EQUALS_IGNORE_CASE | Operator.WILDCARD:
            return _on_text(operator, operand, place, report)
        case Operator.EXISTS:
            raise ValueError("exists asks about a field, not about its values")
        case _:
            assert_never(operator)


def _on_text(operator: Operator, operand: Json, place: Place, report: Report) -> Condition:
    folded = False
    if operator in (Operator.PREFIX, Operator.SUFFIX) and isinstance(operand, dict):
        if list(operand) != [Operator.EQUALS_IGNORE_CASE]:
            report(place, f"must be text, or {{{Operator.EQUALS_IGNORE_CASE}: text}}")
            return _never
        operand, place, folded = operand[Operator.EQUALS_IGNORE_CASE], (*place, Operator.EQUALS_IGNORE_CASE), True
    if not isinstance(operand, str):
        report(place, "must be text; a number or a boolean needs quotes to be one")
        return _never
    return _text_condition(operator, operand, place, report, folded=folded)


def _text_condition(operator: Operator, text: str, place: Place, report: Report, *, folded: bool) -> Condition:
    if operator is Operator.WILDCARD:
        try:
            return wildcard(text)
        except ValueError as error:
            report(place, str(error))
            return _never
    folded = folded or operator is Operator.EQUALS_IGNORE_CASE
    wanted = text.casefold() if folded else text

    def matches(value: Json) -> bool:
        if not isinstance(value, str):
            return False
        text = value.casefold() if folded else value
        if operator is Operator.PREFIX:
            return text.startswith(wanted)
        if operator is Operator.SUFFIX:
            return text.endswith(wanted)
        return text == wanted

    return matches


def _anything_but(operand: Json, place: Place, report: Report) -> Condition:
    if isinstance(operand, dict):
        return _anything_but_text(operand, place, report)
    values = operand if isinstance(operand, list) else [operand]
    all_text = all(isinstance(value, str) for value in values)
    if not values or not (all_text or all(is_number(value) for value in values)):
        report(place, "must be text or a number, a list of only texts or only numbers, or one operator on text")
        return _never
    forbidden = equals(values)
    return lambda value: not forbidden(value)


def _anything_but_text(operand: dict[str, Json], place: Place, report: Report) -> Condition:
    name, inner = next(iter(operand.items()), ("", None))
    if len(operand) != 1 or name not in TEXT_OPERATORS:
        report(place, f"must hold exactly one operator on text: {', '.join(TEXT_OPERATORS)}")
        return _never
    place = (*place, name)
    texts = inner if isinstance(inner, list) else [inner]
    if not texts:
        report(place, "must not be an empty list")
    forbidden = []
    for index, text in enumerate(texts):
        here = (*place, index) if isinstance(inner, list) else place
        if not isinstance(text, str):
            report(here, "must be text; a number or a boolean needs quotes to be one")
        elif not text and name in (Operator.PREFIX, Operator.SUFFIX):
            report(here, "must not be empty: every text has an empty prefix and suffix")
        else:
            forbidden.append(_text_condition(Operator(name), text, here, report, folded=False))
    return lambda value: not any(condition(value) for condition in forbidden)


def _numeric(operand: Json, place: Place, report: Report) -> Condition:
    operand = operand if isinstance(operand, list) else []
    limits = [
        (operator, bound)
        for operator, bound in zip(operand[::2], operand[1::2], strict=False)
        if isinstance(operator, str) and is_number(bound)
    ]
    operators = [operator for operator, _ in limits]
    if len(operand) != 2 * len(limits) or operators not in _NUMERIC_FORMS:
        report(place, 'must be pairs of an operator and a number: ["=", 5], [">", 0], [">=", 0, "<", 5]')
        return _never
    # Decimals, because these are quicker to compare with the decimals that events hold.
    compare, bound = _COMPARISONS[operators[0]], Decimal(limits[0][1])
    if len(limits) == 1:
        return Limit(compare, bound)
    below, high = _COMPARISONS[operators[1]], Decimal(limits[1][1])
    if bound >= high:
        report(place, f"the lower bound must be below the upper; {bound} is not below {high}")
    return lambda value: is_number(value) and compare(value, bound) and below(value, high)


def _cidr(operand: Json, place: Place, report: Report) -> Condition:
    try:
        addresses = network(operand if isinstance(operand, str) else "")
    except ValueError as error:
        report(place, str(error))
        return _never

    def matches(value: Json) -> bool:
        found = address(value)
        return found is not None and found in addresses

    return matches


def network(cidr: str) -> IPv4Network | IPv6Network:
    """The addresses of a range, such as those of 10.0.0.0/8. Raises ValueError, with the reason, for anything else."""
    if cidr.partition("/")[2].isdecimal():
        try:
            found = ip_network(cidr, strict=False)
        except ValueError:
            found = None
        if found is not None and getattr(found.network_address, "ipv4_mapped", None) is None:
            return found
    raise ValueError("must be a range of IPv4 or IPv6 addresses, such as 10.0.0.0/8 or 2001:db8::/32")


def address(value: Json) -> IPv4Address | IPv6Address | None:
    """The address that a value is the text of; one of IPv4 also where it is written as IPv6 (::ffff:10.0.0.1)."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS:
        return None
    try:
        if ":" not in value:
            return IPv4Address(value)
        found = IPv6Address(value)
    except ValueError:
        return None
    return found.ipv4_mapped or found


def wildcard(pattern: str) -> Condition:
    r"""Text in which each `*` stands for any characters; `\*` and `\\` for themselves.

    Raises ValueError, with the reason, for what EventBridge refuses: `**`, and a backslash before anything else.
    Between the first and the last segment each one is taken at its first occurrence after the one before, which never
    needs to be undone: linear time, whatever the text.
    """
    first, *others = segments(pattern)
    if not others:
        return lambda value: isinstance(value, str) and value == first
    *between, last = others
    shortest = len(first) + len(last)

    def matches(value: Json) -> bool:
        if not isinstance(value, str) or len(value) < shortest:
            return False
        if not (value.startswith(first) and value.endswith(last)):
            return False
        at, end = len(first), len(value) - len(last)
        for segment in between:
            found = value.find(segment, at, end)
            if found < 0:
                return False
            at = found + len(segment)
        return True

    return matches


def segments(pattern: str) -> list[str]:
    """The texts before, between and after the stars of a wildcard. Raises ValueError as `wildcard` does."""
    found = [""]
    characters = iter(enumerate(pattern))
    for at, character in characters:
        if character == "*":
            if pattern[at + 1 : at + 2] == "*":
                raise ValueError("** is not allowed: one * stands for any number of characters")
            found.append("")
        elif character == "\\":
            _, escaped = next(characters, (at, ""))
            if escaped not in ("*", "\\"):
                raise ValueError(r"a backslash may only stand before * or another backslash")
            found[-1] += escaped
        else:
            found[-1] += character
    return found


def _never(value: Json) -> bool:  # noqa: ARG001 - stands in for a condition that was reported as a mistake
    return False

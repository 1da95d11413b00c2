"""The values of one field, as far as the policy distinguishes them: finitely many classes, each with an example."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Final

from devkit.tuner.check import addresses, string_classes
from devkit.tuner.check.constraints import Leaf, Path, distinctions
from devkit.tuner.check.string_classes import TooManyTextsError
from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.model import Json, Number, Place, Signal
from snapshot_tuner.policy.patterns.compiler import compile_pattern

TEXT_ATTRIBUTES: Final = frozenset({"id", "source", "type"})
"""Those that every event has, and that an example event can choose freely."""

_DIGITS: Final = 2000
"""More than two numbers of a policy can differ in."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The classes of a field's values; a set of them is an int with a bit for each.

    Classes of numbers stand side by side, ascending: those between two `thresholds` have even places among
    them, the thresholds themselves odd ones. An object or an empty list is to a pattern what an absent value is.
    """

    path: Path
    values: tuple[Found, ...]
    first_number: int
    thresholds: tuple[Decimal, ...]

    @property
    def everything(self) -> int:
        """All classes."""
        return (1 << len(self.values)) - 1

    @property
    def number_cells(self) -> range:
        """The classes of numbers; empty where the field is always text."""
        if self.path[0] in TEXT_ATTRIBUTES:
            return range(0)
        return range(self.first_number, self.first_number + 2 * len(self.thresholds) + 1)

    @property
    def numbers(self) -> int:
        """The set of all classes of numbers."""
        return to_mask(self.number_cells)

    def threshold(self, cell: int) -> Decimal | None:
        """The threshold that a class of numbers consists of; None for a class between two."""
        place, is_threshold = divmod(cell - self.first_number, 2)
        return self.thresholds[place] if is_threshold else None

    def matching(self, items: Sequence[Json]) -> int:
        """The classes whose values a pattern's list matches: the real pattern is asked about each."""
        pattern = compile_pattern({"data": {"value": list(items)}}, (), _never_reported)
        found = 0
        for cell, value in enumerate(self.values):
            data = {} if value is ABSENT else {"value": value}
            if pattern.matches(Signal("", "", "", 0, data)):
                found |= 1 << cell
        return found


def axis(path: Path, leaves: Iterable[Leaf], further: Iterable[Number]) -> Axis:
    """The classes that the leaves, all of this path, and these further numbers make.

    Raises TooManyTextsError.
    """
    attribute = path[0] in TEXT_ATTRIBUTES
    if attribute and len(path) > 1:
        return Axis(path, (ABSENT,), 0, ())  # the attribute is text, so nothing is inside of it
    distinct = distinctions(item for leaf in leaves for item in leaf.items)
    if distinct.tests and distinct.networks:
        raise TooManyTextsError("are of addresses and of characters")
    texts: list[Found] = list(addresses.examples(distinct.networks, distinct.texts))
    texts += string_classes.examples(distinct.texts, distinct.tests, attribute=attribute)
    if attribute:
        return Axis(path, tuple(texts), 0, ())
    thresholds = sorted({*map(Decimal, distinct.numbers), *map(Decimal, further)})
    numbers = _numbers(thresholds)
    constants: list[Found] = [True, False, None]
    if distinct.texts or distinct.tests or distinct.networks:  # examples should look like what the patterns speak of
        return Axis(path, (ABSENT, *texts, *numbers, *constants), 1 + len(texts), tuple(thresholds))
    return Axis(path, (ABSENT, *numbers, *texts, *constants), 1, tuple(thresholds))


def to_mask(cells: Iterable[int]) -> int:
    """The set of these classes."""
    return sum(1 << cell for cell in cells)


def list_cells(mask: int) -> list[int]:
    """The classes in a set."""
    return [cell for cell in range(mask.bit_length()) if mask >> cell & 1]


def beside(threshold: Decimal, axis: Axis, cell: int) -> Decimal:
    """A number in the class `cell`, just beside the threshold that is its neighbour."""
    below = (cell - axis.first_number) // 2
    low = axis.thresholds[below - 1] if below else None
    high = axis.thresholds[below] if below < len(axis.thresholds) else None
    places = max(0, -int(threshold.as_tuple().exponent))
    places += bool(places)  # beside 0.8 is 0.79, beside 10 is 9
    sign = 1 if low == threshold else -1
    with localcontext(prec=_DIGITS):
        while True:
            number = threshold + sign * Decimal(1).scaleb(-places)
            if (low is None or low < number) and (high is None or number < high):
                return number
            places += 1


def _numbers(thresholds: list[Decimal]) -> list[Decimal]:
    if not thresholds:
        return [Decimal(1)]
    found = [_below(thresholds[0])]
    for low, high in pairwise(thresholds):
        found += [low, _between(low, high)]
    return [*found, thresholds[-1], _above(thresholds[-1])]


def _below(threshold: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        return _between(Decimal(0), threshold) if threshold > 0 else threshold.to_integral_value("ROUND_FLOOR") - 1


def _above(threshold: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        return _between(threshold, Decimal(1)) if 0 <= threshold < 1 else threshold.to_integral_value("ROUND_FLOOR") + 1


def _between(low: Decimal, high: Decimal) -> Decimal:
    """The number in the middle, with as few decimal places as it can have."""
    with localcontext(prec=_DIGITS):
        middle = (low + high) / 2
        for places in range(_DIGITS // 2):
            rounded = middle.quantize(Decimal(1).scaleb(-places))
            if low < rounded < high:
                return rounded
        return middle


def _never_reported(place: Place, reason: str) -> None:
    raise ValueError(f"{place}: {reason}")  # a policy without mistakes is taken apart here

"""From a measured value to an interval: a piecewise linear curve, flat outside its points, computed exactly."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Number

MAX_DECIMAL_PLACES: Final = 1000
"""A fraction of this many places costs microseconds; one of 10**9 places would cost the process its memory."""


def has_too_many_places(number: Number) -> bool:
    """Whether a number is written with more decimal places than exact arithmetic is affordable for."""
    if not isinstance(number, Decimal):
        return False
    places = len(number.as_tuple().digits) - 1 - number.adjusted()
    return places > MAX_DECIMAL_PLACES


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds over a measured value.

    `_xs` ascend strictly. `_lines[i]` is (a, b, c) from `_xs[i]` up to the next one: there the seconds are
    (a * value + b) / c.
    """

    _xs: tuple[Number, ...]
    _seconds: tuple[int, ...]
    _lines: tuple[tuple[int, int, int], ...]

    @classmethod
    def through(cls, points: Sequence[tuple[Number, Number]]) -> "Curve":
        """The curve through (value, seconds) points. Raises ValueError, with the reason, if there is none."""
        if len(points) < 2:  # noqa: PLR2004 - two points make a line
            raise ValueError("needs at least two points; for one, write the interval itself")
        for (left, _), (right, _) in pairwise(points):
            if left >= right:
                raise ValueError(f"the first numbers must ascend; {right} follows {left}")
        for _, seconds in points:
            if not INTERVAL_MIN_SECONDS <= seconds <= INTERVAL_MAX_SECONDS:
                raise ValueError(
                    f"the second numbers are seconds from {INTERVAL_MIN_SECONDS} to {INTERVAL_MAX_SECONDS}; "
                    f"{seconds} is not"
                )
        exact = [(Fraction(x), Fraction(y)) for x, y in points]
        lines = []
        for (x0, y0), (x1, y1) in pairwise(exact):
            slope = (y1 - y0) / (x1 - x0)
            offset = y0 - slope * x0
            common = slope.denominator * offset.denominator
            lines.append(((slope * common).numerator, (offset * common).numerator, common))
        return cls(tuple(x for x, _ in points), tuple(_half_up(*y.as_integer_ratio()) for _, y in exact), tuple(lines))

    def seconds(self, value: Number) -> int:
        """Whole seconds, half up, for a value of at most MAX_DECIMAL_PLACES places."""
        # Compared before any arithmetic: outside the points even 1E+999999999 is cheap.
        index = bisect_right(self._xs, value) - 1
        if index < 0:
            return self._seconds[0]
        if index == len(self._lines):
            return self._seconds[-1]
        a, b, c = self._lines[index]
        numerator, denominator = value.as_integer_ratio()
        return _half_up(a * numerator + b * denominator, c * denominator)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)

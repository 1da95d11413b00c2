"""Piecewise linear curves, checked against plain fractions."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.model import Number, is_number
from snapshot_tuner.policy.curves import MAX_DECIMAL_PLACES, Curve, has_too_many_places

numbers: st.SearchStrategy[Number] = st.one_of(
    st.integers(-(10**6), 10**6),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=6),
    st.sampled_from([Decimal("1E-400"), Decimal("-1E-400"), Decimal("1E+400"), Decimal("-1E+400"), 10**400]),
)
seconds: st.SearchStrategy[Number] = st.one_of(st.integers(1, 600), st.decimals(1, 600, places=2))
curves: st.SearchStrategy[list[tuple[Number, Number]]] = st.lists(
    numbers, min_size=2, max_size=6, unique_by=Fraction
).flatmap(
    lambda xs: st.tuples(st.just(sorted(xs, key=Fraction)), st.lists(seconds, min_size=len(xs), max_size=len(xs))).map(
        lambda both: list(zip(*both, strict=True))
    )
)


def exact(points: list[tuple[Number, Number]], value: Number) -> int:
    x = Fraction(value)
    if x <= points[0][0]:
        y = Fraction(points[0][1])
    elif x >= points[-1][0]:
        y = Fraction(points[-1][1])
    else:
        right = next(i for i, point in enumerate(points) if Fraction(point[0]) > x)
        (x0, y0), (x1, y1) = (tuple(map(Fraction, point)) for point in points[right - 1 : right + 1])
        y = y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return floor(y + Fraction(1, 2))


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("0.1", 10),
        ("0.8", 10),
        ("0.93", 43),
        ("0.9", 35),
        ("0.802", 11),
        ("0.80199999999999999999999999999999999999", 10),
        ("1.0", 60),
        ("1.00", 60),
        ("7", 60),
        ("1E+999999999", 60),
        ("-1E+999999999", 10),
    ],
)
def test_the_curve_of_the_readme(load: str, expected: int) -> None:
    """[[0.8, 10], [1.0, 60]]: straight between, flat outside, half a second up (0.802 gives 10.5 s)."""
    curve = Curve.through([(Decimal("0.8"), 10), (Decimal("1.0"), 60)])
    assert curve.seconds(Decimal(load)) == expected


@given(curves, numbers)
def test_a_curve_is_exact(points: list[tuple[Number, Number]], value: Number) -> None:
    """The seconds are those of rational arithmetic, rounded half up, whatever the size of the numbers."""
    curve = Curve.through(points)
    assert curve.seconds(value) == exact(points, value)
    assert [curve.seconds(x) for x, _ in points] == [exact(points, x) for x, _ in points]


@given(curves, numbers, numbers)
def test_a_curve_between_ascending_points_ascends(
    points: list[tuple[Number, Number]], one: Number, other: Number
) -> None:
    """Where more load asks for more seconds, no rounding ever turns that around."""
    ascending = list(zip((x for x, _ in points), sorted(y for _, y in points), strict=True))
    curve = Curve.through(ascending)
    low, high = sorted((one, other))
    assert curve.seconds(low) <= curve.seconds(high)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "needs at least two points; for one, write the interval itself"),
        ([(1, 5)], "needs at least two points; for one, write the interval itself"),
        ([(1, 5), (1, 6)], "the first numbers must ascend; 1 follows 1"),
        ([(1, 5), (2, 6), (Decimal("1.5"), 7)], "the first numbers must ascend; 1.5 follows 2"),
        ([(1, 0), (2, 6)], "the second numbers are seconds from 1 to 600; 0 is not"),
        ([(1, 5), (2, 601)], "the second numbers are seconds from 1 to 600; 601 is not"),
        ([(1, 5), (2, Decimal("600.01"))], "the second numbers are seconds from 1 to 600; 600.01 is not"),
    ],
)
def test_points_that_make_no_curve_are_refused(points: list[tuple[Number, Number]], reason: str) -> None:
    """A curve has two points or more, from left to right, inside the provider's limits."""
    with pytest.raises(ValueError, match=f"^{reason}$"):
        Curve.through(points)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, True),
        (10**400, True),
        (Decimal("0.1"), True),
        (Decimal("1E-999999"), True),
        (True, False),
        (Decimal("NaN"), False),
        (Decimal("sNaN"), False),
        (Decimal("Infinity"), False),
        ("1", False),
        (None, False),
        ([1], False),
    ],
)
def test_numbers_are_ints_and_finite_decimals(value: object, *, expected: bool) -> None:
    """A boolean is no number, and neither are NaN, an infinity or text that looks like one."""
    assert is_number(value) is expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (5, False),
        (Decimal(f"1E-{MAX_DECIMAL_PLACES}"), False),
        (Decimal(f"1E-{MAX_DECIMAL_PLACES + 1}"), True),
        (Decimal(f"1.5E-{MAX_DECIMAL_PLACES}"), True),
        (Decimal("1E+999999"), False),
        (Decimal("0E-999999"), True),
    ],
)
def test_numbers_with_too_many_places_are_known(number: Number, *, expected: bool) -> None:
    """Counted as they are written, before any arithmetic."""
    assert has_too_many_places(number) is expected

"""Exact JSON: what is written is read back as the same value of the same type, digit for digit."""

from decimal import Decimal

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.strict_json import decode
from tests.events.any_signals import documents

_long_numbers = st.builds(
    "{}{}.{}{}E{}".format,
    st.sampled_from(["", "-"]),
    st.sampled_from(["0", "7", "12345"]),
    st.integers(0, 400).map("0".__mul__),
    st.integers(1, 400).map("3".__mul__),
    st.integers(-400, 300),
)


@given(documents)
def test_any_document_is_read_back_as_it_was(text: str) -> None:
    """`repr` tells an int from a Decimal, 0.90 from 0.9, 1E+3 from 1000, and the order of members."""
    value = decode(text)
    assert repr(decode(encode(value))) == repr(value)


@given(_long_numbers)
def test_any_number_that_can_be_read_can_be_written(text: str) -> None:
    """At the limits too: 400 digits, those of the exponent among them."""
    try:
        value = decode(text)
    except EventRejected:
        reject()
    assert repr(decode(encode(value))) == repr(value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.90", "0.90"),
        ("-0.0", "-0.0"),
        ("1e3", "1E+3"),
        ("5e0", "5E0"),
        ("18446744073709551616", "18446744073709551616"),
        ("0.00000000000000000001", "1E-20"),
        (f"0.{'0' * 395}1e-400", f"0.{'0' * 395}1E-400"),
        (f"-0.{'0' * 396}e-400", f"-0.{'0' * 396}E-400"),
        (f"-12.{'3' * 395}e-400", f"-1.2{'3' * 395}E-399"),
        (f"1.{'3' * 399}", f"1.{'3' * 399}"),
        (f"1.{'3' * 398}e-5", f"1.{'3' * 398}E-5"),
        (f"0.00000{'3' * 394}", f"3.{'3' * 393}E-6"),
        ("0e400", "0E+400"),
    ],
)
def test_a_number_is_written_within_what_can_be_read(text: str, written: str) -> None:
    """Up to 400 digits and an exponent within 400 either way, whatever Python would write."""
    value = decode(text)
    assert encode(value) == written
    assert repr(decode(encode(value))) == repr(value)


@pytest.mark.parametrize(
    "text", ['"\\\\udc001"', '"a\\"\\\\udc001"', '"\\ud800\\udc00"', '"\\u0000"', '["\\\\", 0.5, "\\"0.5"]']
)
def test_no_text_is_taken_for_a_number(text: str) -> None:
    """The mark of a number is half of a surrogate pair; whatever looks like it in a string stays a string."""
    assert decode(encode(decode(text))) == decode(text)


def test_the_text_is_ascii_on_one_line() -> None:
    """A line of a log can neither be broken nor forged with it."""
    written = encode({"房间": "a\nb\u2028c\x1b[31m\U0001f600", "n": Decimal("0.90")})
    assert written == r'{"\u623f\u95f4":"a\nb\u2028c\u001b[31m\ud83d\ude00","n":0.90}'
    assert written.isprintable()


def test_what_is_no_json_value_is_not_written() -> None:
    """It is a mistake of the program."""
    with pytest.raises(TypeError, match="not a JSON value: set"):
        encode([set()])  # type: ignore[list-item] # the mistake

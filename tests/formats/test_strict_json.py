"""Strict JSON: what is read is exact, and what is refused is refused with its place."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.strict_json import MAX_BODY_BYTES, _decoded_in_full, decode, describe
from snapshot_tuner.model import Json


def rejection(text: bytes | str, *, within: str = "") -> tuple[str, str]:
    with pytest.raises(EventRejected) as caught:
        decode(text, within=within)
    return caught.value.field, caught.value.reason


def test_every_kind_of_value_is_read_exactly() -> None:
    """Integers are int, other numbers are Decimal with the digits as written, text is any Unicode."""
    document = decode(b'{"a": [1, -0, 0.90, 1E+2, true, false, null, "\\ud83d\\ude00 \xc3\xa9"], "b": {}}')
    assert document == {
        "a": [1, 0, Decimal("0.90"), Decimal("1E+2"), True, False, None, "\U0001f600 é"],
        "b": {},
    }
    assert isinstance(document, dict)
    assert repr(document["a"])[:44] == "[1, 0, Decimal('0.90'), Decimal('1E+2'), Tru"


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("", "body", "is empty; expected a JSON text"),
        (" \n", "body", "is empty; expected a JSON text"),
        (b"\xff{}", "body", "is not UTF-8: byte 0 cannot be decoded"),
        (b'"\xed\xa0\x80"', "body", "is not UTF-8: byte 1 cannot be decoded"),
        ("\ufeff{}", "body", "begins with a byte order mark, which JSON does not allow (RFC 8259, 8.1)"),
        (b"\xef\xbb\xbf{}", "body", "begins with a byte order mark, which JSON does not allow (RFC 8259, 8.1)"),
        ("[1", "body", "is not JSON: Expecting ',' delimiter at line 1, column 3"),
        ("{}\n{}", "body", "is not JSON: Extra data at line 2, column 1"),
        ('"a\nb"', "body", "is not JSON: Invalid control character at at line 1, column 3"),
        ("NaN", "body", "is NaN, which is not a JSON number"),
        ('{"data": {"load": NaN}}', "data.load", "is NaN, which is not a JSON number"),
        ('{"data": [1, -Infinity]}', "data[1]", "is -Infinity, which is not a JSON number"),
        ('{"data": {"load": 1, "load": 1}}', "data.load", "is a duplicate key"),
        ('[{"a": 1, "\\u0061": 2}]', "[0].a", "is a duplicate key"),
        ('{"a": {"b": "\\ud800"}}', "a.b", "contains a lone surrogate"),
        ('{"a": "\\udc00\\ud800"}', "a", "contains a lone surrogate"),
        ('{"a": "\ud800"}', "a", "contains a lone surrogate"),
        ('{"a": [{"\\uD800": 1}]}', "a[0]['\\ud800']", "is a key with a lone surrogate"),
        ('{"load": ' + "9" * 5_000 + "}", "load", "is an integer of more than 400 digits"),
        ('{"load": -' + "9" * 400 + "}", "load", "is a number too large for a double (1.8e308)"),
        ('{"load": 0.' + "1" * 400 + "}", "load", "is a number of more than 400 digits"),
        ('{"load": 1.8e308}', "load", "is a number too large for a double (1.8e308)"),
        ('{"load": 1e401}', "load", "is a number with an exponent beyond 400"),
        ('{"load": 1E-401}', "load", "is a number with an exponent beyond 400"),
        ('{"load": 1e' + "9" * 300 + "}", "load", "is a number with an exponent beyond 400"),
        ('{"load": 1e' + "9" * 5_000 + "}", "load", "is a number of more than 400 digits"),
    ],
)
def test_a_fault_is_rejected_with_its_path_and_reason(text: bytes | str, field: str, reason: str) -> None:
    """The field is the path of the value, or body where the text as a whole cannot be read."""
    assert rejection(text) == (field, reason)


@pytest.mark.parametrize(
    "number",
    ["1" + "0" * 308, "-1.7976931348623157e308", "0." + "1" * 399, "1e-400", "0e400", "1e00000000000000000000002"],
)
def test_numbers_up_to_the_limits_are_read_as_written(number: str) -> None:
    """The limits are inclusive, and nothing is rounded on the way."""
    assert Decimal(str(decode(number))) == Decimal(number)


def test_the_first_fault_in_the_order_of_the_text_is_named() -> None:
    """Of several faults the reader sees the first one, whatever kind it is of."""
    assert rejection('{"a": [0, {"b": "\\ud800"}], "c": NaN}')[0] == "a[1].b"
    assert rejection('{"a": [0, {"b": NaN}], "c": "\\ud800"}')[0] == "a[1].b"


def test_the_path_begins_with_that_of_the_text_itself() -> None:
    """A text inside another document is named by where it stands there."""
    assert rejection('{"a": NaN}', within="Message") == ("Message.a", "is NaN, which is not a JSON number")
    assert rejection("[NaN]", within="Message")[0] == "Message[0]"
    assert rejection("NaN", within="Message")[0] == "Message"
    assert rejection("", within="Message")[0] == "Message"


def test_a_path_is_short_and_safe_to_log() -> None:
    """Keys of the sender's choosing neither flood a log line nor break it."""
    assert rejection('{"a\\nb": NaN}')[0] == r"['a\nb']"
    assert rejection('{"' + "k" * 100_000 + '": NaN}')[0] == "['" + "k" * 59 + "…]"
    assert rejection('{"kkkkkkkkk":' * 60 + "NaN" + "}" * 60)[0] == ("kkkkkkkkk." * 10) + "…"


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_deeper_than_64_is_rejected(opening: str, closing: str, depth: int) -> None:
    """No depth reaches the parser's recursion, closed or not."""
    if len(opening) * depth > MAX_BODY_BYTES:
        depth = MAX_BODY_BYTES // len(opening)
    assert rejection(opening * depth) == ("body", "is nested deeper than 64 levels")
    assert decode(opening * 63 + "[]" + closing * 63) is not None
    assert rejection(opening * 64 + "[]" + closing * 64) == ("body", "is nested deeper than 64 levels")


def test_brackets_in_strings_are_not_nesting() -> None:
    """A string may hold any brackets, behind escaped quotation marks too."""
    text = json.dumps(['"' + "[" * 1_000 + '\\"{', ["]" * 100]])
    assert decode(text) == ['"' + "[" * 1_000 + '\\"{', ["]" * 100]]


def test_a_mebibyte_is_read_and_a_byte_more_is_not() -> None:
    """The limit counts bytes of UTF-8, also where the text comes as characters."""
    assert decode('"' + "x" * (MAX_BODY_BYTES - 2) + '"') == "x" * (MAX_BODY_BYTES - 2)
    too_large = ("body", "is larger than 1,048,576 bytes")
    assert rejection('"' + "x" * (MAX_BODY_BYTES - 1) + '"') == too_large
    assert rejection(b'"' + b"x" * (MAX_BODY_BYTES - 1) + b'"') == too_large
    assert rejection('"' + "é" * (MAX_BODY_BYTES // 2 - 1) + '"' + " ") == too_large


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 130_000 + "[" * 100,
        "[" * 65 + '"' + "\\" * 200_000,
        "[" + "[],{}," * 40_000 + "1]",
        "[" + "1e5," * 60_000 + "1]",
        '["\\ud83d\\ude00",' * 60 + '"\\ud83d\\ude00",' * 14_000 + "1" + "]" * 60,
        "{" + ",".join(f'"{n}":{n}' for n in range(15_000)) + ',"0":0}',
    ],
    ids=["open string", "backslashes", "brackets", "decimals", "surrogate pairs", "many keys"],
)
def test_the_largest_texts_take_linear_time(text: str) -> None:
    """Texts made to be slow are done within seconds, where quadratic work on them takes minutes."""
    started = time.process_time()
    with suppress(EventRejected):
        decode(text)
    assert time.process_time() - started < 4


def test_shown_values_are_short_ascii() -> None:
    """What a message repeats of an event is quoted, cut, and free of control characters."""
    assert describe("a'b") == '"a\'b"'
    assert describe("\x1b[31m\x7fé\ud800\n") == r"'\x1b[31m\x7f\xe9\ud800\n'"
    assert describe("x" * 100_000) == "'" + "x" * 59 + "…"
    larger: list[object] = [None, True, 10**5_000, Decimal("NaN"), {}, []]
    kinds = ["null", "true", "a number", "a number", "an object", "a list"]
    assert [describe(value) for value in larger] == kinds


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(_json, st.booleans())
def test_whatever_json_writes_is_read_back(document: Json, escaped: bool) -> None:  # noqa: FBT001 - drawn, not passed
    """Every valid text gives its value, however its characters are written."""
    assert decode(json.dumps(document, ensure_ascii=escaped)) == document


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-1000, max_value=1000))
def test_a_decimal_keeps_its_digits(number: Decimal) -> None:
    """No number passes through a float."""
    decoded = decode(f"{number:f}")
    assert isinstance(decoded, Decimal)
    assert decoded.as_tuple() == number.as_tuple()


@given(st.binary() | st.text(st.characters()) | st.text('[]{}":,\\ud8c0019e-+.NaInfity \ud800'))
def test_any_text_gives_a_value_or_a_rejection(text: bytes | str) -> None:
    """Nothing but EventRejected comes out of any bytes or characters, and its words can be written anywhere."""
    said = ""
    try:
        decode(text)
    except EventRejected as rejected:
        said = str(rejected)
    assert len(said.encode()) < 300


_written = st.recursive(
    st.sampled_from(
        ["0", "-0", "0.90", "1E+2", "1e-400", "2e401", "9" * 309, "9" * 401, "0." + "1" * 400, "NaN", "-Infinity"]
    )
    | st.sampled_from(
        ['""', '"a"', '"\\ud83d\\ude00"', '"\\uD800"', '"\ud800"', '"é"', '"\t"', "tru", "null", "", "[" * 65]
    ),
    lambda inner: (
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["", " ", "\ufeff"]),
            inner,
            st.sampled_from(["", "\r\n", "\xa0", "]", "{}"]),
        )
        | st.lists(inner, max_size=3).map(lambda values: f"[{','.join(values)}]")
        | st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"\\ud800"', "a"]), inner), max_size=3).map(
            lambda members: f"{{{','.join(f'{name} :{value}' for name, value in members)}}}"
        )
    ),
    max_leaves=6,
)
"""Texts that are nearly JSON: duplicate keys, surrogates, numbers at and beyond the limits, too much or too little."""


def said(read: Callable[[], Json]) -> str:
    try:
        return repr(read())
    except EventRejected as rejected:
        return str(rejected)


@given(_written | st.text('[]{}":,\\ud8c0019e-+.NaInfity \ud800'))
def test_reading_in_one_go_and_reading_for_the_fault_agree(text: str) -> None:
    """The short way takes what the long one takes, with the same digits, and has no words of its own."""
    answer = said(lambda: decode(text))
    if not answer.startswith(("body: is empty", "body: begins with", "body: is nested deeper")):  # before either
        assert answer == said(lambda: _decoded_in_full(text, "body", ""))

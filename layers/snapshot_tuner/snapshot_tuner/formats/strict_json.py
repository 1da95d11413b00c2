"""Strict JSON with exact numbers; every fault is an `EventRejected` that names its place in the text.

Stricter than RFC 8259 wherever that leaves a choice, because two readers of one text must not see two
events: duplicate keys, lone surrogates, NaN and a byte order mark are rejected. Time and memory are linear
in the text, and nothing recurses further than `MAX_DEPTH`.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, TypeAlias, cast

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.model import Json

MAX_BODY_BYTES = 1_048_576
"""1 MiB of UTF-8, the whole text: as much as a message of SQS holds."""
MAX_DEPTH = 64
"""Lists and objects inside each other; a text of one flat list is 1 deep."""
MAX_DIGITS = 400
MAX_EXPONENT = 400
"""A number as written: its digits, and its exponent in either direction."""

_LARGEST_DOUBLE = Decimal(sys.float_info.max)
_SURELY_A_DOUBLE = 308  # an integer in at most so many characters is below 1.8e308
_TOO_LARGE = "is a number too large for a double (1.8e308)"
_WHITESPACE = " \t\n\r"
_SHOWN_CHARACTERS = 60
_PATH_CHARACTERS = 100

# A string that is not closed runs to the end, and possessive repeats give nothing back: one pass over any text.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_@-]{1,40}")


def decode(text: bytes | str, *, within: str = "", at_most: int = MAX_BODY_BYTES) -> Json:
    """The value of a JSON text: integers as `int`, other numbers as `Decimal`, never a float.

    `within` is the path of the text itself where it is a string inside another document; `at_most` is how many
    bytes it may have. Raises EventRejected; its field is the path of the fault ("data.load", "items[3]"), or
    `within` ("body" when there is none) where the text as a whole is bad.
    """
    whole = within or "body"
    text = _checked_text(text, whole, at_most)
    if _is_too_deep(text):
        # Before the parse: the parser recurses, and how deep it may differs between Python versions.
        raise EventRejected(whole, f"is nested deeper than {MAX_DEPTH} levels")
    try:
        document, end = _raw_decode(text)
    except (_Fault, json.JSONDecodeError):
        document, end = None, 0
    if end != len(text) and (end == 0 or text[end:].strip(_WHITESPACE)):
        return _decoded_in_full(text, whole, within)
    if _may_have_surrogate(text):
        _raise_first_fault(document, within)
    return cast("Json", document)


def describe(value: object) -> str:
    """A JSON value for an error message: a string quoted and cut, anything larger by its kind.

    ASCII without control characters, so that no event can forge or break a line of a log.
    """
    match value:
        case str():
            quoted = ascii(value[: _SHOWN_CHARACTERS + 1])
            return quoted if len(quoted) <= _SHOWN_CHARACTERS else f"{quoted[:_SHOWN_CHARACTERS]}…"
        case None | bool():
            return json.dumps(value)
        case int() | float() | Decimal():
            return "a number"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _checked_text(text: bytes | str, whole: str, at_most: int) -> str:
    if isinstance(text, bytes):
        size = len(text)
    else:
        # A string cannot be shorter in bytes than in characters: no need to encode a long one.
        size = len(text) if text.isascii() or len(text) > at_most else len(text.encode(errors="surrogatepass"))
    if size > at_most:
        raise EventRejected(whole, f"is larger than {at_most:,} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise EventRejected(whole, f"is not UTF-8: byte {error.start} cannot be decoded") from None
    if not text or text.isspace():
        raise EventRejected(whole, "is empty; expected a JSON text")
    if text.startswith("\ufeff"):
        raise EventRejected(whole, "begins with a byte order mark, which JSON does not allow (RFC 8259, 8.1)")
    return text


def _is_too_deep(text: str) -> bool:
    lists = text.count("[") if "[" in text else 0  # to look is cheaper than to count
    if lists + text.count("{") <= MAX_DEPTH:
        return False
    # What stands outside of strings; without escapes a split finds it in a third of the time.
    outside = _STRING.sub("", text) if "\\" in text else "".join(text.split('"')[::2])
    return max(accumulate(map(_STEP.__getitem__, _BRACKET.findall(outside))), default=0) > MAX_DEPTH


def _may_have_surrogate(text: str) -> bool:
    # Half of an escaped pair counts too: whether the other half is there shows in the decoded strings.
    escaped = "\\" in text and ("\\ud" in text or "\\uD" in text)
    return escaped or (not text.isascii() and _SURROGATE.search(text) is not None)


class _Fault(Exception):
    """What a hook of the scanner met: raised where any will do, put into the document where its place is asked for."""

    def __init__(self, reason: str, key: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    raise _Fault("is a duplicate key", repeated)


def _integer(text: str) -> int:
    if len(text) <= _SURELY_A_DOUBLE:
        return int(text)
    if _digits(text) > MAX_DIGITS:
        raise _Fault(f"is an integer of more than {MAX_DIGITS} digits")
    if Decimal(text).copy_abs() > _LARGEST_DOUBLE:
        raise _Fault(_TOO_LARGE)
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) <= _SURELY_A_DOUBLE and "e" not in text and "E" not in text:
        return Decimal(text)
    if len(text) > MAX_DIGITS and _digits(text) > MAX_DIGITS:
        raise _Fault(f"is a number of more than {MAX_DIGITS} digits")
    exponent = text.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > MAX_EXPONENT:
        raise _Fault(f"is a number with an exponent beyond {MAX_EXPONENT}")
    number = Decimal(text)
    # copy_abs, because abs() would round to the context's precision.
    if number.copy_abs() > _LARGEST_DOUBLE:
        raise _Fault(_TOO_LARGE)
    return number


def _constant(name: str) -> None:
    raise _Fault(f"is {name}, which is not a JSON number")


def _digits(number: str) -> int:
    return len(number) - sum(map(number.count, "+-.eE"))


# Not `decode`, which looks for white space around the text with two regular expressions.
_raw_decode = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
).raw_decode


def _or_fault(hook: Callable[[Any], object]) -> Callable[[Any], Any]:
    def called(met: object) -> object:
        try:
            return hook(met)
        except _Fault as fault:
            return fault.with_traceback(None)  # with it, each would keep its frames

    return called


# A hook cannot know the path to what it meets: faults stand in the document until all of it is there.
_decode_with_faults = json.JSONDecoder(
    object_pairs_hook=_or_fault(_members),
    parse_float=_or_fault(_decimal),
    parse_int=_or_fault(_integer),
    parse_constant=_or_fault(_constant),
).decode


def _decoded_in_full(text: str, whole: str, within: str) -> Json:
    """Once more, for the words and the place of what is wrong, or to skip white space in front."""
    try:
        document = _decode_with_faults(text)
    except json.JSONDecodeError as error:
        raise EventRejected(whole, f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    _raise_first_fault(document, within)
    return cast("Json", document)


_Place: TypeAlias = "tuple[_Place, str | int] | None"
"""A way down from the top, the last step first: one small tuple per value, however long its path."""


def _raise_first_fault(document: object, within: str) -> None:
    """Raise for the first fault or lone surrogate in the order of the text, if there is one."""
    todo: list[tuple[_Place, object]] = [(None, document)]
    while todo:
        place, value = todo.pop()
        match value:
            case _Fault(reason=reason, key=key):
                raise EventRejected(_path(place if key is None else (place, key), within), reason)
            case str() if _SURROGATE.search(value):
                raise EventRejected(_path(place, within), "contains a lone surrogate")
            case dict():
                for key in value:
                    if _SURROGATE.search(key):
                        raise EventRejected(_path((place, key), within), "is a key with a lone surrogate")
                todo.extend(((place, key), value[key]) for key in reversed(value))
            case list():
                todo.extend(((place, index), value[index]) for index in reversed(range(len(value))))
            case _:
                pass


def _path(place: _Place, within: str) -> str:
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    path = _joined(within, steps[::-1]) or "body"
    return path if len(path) <= _PATH_CHARACTERS else f"{path[:_PATH_CHARACTERS]}…"


def _joined(path: str, steps: Sequence[str | int]) -> str:
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{describe(step)}]"
    return path

"""The other half of `strict_json`: JSON text that `decode` reads back as the very same value, digit for digit."""

import json
from decimal import Decimal

from snapshot_tuner.formats.strict_json import MAX_DIGITS, MAX_EXPONENT
from snapshot_tuner.model import Json

# json.dumps has no way to write a number from its text. So a number goes in as a string that begins with half of a
# surrogate pair, as no decoded string does, and loses its quotes afterwards; all else is left to the encoder in C.
_MARK = "\udc00"
_QUOTE_AND_MARK = r'"\udc00'


def encode(value: Json) -> str:
    """Compact, members in their order, in ASCII: a text that neither breaks a line of a log nor changes a terminal."""
    before, *others = _ENCODER.encode(value).split(_QUOTE_AND_MARK)
    return before + "".join([other.replace('"', "", 1) for other in others])


def _marked(number: object) -> str:
    if not isinstance(number, Decimal):
        raise TypeError(f"not a JSON value: {type(number).__name__}")
    return _MARK + _as_decoded(number)


def _as_decoded(number: Decimal) -> str:
    """The same digits and exponent, within what `decode` takes; `0.90` stays `0.90`, and none becomes an int."""
    if number.adjusted() < -MAX_EXPONENT:
        return _with_least_exponent(number)
    text = str(number)
    if len(text) > MAX_DIGITS and number.adjusted() < 0:
        return f"{number:E}"  # 0.0000123 without the zeros, which count as digits
    return text if "." in text or "E" in text else f"{text}E0"


def _with_least_exponent(number: Decimal) -> str:
    """The smallest exponent that may be written; the rest of the number's own goes after the point, as before."""
    sign, digits, exponent = number.as_tuple()
    behind = -int(exponent) - MAX_EXPONENT
    written = "".join(map(str, digits)).rjust(behind + 1, "0")
    return f"{'-' if sign else ''}{written[:-behind]}.{written[-behind:]}E-{MAX_EXPONENT}"


_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_marked)

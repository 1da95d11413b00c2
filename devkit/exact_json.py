"""JSON text with numbers as they are: the standard library would make floats of decimals, and 0.9 of 0.90."""

import json
from decimal import Decimal

from snapshot_tuner.model import Json


def encode(value: Json) -> str:
    """Compact, members in their order, ASCII only: it neither breaks a line nor changes a terminal."""
    match value:
        case Decimal():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{encode(member)}" for name, member in value.items()) + "}"
        case list():
            return "[" + ",".join(map(encode, value)) + "]"
        case _:
            return json.dumps(value)

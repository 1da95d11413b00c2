"""How many cases the tests that make up their own try: a push tries a few, EFFORT=10 once a week ten times as many."""

import os
from typing import Final

EFFORT: Final = int(os.environ.get("EFFORT", "1"))


def cases(number: int) -> int:
    """So many in the ordinary suite."""
    return number * EFFORT

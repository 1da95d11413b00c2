"""Sets of events as boxes: for each field a set of classes of its values, all fields independent of each other."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from devkit.tuner.check.constraints import Path

Box: TypeAlias = Mapping[Path, int]
"""The classes that each field may be in; a field that is not named may be in any."""

PIECES_MOST: Final = 2000
"""What is left of a rule may fall into so many boxes; a rule of more is not examined."""


class TooManyPiecesError(Exception):
    """What is left of a box falls into more than `PIECES_MOST`."""


def intersection(one: Box, other: Box) -> Box | None:
    """The events in both; None if there are none."""
    both = dict(one)
    for path, mask in other.items():
        both[path] = both.get(path, -1) & mask
        if not both[path]:
            return None
    return both


def rest(boxes: Iterable[Box], taken: Iterable[Box], everything: Mapping[Path, int]) -> list[Box]:
    """What is in the first boxes and not in those taken away; boxes that do not overlap if the first did not.

    `everything` has all classes of each field. Raises TooManyPiecesError.
    """
    left = list(boxes)
    for each in taken:
        left = [piece for box in left for piece in _without(box, each, everything)]
        if len(left) > PIECES_MOST:
            raise TooManyPiecesError
    return left


def _without(box: Box, taken: Box, everything: Mapping[Path, int]) -> list[Box]:
    if intersection(box, taken) is None:
        return [box]
    pieces: list[Box] = []
    inside = dict(box)
    for path, mask in taken.items():
        own = inside.get(path, everything[path])
        if own & ~mask:
            pieces.append({**inside, path: own & ~mask})
        inside[path] = own & mask
    return pieces

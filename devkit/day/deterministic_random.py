"""Chance that falls the same way everywhere.

Of `random.Random` only `random()` gives the same numbers in every version of Python; and of arithmetic on them
only what IEEE 754 rounds correctly is used, no function of a platform's libm. What comes out is integers.
"""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

_Thing = TypeVar("_Thing")


class DeterministicRandom:
    """One sequence of throws for one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - a seed has to give the same day again

    def below(self, end: int) -> int:
        """From 0 to `end` - 1, all equally likely."""
        return int(self._random.random() * end)

    def between(self, first: int, last: int) -> int:
        """From `first` to `last`, both among them, all equally likely."""
        return first + self.below(last - first + 1)

    def chance(self, per_mille: int) -> bool:
        return self.below(1000) < per_mille

    def choice(self, things: Sequence[_Thing]) -> _Thing:
        return things[self.below(len(things))]

    def weighted(self, weights: Sequence[int]) -> int:
        """An index; each as likely as its weight says."""
        thrown = self.below(sum(weights))
        return next(index for index, end in enumerate(accumulate(weights)) if thrown < end)

    def heavy(self, least: int, most: int) -> int:
        """Mostly little more than `least`, seldom very much more: twice as much is half as likely. At most `most`."""
        return min(most, int(least / (1 - self._random.random())))

"""Texts to ask patterns about: one for each class of texts that the operators of a field can distinguish.

Every operator on text reads it from left to right and remembers little. So all of them are run side by side as
one automaton, over the characters that they know and one that none of them knows; each set of answers that can
be reached gives a class, and the shortest text on the way there stands for it. Nothing is left out, unless the
automaton grows too big, which is an error.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Final, TypeAlias

from snapshot_tuner.model import Json
from snapshot_tuner.policy.patterns.operators import Operator, segments

STEPS_MOST: Final = 600_000
"""About half a second of work for one field."""

UNKNOWN_TO_ALL: Final = "another"
"""Stands for all texts that no pattern names, where patterns name whole texts only."""

_LIKELY: Final = "xzqjkvw0123456789abcdefghilmnoprstuy"
_ALL: Final = range(0x110000)


class TooManyTextsError(Exception):
    """The operators of a field distinguish more classes of texts than can be gone through; says in which way."""


@dataclass(frozen=True, slots=True)
class TextTest:
    """An operator on text: the text between its stars; `folded` where either case is meant."""

    parts: tuple[str, ...]
    folded: bool = False


def text_test(operator: Operator, operand: Json) -> TextTest:
    """What an operator on text asks."""
    folded = operator is Operator.EQUALS_IGNORE_CASE
    if isinstance(operand, dict):
        (operand,) = operand.values()
        folded = True
    text = str(operand)
    if folded:
        text = text.casefold()
    match operator:
        case Operator.PREFIX:
            return TextTest((text, ""), folded)
        case Operator.SUFFIX:
            return TextTest(("", text), folded)
        case Operator.WILDCARD:
            return TextTest(tuple(segments(text)))
        case _:
            return TextTest((text,), folded)


def examples(whole: set[str], operators: set[TextTest], *, attribute: bool) -> list[str]:
    """A text of each class; an `attribute` is never empty and has no control characters.

    Raises TooManyTextsError.
    """
    if not operators:
        unknown = UNKNOWN_TO_ALL
        while unknown in whole:
            unknown += _LIKELY[0]
        return [*sorted(text for text in whole if not attribute or _is_attribute(text)), unknown]
    found = _search(whole, sorted(operators, key=repr), attribute=attribute)
    return sorted(found, key=lambda text: (text not in whole, len(text), text))


_State: TypeAlias = tuple[str | None, tuple[int, ...]]
"""What of the text may still become one of the whole texts; then, for each operator, where it can be."""


def _search(whole: set[str], operators: list[TextTest], *, attribute: bool) -> list[str]:
    machines = [_Machine(test) for test in operators]
    alphabet = [char for char in _alphabet(whole, operators) if not attribute or _is_attribute(char)]
    beginnings = {text[:end] for text in whole for end in range(len(text) + 1)}
    start: _State = ("", tuple(machine.start for machine in machines))
    found: dict[tuple[str | None, tuple[bool, ...]], str] = {}
    seen = set()
    ahead: deque[tuple[str, _State]] = deque([("", start)])
    steps = 0
    while ahead:
        text, (beginning, states) = ahead.popleft()
        answers = tuple(machine.accepts(state) for machine, state in zip(machines, states, strict=True))
        key = (beginning if beginning in whole else None, answers)
        if not found.get(key) and (text or not attribute):
            found[key] = text  # the empty text only stands for a class that has no other
        steps += len(alphabet) * (len(machines) + 1)
        if steps > STEPS_MOST:
            raise TooManyTextsError("are too many to go through")
        for char in alphabet:
            longer = None if beginning is None or beginning + char not in beginnings else beginning + char
            state = (longer, tuple(machine.step(at, char) for machine, at in zip(machines, states, strict=True)))
            if state not in seen:
                seen.add(state)
                ahead.append((text + char, state))
    return list(found.values())


@dataclass(slots=True)
class _Machine:
    """Where in the operator's text a reader can be: a bit for each position, a star being one position."""

    test: TextTest
    start: int = 0
    _tokens: list[str] = field(default_factory=list)
    _known: dict[tuple[int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first, *others = self.test.parts
        self._tokens = [*first, *(token for part in others for token in (_STAR, *part))]
        self.start = self._over_stars(1)

    def accepts(self, state: int) -> bool:
        return bool(state >> len(self._tokens) & 1)

    def step(self, state: int, char: str) -> int:
        if not state:
            return 0
        known = self._known.get((state, char))
        if known is None:
            known = state
            for each in char.casefold() if self.test.folded else char:
                known = self._one(known, each)
            self._known[state, char] = known
        return known

    def _one(self, state: int, char: str) -> int:
        after = 0
        for at, token in enumerate(self._tokens):
            if state >> at & 1:
                if token == _STAR:
                    after |= 1 << at
                elif token == char:
                    after |= 1 << at + 1
        return self._over_stars(after)

    def _over_stars(self, state: int) -> int:
        for at, token in enumerate(self._tokens):
            if token == _STAR and state >> at & 1:
                state |= 1 << at + 1
        return state


_STAR: Final = ""
"""No character is empty, so this is none of them."""


def _alphabet(whole: set[str], operators: list[TextTest]) -> list[str]:
    known = {char for text in whole for char in text}
    folded: set[str] = set()
    for test in operators:
        (folded if test.folded else known).update(*test.parts)
    known |= {char for each in folded for char in _folding_to(each)}
    # What no text knows is all the same to them; it should look like a part of an id.
    unknown = next(
        char
        for char in chain(_LIKELY, map(chr, range(0x100, 0xD800)))
        if char not in known and folded.isdisjoint(char.casefold())
    )
    return [unknown, *sorted(known)]


def _folding_to(char: str) -> set[str]:
    return {char, *_unfolded().get(char, ())}


@cache
def _unfolded() -> dict[str, list[str]]:
    """For each character the others that are folded to it, or to several of which it is one."""
    found: dict[str, list[str]] = {}
    for char in map(chr, _ALL):
        if (folded := char.casefold()) != char:
            for each in folded:
                found.setdefault(each, []).append(char)
    return found


def _is_attribute(text: str) -> bool:
    return bool(text) and all(ord(char) >= ord(" ") and not 0x7F <= ord(char) < 0xA0 for char in text)  # noqa: PLR2004 - DEL and C1

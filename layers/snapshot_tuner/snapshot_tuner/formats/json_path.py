"""The plain part of JSONPath (RFC 9535): a name, then steps that each lead to one value.

`.name`, `['dotted.name']`, `[0]`, `[-1]` for the last, and `[?@.name=='x']` for the first element of a list that has
it. No wildcards, no recursion, no functions: a path finds one value or nothing, in one pass over what it looks at.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from snapshot_tuner.model import Json


class Absent(Enum):
    """What a path finds where there is nothing; JSON's null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

Found: TypeAlias = "Json | Absent"

_NAME: Final = r"[^.\[\]{}\s]+"
_TEXT: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAME_STEP: Final = rf"\.({_NAME})|\[({_TEXT})\]"
_STEP: Final = re.compile(
    rf"{_NAME_STEP}|\[(-?[0-9]{{1,9}})\]"
    rf"|\[\?\s*@((?:\.[^.\[\]{{}}\s=]+|\[(?:{_TEXT})\])+)\s*==\s*({_TEXT}|-?[0-9]+(?:\.[0-9]+)?|true|false|null)\s*\]"
)
_MEMBER: Final = re.compile(_NAME_STEP)
_ROOT: Final = re.compile(_NAME)
_ESCAPED: Final = re.compile(r"\\(.)")
_WORDS: Final[Mapping[str, Json]] = {"true": True, "false": False, "null": None}

_FORM: Final = "a path is names joined by dots, such as data.RoomId; or ['a.name'], [0], [-1] or [?@.name=='x']"


class First(NamedTuple):
    """The first element of a list whose member, some names down, equals a value."""

    names: tuple[str, ...]
    value: Json


Step: TypeAlias = str | int | First


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path; `text` is how it was spelled."""

    text: str
    root: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> "JsonPath":
        """Raises ValueError, with the reason, for what is not a path."""
        root = _ROOT.match(text)
        if root is None:
            empty = not text or text.startswith(".")
            raise ValueError(f"{_FORM}; a name is empty here" if empty else f"{_FORM}; no spaces, no braces")
        steps: list[Step] = []
        at = root.end()
        while at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                raise ValueError(_reason(text, at))
            steps.append(_step(found))
            at = found.end()
        path = cls(text, root[0], tuple(steps))
        names = [root[0], *(step for step in steps if isinstance(step, str))]
        if not all(name.isprintable() for name in names):
            raise ValueError(f"{_FORM}; no spaces, no braces")
        return path

    def reader(self) -> Callable[[Found], Found]:
        """Finds what the steps lead to, from the value of the root on."""
        return reader(self.steps)


def reader(steps: Sequence[Step]) -> Callable[[Found], Found]:
    """ABSENT where a name or an element is missing, or something on the way is of another kind."""
    if not steps:
        return lambda found: found
    if len(steps) == 1 and isinstance(only := steps[0], str):
        return lambda found: found.get(only, ABSENT) if isinstance(found, dict) else ABSENT

    def read(found: Found) -> Found:
        for step in steps:
            if isinstance(step, str):
                found = found.get(step, ABSENT) if isinstance(found, dict) else ABSENT
            elif isinstance(found, list):
                found = _first(found, step) if isinstance(step, First) else _element(found, step)
            else:
                return ABSENT
        return found

    return read


def replaced(value: Json, steps: Sequence[Step], new: Json) -> Json:
    """A copy with another value where the steps lead, which has to be there; what is beside the way is shared."""
    if not steps:
        return new
    step, *others = steps
    if isinstance(value, dict) and isinstance(step, str):
        return {**value, step: replaced(value[step], others, new)}
    if isinstance(value, list) and not isinstance(step, str):
        index = step if isinstance(step, int) else next(i for i, each in enumerate(value) if _has(each, step))
        return [replaced(each, others, new) if i == index % len(value) else each for i, each in enumerate(value)]
    raise ValueError("there is nothing to replace")


def _element(elements: list[Json], index: int) -> Found:
    return elements[index] if -len(elements) <= index < len(elements) else ABSENT


def _first(elements: list[Json], wanted: First) -> Found:
    for element in elements:
        if _has(element, wanted):
            return element
    return ABSENT


def _has(element: Json, wanted: First) -> bool:
    found: Found = element
    for name in wanted.names:
        if not isinstance(found, dict):
            return False
        found = found.get(name, ABSENT)
    # True equals 1 in Python, not in JSON.
    return found == wanted.value and isinstance(found, bool) == isinstance(wanted.value, bool)


def _step(found: re.Match[str]) -> Step:
    name, quoted, index, members, literal = found.groups()
    if index is not None:
        return int(index)
    if members is not None:
        names = tuple(_name(each) for each in _MEMBER.finditer(members))
        return First(names, _literal(literal))
    return name if name is not None else _unquoted(quoted)


def _name(found: re.Match[str]) -> str:
    return found[1] if found[1] is not None else _unquoted(found[2])


def _literal(text: str) -> Json:
    if text[0] in "'\"":
        return _unquoted(text)
    if text in _WORDS:
        return _WORDS[text]
    return Decimal(text) if "." in text else int(text)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])


def _reason(text: str, at: int) -> str:
    if text[at] == "." and (at + 1 == len(text) or text[at + 1] in ".["):
        return f"{_FORM}; a name is empty here"
    if text[at] == "[":
        return f"{_FORM}; {text[at:]!r} is none of these"
    return f"{_FORM}; no spaces, no braces"

"""Which tasks a signal is about: the policy's `target` templates, filled in from the signal.

A template is text with `{path}` placeholders: `{data.RoomId}`, `room-{data.id}`. There is no way to write a
brace as text, because no id can hold one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.model import Json, Signal, TaskRef
from snapshot_tuner.policy.paths import SignalPath

MAX_TASKS: Final = 100
"""One event may name this many tasks; more is taken for a mistake of its sender."""

MAX_ID_CHARACTERS: Final = 128
_ID: Final = re.compile(r"[a-zA-Z0-9_@.\-]{1,128}")
"""The provider's ids: `[a-zA-Z0-9_@\\-\\.]{1,128}` (UpdateSnapshot, Version 2023-11-01)."""

_NOT_OF_IDS: Final = re.compile(r"[^a-zA-Z0-9_@.\-]")

_MAX_ID_BITS: Final = (10**MAX_ID_CHARACTERS).bit_length()

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A template, taken apart; `_format` has a %s for each of the paths. `_only`: of one that is nothing but a path."""

    name: str
    _format: str
    _paths: tuple[SignalPath, ...]
    _only: SignalPath | None

    @classmethod
    def parse(cls, name: str, text: str) -> "Template":
        """`name` is the member of `target`. Raises ValueError, with the reason, for what is not a template."""
        literals = tuple(_PLACEHOLDER.split(text)[::2])
        for literal in literals:
            if "{" in literal or "}" in literal:
                raise ValueError("a brace only begins or ends a placeholder, such as {data.RoomId}")
            if (reason := _forbidden_character(literal)) is not None:
                raise ValueError(reason)
        paths = tuple(SignalPath.parse(path) for path in _PLACEHOLDER.findall(text))
        if not text:
            raise ValueError("must not be empty")
        if sum(map(len, literals)) > MAX_ID_CHARACTERS:
            raise ValueError(f"an id has at most {MAX_ID_CHARACTERS} characters")
        only = paths[0] if len(paths) == 1 and not any(literals) else None
        return cls(name, "%s".join(literals), paths, only)  # no literal has a % in it

    def fill(self, signal: Signal) -> str:
        """The one id. Raises EventRejected, naming the path."""
        return self._alone(signal) or self._join([_as_text(path.text, path.read(signal)) for path in self._paths])

    def fill_if_present(self, signal: Signal) -> str | None:
        """The one id, or None where a path finds nothing or null."""
        for path in self._paths:
            found = path.read(signal)
            if found is ABSENT or found is None:
                return None
        return self.fill(signal)

    def fill_each(self, signal: Signal) -> list[str]:
        """The ids, in order and each once: several where the only placeholder finds a list."""
        alone = self._alone(signal)
        if alone is not None:
            return [alone]
        found = self._paths[0].read(signal) if len(self._paths) == 1 else ABSENT
        if not isinstance(found, list):
            return [self.fill(signal)]
        field = self._paths[0].text
        if not found:
            raise EventRejected(field, "an empty list")
        if len(found) > MAX_TASKS:
            raise EventRejected(field, f"{len(found)} tasks; at most {MAX_TASKS}")
        ids = (self._join([_as_text(f"{field}[{i}]", item)], f"{field}[{i}]") for i, item in enumerate(found))
        return list(dict.fromkeys(ids))

    def _alone(self, signal: Signal) -> str | None:
        """The usual case: a template that is one path, which finds an id."""
        if self._only is not None:
            found = self._only.read(signal)
            if isinstance(found, str) and _ID.fullmatch(found):
                return found
        return None

    def _join(self, values: Sequence[str], field: str | None = None) -> str:
        whole = self._format % tuple(values)
        if len(whole) > MAX_ID_CHARACTERS:
            if field is None:
                field = self._paths[0].text if len(self._paths) == 1 else f"target.{self.name}"
            raise EventRejected(field, f"{len(whole)} characters; at most {MAX_ID_CHARACTERS}")
        return whole


@dataclass(frozen=True, slots=True)
class Target:
    """The four templates of a policy."""

    app_id: Template
    room_id: Template
    task_id: Template
    business_id: Template

    def tasks(self, signal: Signal) -> list[TaskRef]:
        """The tasks that the signal is about, at least one. Raises EventRejected, naming the field."""
        app_id = self.app_id.fill(signal)
        room_id = self.room_id.fill(signal)
        return [TaskRef(app_id, room_id, task_id) for task_id in self.task_id.fill_each(signal)]

    def business(self, signal: Signal) -> str | None:
        """The business id, None if the event has none. Raises EventRejected, naming the field."""
        return self.business_id.fill_if_present(signal)


def is_id(text: str) -> bool:
    """Whether the provider could have a task, a room or an application of this name."""
    return _ID.fullmatch(text) is not None


def _as_text(field: str, value: Found) -> str:
    if isinstance(value, str) and is_id(value):
        return value
    if value is ABSENT:
        raise EventRejected(field, "missing")
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > _MAX_ID_BITS:  # str() refuses integers of thousands of digits
            raise EventRejected(field, f"an integer of more than {MAX_ID_CHARACTERS} digits")
        return str(value)
    if not isinstance(value, str):
        raise EventRejected(field, f"must be a string or an integer, not {_kind(value)}")
    if not value:
        raise EventRejected(field, "empty")
    if (reason := _forbidden_character(value[: MAX_ID_CHARACTERS + 1])) is not None:
        raise EventRejected(field, reason)
    raise EventRejected(field, f"{len(value)} characters; at most {MAX_ID_CHARACTERS}")


def _forbidden_character(text: str) -> str | None:
    found = _NOT_OF_IDS.search(text)
    return f"{found[0]!a} is not allowed; letters, digits and _ @ - . are" if found else None


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case Decimal():
            return "a decimal number"
        case list():
            return "a list"
        case _:
            return "an object"

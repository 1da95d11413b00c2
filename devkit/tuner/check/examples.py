"""Example events: from classes of values to a CloudEvent, and what the real policy decides about it."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import pairwise
from typing import Final

from devkit.tuner.check.boxes import Box
from devkit.tuner.check.constraints import Path
from devkit.tuner.check.coverage import Coverage, curve_path, parse_path
from devkit.tuner.check.findings import Example
from devkit.tuner.check.values import list_cells
from devkit.tuner.check.windows import EXAMPLE_TIME, TIME
from devkit.tuner.output import json_text
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.formats.json_path import ABSENT, First, Found, Step, reader
from snapshot_tuner.model import Json, Order, Signal
from snapshot_tuner.policy.targets import is_id

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_ELEMENTS_MOST: Final = 10


def point_in(coverage: Coverage, box: Box, *rules: int) -> dict[Path, int]:
    """One class for each field, so that an event of them is in the box and complete for what these rules do with it."""
    needed = dict(_targets(coverage))
    measured = {path for rule in rules if (path := curve_path(coverage, rule)) is not None}
    point = {}
    for path, axis in coverage.axes.items():
        mask = box.get(path, axis.everything)
        if path in measured:
            mask = mask & axis.numbers or mask
        cells = list_cells(mask)
        if path in needed:
            cells.sort(key=lambda cell: not _is_id(axis.values[cell]))
        point[path] = cells[0]
    return point


def show(coverage: Coverage, point: Mapping[Path, int], exactly: Mapping[Path, Found] | None = None) -> Example | None:
    """An event of these classes and its decision; None if no such event can be written.

    `exactly` has values to use instead of those that represent their classes.
    """
    values: dict[Path, Found] = {
        ("id",): "example-1",
        ("source",): "/example",
        ("type",): "example",
        TIME: EXAMPLE_TIME,
    }
    if coverage.document.order is Order.SEQUENCE:
        values["sequence",] = 1
    values |= _targets(coverage)
    values |= {path: coverage.axes[path].values[cell] for path, cell in point.items()}
    values |= exactly or {}
    event: dict[str, Json] = {"specversion": "1.0"}
    if not all(value is ABSENT or _put(event, path, value) for path, value in values.items()):
        return None
    try:
        (signal,) = signals.from_body(json_text(event), sent_us=None)
    except EventRejected:
        return None
    if not isinstance(signal, Signal):
        return None
    return Example(event, signal, coverage.policy.decide(signal))


def target_paths(coverage: Coverage) -> frozenset[Path]:
    """The fields that say which task an event is about."""
    return frozenset(path for path, _ in _targets(coverage))


def _targets(coverage: Coverage) -> Iterator[tuple[Path, str]]:
    document = coverage.document
    for target in (document.target, *(rule.target for rule in document.rules if rule.target is not None)):
        for name, template in (("app-1", target.app_id), ("room-1", target.room_id), ("task-1", target.task_id)):
            for path in PLACEHOLDER.findall(template):
                yield parse_path(path), name


def _is_id(value: Found) -> bool:
    return isinstance(value, str) and is_id(value)


def _put(event: dict[str, Json], path: Path, value: Json) -> bool:
    """False if something else is there, or if an example would be long."""
    holder: Json = event
    for step, after in pairwise(path):
        holder = _inner(holder, step, {} if isinstance(after, str) else [])
    match holder, path[-1]:
        case dict(), str(key) if not isinstance(holder.get(key), dict | list):
            holder[key] = value
        case list(), int(index) if _filled(holder, index, None) and not isinstance(holder[index], dict | list):
            holder[index] = value
        case _:
            return False
    return True


def _inner(holder: Json, step: Step, empty: Json) -> Json:
    match holder, step:
        case dict(), str():
            return holder.setdefault(step, empty)
        case list(), int() if _filled(holder, step, empty):
            return holder[step]
        case list(), First(names, value):
            found = reader([step])(holder)
            if found is ABSENT:
                found = {}
                holder.append(found)
                _put(found, names, value)
            return found
        case _:
            return None


def _filled(elements: list[Json], index: int, element: Json) -> bool:
    """Whether the list has, now, an element of this index."""
    count = index + 1 if index >= 0 else -index
    while len(elements) < min(count, _ELEMENTS_MOST):
        elements.append(deepcopy(element))
    return count <= _ELEMENTS_MOST

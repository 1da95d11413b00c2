"""Paths at which events have nothing: by the names that attributes have, and by events that were given."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final

from devkit.tuner.check.constraints import Path, spelled
from devkit.tuner.check.coverage import Coverage, parse_path
from devkit.tuner.check.examples import PLACEHOLDER, point_in, show
from devkit.tuner.check.findings import FindingKind, Suspicion
from snapshot_tuner.formats.json_path import ABSENT
from snapshot_tuner.model import Json, Place, Signal
from snapshot_tuner.policy.document_parts import CurveDocument
from snapshot_tuner.policy.paths import SignalPath
from snapshot_tuner.policy.patterns.compiler import Pattern, compile_checked
from snapshot_tuner.policy.patterns.operators import Operator

USUAL: Final = (
    *("id", "source", "type", "time", "sequence", "data"),
    *("subject", "datacontenttype", "dataschema", "traceparent", "tracestate", "partitionkey"),
    *("account", "region", "resources", "version"),
)
"""What CloudEvents and its extensions call attributes, and EventBridge."""

_SEEN_MOST: Final = 10_000


def unusual(coverage: Coverage) -> Iterator[Suspicion]:
    """Paths that begin with no attribute that an event usually has: mostly `data.` was forgotten."""
    for place, path, rule in (*_read(coverage), *_asked(coverage)):
        if path[0] in USUAL:
            continue
        near = get_close_matches(str(path[0]), USUAL, 1, 0.8)
        meant = spelled((*near, *path[1:])) if near else f"data.{spelled(path)}"
        message = f"{path[0]} is not an attribute that events usually have; did you mean {meant}?"
        box = next((box for i in coverage.examined() for box in coverage.decided[i] if i in (rule, None)), {})
        example = show(coverage, point_in(coverage, box), {(path[0],): ABSENT, path: ABSENT})
        name = () if rule is None else (coverage.policy.rules[rule].name,)
        yield Suspicion(FindingKind.UNUSUAL_ATTRIBUTE, place, name, message, () if example is None else (example,))


def finding_nothing(coverage: Coverage, events: Sequence[Signal]) -> Iterator[Suspicion]:
    """Paths at which none of the events has anything, except where a rule only asks that there is nothing."""
    seen: dict[str, None] = {}
    for event in events:
        _note(event.data, ("data",), seen)
    silent = [each for each in _read(coverage) if all(_reads_nothing(each[1], event) for event in events)]
    silent += [each for each in _asked(coverage) if not any(map(_anything_at(each[1]).matches, events))]
    for place, path, rule in silent:
        same = [each for each in seen if each.rpartition(".")[2].casefold() == str(path[-1]).casefold()]
        near = same[:1] or get_close_matches(spelled(path), seen, 1)
        meant = f"; {near[0]} is there" if near else ""
        where = "the event" if len(events) == 1 else f"any of {len(events):,} events"
        name = () if rule is None else (coverage.policy.rules[rule].name,)
        message = f"{spelled(path)} finds nothing in {where}{meant}"
        yield Suspicion(FindingKind.FINDS_NOTHING, place, name, message, ())


def _reads_nothing(path: Path, event: Signal) -> bool:
    return SignalPath.parse(spelled(path)).read(event) is ABSENT


def _anything_at(path: Path) -> Pattern:
    asked: Json = [{Operator.EXISTS.value: True}]
    for key in reversed(path[1:]):
        asked = {str(key): asked}
    return compile_checked({str(path[0]): asked})


def _read(coverage: Coverage) -> Iterator[tuple[Place, Path, int | None]]:
    """What curves and targets read; not what may be absent."""
    document = coverage.document
    for name in sorted(document.target.model_fields_set - {"business_id"}):
        for text in PLACEHOLDER.findall(getattr(document.target, name)):
            yield ("target", name), parse_path(text), None
    for i, rule in enumerate(document.rules):
        for name in sorted(rule.target.model_fields_set - {"business_id"}) if rule.target is not None else ():
            for text in PLACEHOLDER.findall(getattr(rule.target, name)):
                yield ("rules", i, "target", name), parse_path(text), i
        if isinstance(rule.interval, CurveDocument):
            yield ("rules", i, "interval", "of"), parse_path(rule.interval.of), i


def _asked(coverage: Coverage) -> Iterator[tuple[Place, Path, int | None]]:
    """What patterns ask for, each once for its rule."""
    for i, ways in enumerate(coverage.ways):
        leaves = {leaf.place: leaf for way in ways for leaf in way if set(map(str, leaf.items)) != {_ABSENCE}}
        for place, leaf in leaves.items():
            yield place, leaf.path, i


_ABSENCE: Final = str({Operator.EXISTS.value: False})


def _note(value: Json, path: Path, seen: dict[str, None]) -> None:
    todo = [(value, path)]
    while todo and len(seen) < _SEEN_MOST:
        value, path = todo.pop()
        if isinstance(value, dict):
            todo.extend((inner, (*path, key)) for key, inner in value.items())
        elif isinstance(value, list):
            todo.extend((inner, path) for inner in value)
        else:
            seen[spelled(path)] = None

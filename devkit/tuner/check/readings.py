"""Readings that no body reaches: hidden by one before them, or asking for what no list of objects has."""

from collections.abc import Iterator, Mapping

from devkit.tuner.check.findings import FindingKind, Suspicion
from snapshot_tuner.events.readings.forms import ReadingForm
from snapshot_tuner.events.readings.templates import BODY, ITEM, Scope
from snapshot_tuner.model import Json, Place
from snapshot_tuner.policy.document import PolicyDocument
from snapshot_tuner.policy.patterns.operators import Operator
from snapshot_tuner.policy.readings.checks import EVENTS, form_of


def hidden(document: PolicyDocument) -> Iterator[Suspicion]:
    """Each that is for bodies which one before it takes all."""
    forms = [form_of(reading) for reading in document.events]
    for index, form in enumerate(forms):
        before = next((other for other in forms[:index] if _takes_all(other, form)), None)
        if before is not None:
            names = (before["name"], form["name"])
            message = f"reading {names[1]!r} is never used: {names[0]!r} before it reads every body that it is for"
            yield Suspicion(FindingKind.NEVER_MATCHES, (EVENTS, index), names, message, ())


def asking_lists(document: PolicyDocument) -> Iterator[Suspicion]:
    """`exists` about a list whose elements are objects: it asks about leaves, and an object is not one."""
    for index, reading in enumerate(document.events):
        form = form_of(reading)
        for path in _lists_of_objects(form):
            at = _exists_at(reading.match or {}, path)
            if at is not None:
                place: Place = (EVENTS, index, "match", *at)
                spelled = ".".join((BODY, *path))
                never = f"never matches: {spelled} is a list of objects, and exists asks for values"
                message = f"reading {form['name']!r} {never}"
                yield Suspicion(FindingKind.NEVER_MATCHES, place, (form["name"],), message, ())


def _takes_all(before: ReadingForm, form: ReadingForm) -> bool:
    """Whether a body that the one matches is matched by the other, as far as can be seen from exact values."""
    whole = {} if not form["match"] else _merged(form["match"])
    return (before["inside"] or not form["inside"]) and all(_implied(match, whole) for match in before["match"])


def _merged(matches: list[dict[str, Json]]) -> Mapping[str, Json]:
    """Of what a built-in one and its narrower match ask for at the same place, the latter."""
    merged: dict[str, Json] = {}
    for match in matches:
        merged |= match
    return merged


def _implied(wanted: Mapping[str, Json], asked: Mapping[str, Json]) -> bool:
    """Whether what is asked for makes sure of what is wanted."""
    for key, value in wanted.items():
        there = asked.get(key)
        match value, there:
            case dict(), dict():
                if not _implied(value, there):
                    return False
            case list(), list():
                if not all(item in value for item in there) and not _is_any(value, there):
                    return False
            case _:
                return False
    return True


def _is_any(value: list[Json], there: list[Json]) -> bool:
    """Whether it is enough that there is a value, and what is asked for is one."""
    is_value = all(not isinstance(item, dict) or Operator.EXISTS not in item for item in there)
    return {str(Operator.EXISTS): True} in value and is_value


def _lists_of_objects(form: ReadingForm) -> Iterator[tuple[str, ...]]:
    """The lists of the body whose elements are asked for members."""
    for each in [part["each"] for part in form["parts"] if part["each"]] or [form["each"]]:
        for loop in Scope(each).loops[:1]:
            steps = tuple(step for step in loop.path.steps if isinstance(step, str))
            if loop.path.root == BODY and len(steps) == len(loop.path.steps) and f"{{{loop.name or ITEM}." in str(form):
                yield steps


def _exists_at(match: Mapping[str, Json], path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where in a pattern nothing but `exists: true` is asked about a path."""
    found: Json = dict(match)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return path if found == [{str(Operator.EXISTS): True}] else None

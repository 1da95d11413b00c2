"""The readings of a policy file: their mistakes, and the form that they are made from."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from snapshot_tuner.events.attributes import GIVEN_PREFIXES, READING_PREFIX
from snapshot_tuner.events.readings.forms import ATTRIBUTES, FieldsForm, PartForm, ReadingForm
from snapshot_tuner.events.readings.templates import BODY, Scope, Template
from snapshot_tuner.formats import times
from snapshot_tuner.formats.json_path import JsonPath
from snapshot_tuner.model import Json, Place
from snapshot_tuner.policy.patterns.compiler import compile_body_pattern
from snapshot_tuner.policy.patterns.operators import Report
from snapshot_tuner.policy.readings.built_in import BUILT_IN
from snapshot_tuner.policy.readings.document import FieldsDocument, ReadingDocument

EVENTS: Final = "events"
_DATA: Final = "data"


def form_of(reading: ReadingDocument) -> ReadingForm:
    """What an entry of `events:` says; for a built-in one, including what is beside `use`."""
    built_in = BUILT_IN.get(reading.use or "", {})
    own = _fields(reading)
    base = cast("FieldsForm", {key: value for key, value in built_in.items() if key in (*ATTRIBUTES, _DATA)})
    parts: list[PartForm] = [_built_in_part(part, own) for part in built_in.get("parts", [])]
    if reading.parts:
        parts = [
            {"where": part.where, "each": _listed(part.each) or None, "fields": _fields(part)} for part in reading.parts
        ]
    return {
        "name": reading.called,
        "match": [match for match in (built_in.get("match"), reading.match) if match],
        "inside": reading.use is not None or reading.inside is True,
        "open": reading.open or [],
        "each": _listed(built_in.get("each")) or _listed(reading.each),
        "parts": parts,
        "fields": {**base, **own},
        "numbers": reading.numbers or [],
        "zone": reading.zone,
        "is_alert": reading.use is not None,
        "left_out": built_in.get("left_out"),
    }


def check_readings(readings: Sequence[ReadingDocument], report: Report) -> None:
    """Every mistake that is not one of shape goes to `report`."""
    named: dict[str, int] = {}
    greedy: str | None = None
    for index, reading in enumerate(readings):
        place: Place = (EVENTS, index)
        name = reading.called
        if name in named:
            of = f"of entry {named[name] + 1} already"
            report((*place, "use" if reading.name is None else "name"), f"is the name {of}: give it another `name`")
        named.setdefault(name, index)
        if greedy is not None:
            report(place, f"is never reached: {greedy} before it matches every body")
        form = form_of(reading)
        if greedy is None and not form["match"]:
            greedy = f"reading {name!r}"
        _check(form, reading, place, report)


def _check(form: ReadingForm, reading: ReadingDocument, place: Place, report: Report) -> None:
    compile_body_pattern(reading.match or {}, (*place, "match"), report)
    for index, text in enumerate(form["open"]):
        _check_path(text, (*place, "open", index), BODY, report)
    for index, text in enumerate(form["numbers"]):
        _check_path(text, (*place, "numbers", index), _DATA, report)
    if form["zone"] is not None:
        try:
            times.zone(form["zone"])
        except ValueError as error:
            report((*place, "zone"), str(error))
    _check_fields(form, place, report, is_built_in=reading.use is not None)


def _check_fields(form: ReadingForm, place: Place, report: Report, *, is_built_in: bool) -> None:
    # What is wrong in a built-in part comes from beside `use`.
    places: list[Place] = [place if is_built_in else (*place, "parts", i) for i in range(len(form["parts"]))]
    parts = {id(part): at for part, at in zip(form["parts"], places, strict=True)}
    own_lists: list[PartForm | None] = [part for part in form["parts"] if part["each"] is not None]
    for own in own_lists or [None]:
        each_at = place if own is None else parts[id(own)]
        try:
            scope = Scope(form["each"] if own is None else own["each"] or [])
        except ValueError as error:
            report((*each_at, "each"), str(error))
            continue
        _check_templates(form["fields"], place, scope, report)
        for part in form["parts"] if own is None else [own]:
            compile_body_pattern(part["where"] or {}, (*parts[id(part)], "where"), report)
            _check_templates(part["fields"], parts[id(part)], scope, report)


def _check_templates(fields: FieldsForm, place: Place, scope: Scope, report: Report) -> None:
    for name in ATTRIBUTES:
        if isinstance(text := fields.get(name), str):
            _check_template(text, (*place, name), scope, report)
            if name == "source" and text.startswith(GIVEN_PREFIXES) and not text.startswith(READING_PREFIX):
                report((*place, name), f"must not begin with {' or '.join(GIVEN_PREFIXES[:-1])}: these are given")
            if not text:
                report((*place, name), "must not be empty")
    if _DATA in fields:
        _check_data(fields[_DATA], (*place, _DATA), scope, report)


def _check_data(data: Json, place: Place, scope: Scope, report: Report) -> None:
    match data:
        case str():
            _check_template(data, place, scope, report)
        case dict():
            for key, value in data.items():
                _check_data(value, (*place, key), scope, report)
        case list():
            for index, value in enumerate(data):
                _check_data(value, (*place, index), scope, report)


def _check_template(text: str, place: Place, scope: Scope, report: Report) -> None:
    try:
        Template.parse(text, scope)
    except ValueError as error:
        report(place, str(error))


def _check_path(text: str, place: Place, root: str, report: Report) -> None:
    try:
        path = JsonPath.parse(text)
    except ValueError as error:
        report(place, str(error))
        return
    if path.root != root or not path.steps:
        report(place, f"must begin with {root} and lead into it, such as {root}.load")


def _fields(document: FieldsDocument) -> FieldsForm:
    given = {name: getattr(document, name) for name in (*ATTRIBUTES, _DATA)}
    return cast("FieldsForm", {name: value for name, value in given.items() if value is not None})


def _built_in_part(part: Mapping[str, Json], own: FieldsForm) -> PartForm:
    """What is beside `use` changes its parts, too."""
    where, each = part.get("where"), part.get("each")
    fields = {key: value for key, value in part.items() if key in (*ATTRIBUTES, _DATA)}
    return {
        "where": where if isinstance(where, dict) else None,
        "each": [each] if isinstance(each, str) else None,
        "fields": cast("FieldsForm", {**fields, **own}),
    }


def _listed(each: str | Sequence[str] | None) -> list[str]:
    return [each] if isinstance(each, str) else list(each or [])

"""What is wrong with one element rejects that element; what is wrong with the body rejects the body."""

import json
from typing import Any

import pytest

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.readings.reading import ElementRejected
from snapshot_tuner.model import NoEvent, Signal
from tests.events.readings.reading_policies import ALERTMANAGER, alert, group, read, read_one, readings_of

LIST = """- name: own
  match: {kind: [k]}
  each: body.list
  id: "{item.id}"
  type: t
  time: "{item.time}"
  numbers: [data.load]
  data: {load: "{item.load}", deep: "{item.load.deep}", all: "{body.all}"}"""
GOOD = {"id": "good", "time": 1772355600, "load": "0.5"}


def body(*elements: object, **more: object) -> dict[str, Any]:
    return {"kind": "k", "list": list(elements), **more}


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        ({"load": "much"}, "reading own, data.load: must be a number, not 'much'"),
        ({"load": "NaN"}, "reading own, data.load: must be a number, not 'NaN'"),
        ({"load": [1]}, "reading own, data.load: must be a number, not a list"),
        (
            {"time": "soon"},
            "reading own, time: must be a time: RFC 3339, or s, ms, us or ns since 1970, not 'soon'",
        ),
        (
            {"time": None},
            "reading own, time: must be a time: RFC 3339, or s, ms, us or ns since 1970, not null",
        ),
        (
            {"time": 10**21},
            "reading own, time: must be a time: RFC 3339, or s, ms, us or ns since 1970, not this number",
        ),
        (
            {"time": "2026-03-01 09:00:00"},
            "reading own, time: must have a zone, such as Z or +08:00; or the reading a `zone`",
        ),
        ({"time": "2026-02-30T09:00:00Z"}, "reading own, time: must be a date and a time of day that exist"),
        ({"id": "x" * 1025}, "reading own, id: must have at most 1,024 characters"),
        ({"id": ""}, "reading own, id: must not be empty"),
        ({"id": {}}, "reading own, id: must be a string, not an object"),
        ({"id": "a\nb"}, "reading own, id: must not contain control characters (U+000A at 1)"),
    ],
)
def test_a_bad_element_is_rejected_alone(element: dict[str, Any], reason: str) -> None:
    """It names reading and field; its neighbours live."""
    before, bad, after = read(body(GOOD, {**GOOD, **element}, GOOD), LIST)
    assert isinstance(before, Signal)
    assert isinstance(after, Signal)
    assert isinstance(bad, ElementRejected)
    assert str(bad) == reason


@pytest.mark.parametrize("element", [None, 7, "text", [], {}])
def test_an_element_of_another_kind_is_rejected_alone(element: object) -> None:
    """A path into a text finds nothing."""
    bad, good = read(body(element, GOOD), LIST)
    assert str(bad) == "reading own, id: finds nothing"
    assert isinstance(good, Signal)


def test_a_path_into_a_text_leaves_its_member_out() -> None:
    """A rule that needs it says so."""
    assert read_one(body({**GOOD, "load": "0.5"}), LIST).data == {
        "load": json.loads("0.5", parse_float=__import__("decimal").Decimal)
    }


def rejection(document: object, text: str) -> str:
    with pytest.raises(EventRejected) as rejected:
        read(document, text)
    return str(rejected.value)


def test_a_thousand_elements_are_taken_and_one_more_is_not() -> None:
    """The message is rejected whole."""
    elements = [GOOD] * 1000
    assert len(read(body(*elements), LIST)) == 1000
    assert rejection(body(*elements, GOOD), LIST) == "reading own, body.list: has more than 1,000 elements"
    nested = LIST.replace("each: body.list", "each: [row in body.list, item in row]")
    assert len(read(body(elements[:400], elements[:600]), nested)) == 1000
    assert rejection(body(elements[:400], elements[:601]), nested) == (
        "reading own, body.list: leads to more than 1,000 elements"
    )


def test_what_a_body_makes_is_bounded_by_its_text() -> None:
    """A long text that all elements share would make much of little."""
    assert rejection(body(*[GOOD] * 1000, all="x" * 100_000), LIST) == (
        "reading own, body: would produce more than 4 times its own text"
    )
    # One that a few share, or a short one, is what senders do.
    assert len(read(body(GOOD, GOOD, all="x" * 100_000), LIST)) == 2
    assert len(read(body(*[GOOD] * 1000, all="x" * 200), LIST)) == 1000


def test_an_empty_list_holds_no_event() -> None:
    """Which is no mistake of anybody's."""
    assert read(body(), LIST) == [NoEvent("reading own: the body's list is empty")]
    assert read(group(), ALERTMANAGER) == [NoEvent("reading alertmanager: the body's list is empty")]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"kind": "k"}, "reading own, body.list: finds nothing; it must be a list or an object"),
        ({"kind": "k", "list": "text"}, "reading own, body.list: is 'text'; it must be a list or an object"),
    ],
)
def test_a_body_without_its_list_is_rejected_whole(document: object, reason: str) -> None:
    """Nobody knows what is missing."""
    assert rejection(document, LIST) == reason


def test_a_list_that_one_element_lacks_rejects_that_element() -> None:
    """A list in a list."""
    nested = LIST.replace("each: body.list", "each: [row in body.list, item in row.inner]")
    bad, good = read(body({}, {"inner": [GOOD]}), nested)
    assert str(bad) == "reading own, each: row.inner finds nothing; it must be a list or an object"
    assert isinstance(good, Signal)


def test_what_the_sender_left_out_is_said() -> None:
    """Beside the alerts that are there."""
    first, note = read(group(alert(), truncatedAlerts=3), ALERTMANAGER)
    assert isinstance(first, Signal)
    assert note == NoEvent("reading alertmanager: the sender left 3 elements out of the body", left_out=3)


def test_text_that_is_no_json_is_rejected_whole() -> None:
    """`open` names the path; what is open already stays so, and what is missing is said."""
    text = LIST.replace("each:", "open: [body.list]\n  each:")
    assert rejection({"kind": "k", "list": "{"}, text).startswith("reading own, body.list: is not JSON")
    assert rejection({"kind": "k"}, text) == "reading own, body.list: is missing"
    assert len(read({"kind": "k", "list": json.dumps([GOOD])}, text)) == 1
    assert len(read(body(GOOD), text)) == 1


def test_no_body_can_claim_a_source_that_is_given() -> None:
    """A reading may take the source from the body; who claims that of a caller meets nobody's ids."""
    text = LIST.replace("type: t", 'type: t\n  source: "{item.source}"')
    own, claimed = read(body({**GOOD, "source": "/mine"}, {**GOOD, "source": "caller:monitor"}), text)
    assert isinstance(own, Signal)
    assert str(claimed) == ("reading own, source: must not begin with caller: or rtc: or /events/: these are given")


def test_an_incomplete_envelope_that_no_reading_knows_says_what_it_lacks() -> None:
    """A complete one comes first, then readings, then this error."""
    assert rejection({"specversion": "1.0", "type": "t"}, LIST) == "id: is missing"
    complete = {"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "kind": "k", "list": [GOOD]}
    assert read_one(complete, LIST).type == "t"
    assert len(read(body(GOOD, GOOD, specversion="1.0"), LIST)) == 2
    assert not readings_of(LIST).find({"kind": "other"}, inside=False)

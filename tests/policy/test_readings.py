"""Mistakes in the readings of a policy: found when it is loaded, each with its line and column."""

import pytest

from snapshot_tuner.policy.loader import examine
from snapshot_tuner.policy.readings.built_in import BUILT_IN

KEYS = "id, source, type, time, sequence, data, use, name, match, inside, open, each, parts, numbers, target, zone"
PATH = "a path is names joined by dots, such as data.RoomId; or ['a.name'], [0], [-1] or [?@.name=='x']"
NAMES = "body, record, item, index, key, value"
RULES = "rules: [{name: all, interval: 5}]"
OWN = "name: own, match: {a: [1]}, type: t"


def mistakes(entry: str) -> list[tuple[int, int, str, str]]:
    found = examine(f"version: 1\nevents:\n  - {{{entry}}}\n{RULES}\n").problems
    return [(problem.line, problem.column, problem.place, problem.reason) for problem in found]


@pytest.mark.parametrize(
    ("entry", "place", "reason"),
    [
        (f'{OWN}, id: "{{boddy.x}}"', "id", "'boddy' is not one of the names here: body, record"),
        (f'{OWN}, time: "{{item.ts}}"', "time", "'item' is not one of the names here: body, record"),
        (f'{OWN}, data: {{x: ["{{index}}"]}}', "data.x[0]", "'index' is not one of the names here: body, record"),
        (f'{OWN}, each: body.l, id: "{{index.x}}"', "id", "index has no members"),
        (f'{OWN}, id: "{{record.topics}}"', "id", "record has id, key, topic, headers"),
        (f'{OWN}, id: "{{record}}"', "id", "record has id, key, topic, headers"),
        (f'{OWN}, id: "{{body.x"', "id", "a brace only begins or ends a placeholder, such as {item.load}"),
        (f"{OWN}, each: rooms", "each", "'rooms' is not one of the names here: body, record"),
        (f"{OWN}, each: [room in body.r, room in room.t]", "each", "'room' is already the name of something else"),
        (f"{OWN}, each: index in body.r", "each", "'index' is already the name of something else"),
        (f"{OWN}, open: [data.x]", "open[0]", "must begin with body and lead into it, such as body.load"),
        (f"{OWN}, numbers: [load]", "numbers[0]", "must begin with data and lead into it, such as data.load"),
        (f"{OWN}, source: 'rtc:x'", "source", "must not begin with caller: or rtc:: these are given"),
        (f"{OWN}, zone: Mars", "zone", "must be an offset such as +08:00, or a time zone's name such as Asia/Shanghai"),
        (
            f'{OWN}, zone: "+24:00"',
            "zone",
            "must be an offset such as +08:00, or a time zone's name such as Asia/Shanghai",
        ),
        ("name: own, match: {a: 1}, type: t", "match.a", "must be a list or an object: put the value in a list"),
        ("name: own, match: {}", "", "type: is missing"),
        ("name: own, type: t", "", "match: is missing; a reading says which bodies it is for"),
        ("match: {a: [1]}, type: t", "", "name: is missing; only a built-in reading has one already"),
        ("use: alertmanger", "use", f"must be one of {', '.join(BUILT_IN)}"),
        ("use: grafana, each: body.x", "", "each: is the built-in reading's own; write a reading of another name"),
        ("use: grafana, data: {x: '{item.a..b}'}", "data.x", f"{PATH}; a name is empty here"),
        (f"{OWN}, parts: [{{type: u}}]", "parts[0]", "needs either where or each, and not both"),
        (f"{OWN}, each: body.x, parts: [{{each: body.y}}]", "", "each: the parts have lists of their own already"),
        (
            f"{OWN}, parts: [{{where: {{x: 1}}, type: u}}]",
            "parts[0].where.x",
            "must be a list or an object: put the value in a list",
        ),
        (
            f"{OWN}, parts: [{{each: body.y, time: '{{thing}}'}}]",
            "parts[0].time",
            f"'thing' is not one of the names here: {NAMES}",
        ),
        (f"{OWN}, foreach: body.x", "foreach", f"unknown key; known here are {KEYS}"),
    ],
)
def test_a_mistake_is_found_when_the_policy_is_loaded(entry: str, place: str, reason: str) -> None:
    """With line and column, and in the words of the file."""
    (found,) = mistakes(entry)
    where = ", ".join(part for part in ("events entry 1", place) if part)
    assert (found[0], found[2], found[3]) == (3, where, reason)
    key = place.rpartition(".")[2]
    if not key.endswith("]"):  # an element of a list begins where it says something
        assert found[1] == len("  - {") + (entry.rindex(f"{key}:") if key else 0) + (1 if key else 0)


def test_a_reading_behind_one_that_matches_everything_is_never_reached() -> None:
    """As with rules. A built-in one is told apart by its name."""
    text = f"version: 1\nevents:\n  - {{name: all, match: {{}}, type: t}}\n  - use: grafana\n{RULES}\n"
    assert [str(each) for each in examine(text).problems] == [
        "line 4, events entry 2: is never reached: reading 'all' before it matches every body"
    ]
    text = f"version: 1\nevents:\n  - use: grafana\n  - use: grafana\n{RULES}\n"
    assert [str(each) for each in examine(text).problems] == [
        "line 4, events entry 2, use: is the name of entry 1 already: give it another `name`"
    ]


def test_a_built_in_reading_can_stand_twice_with_narrower_matches() -> None:
    """Each under a name of its own."""
    entries = "\n".join(
        f"  - {{use: alertmanager, name: {name}, match: {{receiver: [{name}]}}}}" for name in ("red", "blue")
    )
    assert not examine(f"version: 1\nevents:\n{entries}\n{RULES}\n").problems

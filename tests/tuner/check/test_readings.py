"""Readings that no body gets to."""

import pytest

from devkit.tuner.check.inspection import inspect


def messages(*entries: str) -> list[str]:
    events = "\n".join(f"  - {{{entry}}}" for entry in entries)
    text = f"version: 1\nevents:\n{events}\nrules: [{{name: all, interval: 5}}]\n"
    found = inspect(text, "policy.yaml")
    assert not found.mistakes
    return [f"{each.mark.line}: {each.suspicion.message}" for each in found.suspicious]


HIDDEN = "4: reading 'b' is never used: 'a' before it reads every body that it is for"


@pytest.mark.parametrize(
    ("first", "second", "is_hidden"),
    [
        ("{k: [1, 2]}", "{k: [1]}", True),
        ("{k: [1]}", "{k: [1, 2]}", False),
        ("{k: [1]}", "{k: [1], other: [2]}", True),
        ("{k: [1], other: [2]}", "{k: [1]}", False),
        ("{k: [{exists: true}]}", "{k: [1]}", True),
        ("{k: [{exists: true}]}", "{k: [{exists: false}]}", False),
        ("{k: {deep: [1]}}", "{k: {deep: [1]}}", True),
        ("{k: [{prefix: a}]}", "{k: [{prefix: ab}]}", False),
    ],
)
def test_a_reading_behind_one_that_reads_all_its_bodies_is_told(first: str, second: str, is_hidden: bool) -> None:  # noqa: FBT001 - a case of the table
    """As far as exact values show it."""
    found = messages(f"name: a, match: {first}, type: t", f"name: b, match: {second}, type: t")
    assert found == ([HIDDEN] if is_hidden else [])


def test_a_built_in_reading_hides_its_narrower_self() -> None:
    """The other way round both are used."""
    narrow, whole = "use: grafana, name: b, match: {receiver: [one]}", "use: grafana, name: a"
    assert messages(whole, narrow) == [HIDDEN]
    assert messages(narrow, whole) == []


def test_exists_over_a_list_of_objects_never_matches() -> None:
    """An object is no value; a list of texts has some."""
    objects = 'name: a, match: {list: [{exists: true}]}, each: body.list, type: t, id: "{item.id}"'
    assert messages(objects) == [
        "3: reading 'a' never matches: body.list is a list of objects, and exists asks for values"
    ]
    assert messages(objects.replace("{item.id}", "{item}")) == []

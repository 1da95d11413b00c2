"""Every kind of mistake of a policy file, with its place and its reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import PolicyError
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.loader import PolicyMistake, examine


def problems(text: str) -> list[str]:
    return [str(problem) for problem in examine(text).problems]


def in_rule(members: str) -> list[str]:
    """The problems of a policy whose third line holds these members of its only rule."""
    return problems(f"version: 1\nrules:\n- {{name: r, {members}}}\n")


RULE_KEYS = "name, match, interval, hold, when, target, bounds, for, then, default, ends, lengthen_after, urgent"
TOP_KEYS = "version, order, require_time, events, bounds, target, lengthen_after, skip_unchanged_within, limits, rules"
SECONDS = "must be a whole number of seconds from 1 to 600"
IS_TEXT = "must be text; a number or a boolean needs quotes to be one"
NUMERIC = 'must be pairs of an operator and a number: ["=", 5], [">", 0], [">=", 0, "<", 5]'
NO_ATTRIBUTE = (
    "no attribute has this name; the names are id, source, type (or detail-type), time, sequence, "
    "data (or detail), or another of lower-case letters and digits"
)
QUOTE = "put it in quotes if it is text"
PATH = "a path is names joined by dots, such as data.RoomId; or ['a.name'], [0], [-1] or [?@.name=='x']"

WHOLE_FILES: list[tuple[str, list[str]]] = [
    ("", ["line 1: the file is empty"]),
    ("# nothing but a comment\n", ["line 1: the file is empty"]),
    ("[1]", ["line 1: must be an object"]),
    ("policy", ["line 1: must be an object"]),
    ("a: [", ["line 2: not YAML: did not find expected node content"]),
    ("a: 1\n\tb: 2\n", ["line 2: not YAML: found a tab character that violates indentation"]),
    ("a: \x00", ["line 1: not YAML: control characters are not allowed"]),
    ("a: \ud800", ["line 1: not YAML: surrogates not allowed"]),
    ("a: 1\n--- \nb: 2\n", ["line 2: more than one document in the file"]),
    ("[" * 100_000, ["line 1: nested deeper than 40 levels"]),
    ("{}", ["line 1, version: is missing", "line 1, rules: is missing"]),
    ("version: 1\nrules: []\n", ["line 2, rules: must hold at least one rule"]),
    ("version: 1\nrules:\n", ["line 2, rules: must be a list"]),
    ("version: 1\nrules: [5]\n", ["line 2, rule 1: must be an object"]),
    ("version: 2\nrules: [{name: a, interval: 5}]\n", ["line 1, version: must be 1"]),
    ("version: true\nrules: [{name: a, interval: 5}]\n", ["line 1, version: must be 1"]),
    ("version: 1.0\nrules: [{name: a, interval: 5}]\n", ["line 1, version: must be 1"]),
]


@pytest.mark.parametrize(("text", "expected"), WHOLE_FILES)
def test_a_file_that_is_no_policy_says_what_it_lacks(text: str, expected: list[str]) -> None:
    """Empty, not YAML, too deep, of the wrong kind: one line says where and why."""
    assert problems(text) == expected


HEADS: list[tuple[str, list[str]]] = [
    ("order: newest", ["line 2, order: must be 'time' or 'sequence'"]),
    ("order: [time]", ["line 2, order: must be 'time' or 'sequence'"]),
    ("bounds: 5", ["line 2, bounds: must be an object"]),
    ("bounds: {min: 0, max: 601}", [f"line 2, bounds.min: {SECONDS}", f"line 2, bounds.max: {SECONDS}"]),
    ("bounds: {min: 10, max: 5}", ["line 2, bounds: min 10 is greater than max 5"]),
    ("bounds: {min: 1.5}", [f"line 2, bounds.min: {SECONDS}"]),
    ("bounds: {low: 1}", ["line 2, bounds.low: unknown key; known here are min, max"]),
    ("extra: 1", [f"line 2, extra: unknown key; known here are {TOP_KEYS}"]),
    (
        "target: {room: x}",
        ["line 2, target.room: unknown key; known here are app_id, room_id, task_id, business_id"],
    ),
    ("target: {room_id: 5}", [f"line 2, target.room_id: {IS_TEXT}"]),
    ("target: {room_id: ''}", ["line 2, target.room_id: must not be empty"]),
    (
        "target: {room_id: 'a b'}",
        ["line 2, target.room_id: ' ' is not allowed; letters, digits and _ @ - . are"],
    ),
    (
        "target: {room_id: '{data.a'}",
        ["line 2, target.room_id: a brace only begins or ends a placeholder, such as {data.RoomId}"],
    ),
    ("target: {room_id: '{data.a b}'}", [f"line 2, target.room_id: {PATH}; no spaces, no braces"]),
    ("target: {room_id: '{data..a}'}", [f"line 2, target.room_id: {PATH}; a name is empty here"]),
    (
        "target: {room_id: '{Data.a}'}",
        [f"line 2, target.room_id: {NO_ATTRIBUTE}"],
    ),
    (f"target: {{room_id: {'x' * 129}}}", ["line 2, target.room_id: an id has at most 128 characters"]),
]


@pytest.mark.parametrize(("head", "expected"), HEADS)
def test_a_mistake_above_the_rules_is_named(head: str, expected: list[str]) -> None:
    """Order, bounds and target are checked before any event is."""
    assert problems(f"version: 1\n{head}\nrules: [{{name: a, interval: 5}}]\n") == expected


RULES: list[tuple[str, list[str]]] = [
    ("interval: 0", [f"line 3, rule 'r', interval: {SECONDS}"]),
    ("interval: 601", [f"line 3, rule 'r', interval: {SECONDS}"]),
    ("interval: 5.0", [f"line 3, rule 'r', interval: {SECONDS}"]),
    ("interval: 5s", [f"line 3, rule 'r', interval: {SECONDS}"]),
    ("interval: true", [f"line 3, rule 'r', interval: {SECONDS}"]),
    ("interval: null", ["line 3, rule 'r', interval: has no value: give it one, or leave the key out"]),
    ("hold: false", ["line 3, rule 'r', hold: must be true"]),
    ("hold: 1", ["line 3, rule 'r', hold: must be true"]),
    ("hold: null", ["line 3, rule 'r', hold: has no value: give it one, or leave the key out"]),
    ("match: {}", ["line 3, rule 'r': needs either interval or hold: true, and not both"]),
    ("interval: 5, hold: true", ["line 3, rule 'r': needs either interval or hold: true, and not both"]),
    ("interval: {of: data.x}", ["line 3, rule 'r', interval.curve: is missing"]),
    (
        "interval: {of: data.x, curve: [[1, 2], [2, 3]], else: 5}",
        ["line 3, rule 'r', interval.else: unknown key; known here are of, curve"],
    ),
    ("interval: 5, urgent: false", ["line 3, rule 'r', urgent: must be true, or be left out"]),
    (
        "hold: true, urgent: true",
        ["line 3, rule 'r': urgent: hold changes nothing, so nothing of it can go first"],
    ),
    (
        "interval: {of: x y, curve: [[1, 2], [2, 3]]}",
        [f"line 3, rule 'r', interval.of: {PATH}; no spaces, no braces"],
    ),
    (
        "interval: {of: data.x, curve: [[1, 2], [2, x], [3]]}",
        [
            "line 3, rule 'r', interval.curve[1]: must be a point of two numbers, such as [0.8, 10]",
            "line 3, rule 'r', interval.curve[2]: must be a point of two numbers, such as [0.8, 10]",
        ],
    ),
    (
        "interval: {of: data.x, curve: [[1, 2]]}",
        ["line 3, rule 'r', interval.curve: needs at least two points; for one, write the interval itself"],
    ),
    (
        "interval: {of: data.x, curve: [[1, 2], [1.0, 3]]}",
        ["line 3, rule 'r', interval.curve: the first numbers must ascend; 1.0 follows 1"],
    ),
    (
        "interval: {of: data.x, curve: [[1, 2], [2, 601]]}",
        ["line 3, rule 'r', interval.curve: the second numbers are seconds from 1 to 600; 601 is not"],
    ),
    ("match: [x], interval: 5", ["line 3, rule 'r', match: must be an object"]),
    ("match: , interval: 5", ["line 3, rule 'r', match: must be an object"]),
    (
        'match: {type: [t], data: {load: [{numeric: [">=", "a"]}]}}, interval: 5',
        [f"line 3, rule 'r', match.data.load[0].numeric: {NUMERIC}"],
    ),
    (
        "targets: {}, interval: 5",
        [f"line 3, rule 'r', targets: unknown key; known here are {RULE_KEYS}"],
    ),
]


@pytest.mark.parametrize(("members", "expected"), RULES)
def test_a_mistake_in_a_rule_is_named_with_the_rule(members: str, expected: list[str]) -> None:
    """Line, rule, place in the rule, reason."""
    assert in_rule(members) == expected


def test_rules_have_names_of_their_own() -> None:
    """A name is there, is short, and is used once; the second user is told where the first is."""
    text = "version: 1\nrules:\n- {name: a, match: {x: [1]}, interval: 5}\n- {name: a, match: {x: [2]}, hold: true}\n"
    assert problems(text) == ["line 4, rule 'a', name: is already the name of the rule on line 3"]
    name = "must be 1 to 64 of letters, digits and _ . -"
    for bad in ("a b", "x" * 65, "ä", "a\\n"):
        (problem,) = examine(f'version: 1\nrules: [{{name: "{bad}", interval: 5}}]').problems
        assert problem.reason == name
        assert problem.place.endswith(", name")
    assert problems("version: 1\nrules: [{name: '', interval: 5}]") == [f"line 2, rule 1, name: {name}"]
    assert problems("version: 1\nrules: [{name: 5, interval: 5}]") == [f"line 2, rule 1, name: {IS_TEXT}"]
    assert problems("version: 1\nrules: [{interval: 5}]") == ["line 2, rule 1, name: is missing"]


@pytest.mark.parametrize("match", ["", "match: {}, ", "match: {type: [{exists: true}]}, "])
def test_a_rule_behind_one_that_matches_everything_is_a_mistake(match: str) -> None:
    """It could never be reached; each such rule is named."""
    behind = "- {name: b, hold: true}\n- {name: c, hold: true}\n"
    text = f"version: 1\nrules:\n- {{name: all, {match}interval: 5}}\n{behind}"
    never = "is never reached: rule 'all' before it matches every event"
    assert problems(text) == [f"line 4, rule 'b': {never}", f"line 5, rule 'c': {never}"]


MANY = """version: 1
order: on
bounds: {min: 10, max: 5}
colour: red
target:
  room_id: "{data.Room Id}"
rules:
  - name: first
    match:
      type: rtc.room.load
      data:
        load: [{numeric: [">=", high]}]
        state: []
    interval: 0
  - name: first
    hold: true
  - name: last
    interval: 5s
"""


def test_all_mistakes_of_a_file_are_reported_at_once() -> None:
    """From the top to the bottom, each once, each with its line: one round of mending is enough."""
    with pytest.raises(PolicyError) as caught:
        Policy.parse(MANY, "policy.yaml")
    assert caught.value.problems == (
        f"line 2, order: 'on' reads as true or false in YAML 1.1: write true or false, or {QUOTE}",
        "line 3, bounds: min 10 is greater than max 5",
        f"line 4, colour: unknown key; known here are {TOP_KEYS}",
        f"line 6, target.room_id: {PATH}; no spaces, no braces",
        "line 10, rule 'first', match.type: must be a list or an object: put the value in a list",
        f"line 12, rule 'first', match.data.load[0].numeric: {NUMERIC}",
        "line 13, rule 'first', match.data.state: must not be an empty list",
        f"line 14, rule 'first', interval: {SECONDS}",
        "line 15, rule 'first', name: is already the name of the rule on line 8",
        "line 17, rule 'last': is never reached: rule 'first' before it matches every event",
        f"line 18, rule 'last', interval: {SECONDS}",
    )
    assert str(caught.value).startswith("policy.yaml: line 2, order: 'on' reads")


def test_a_problem_knows_its_line_and_column() -> None:
    """Both count from 1, and point at the key or at the item of a list."""
    found = examine("version: 1\nrules:\n  - {name: a, interval: 0}\n").problems
    assert found == (PolicyMistake(3, 15, "rule 'a', interval", SECONDS),)


def refused(text: str) -> tuple[str, ...]:
    try:
        Policy.parse(text, "any")
    except PolicyError as error:
        return error.problems or ("no problem is told",)
    return ()


yaml_words = st.one_of(
    st.sampled_from(["version: 1", "rules:", "- name: a", "  match:", "    interval: 5", "{numeric: [>, 1]}"]),
    st.sampled_from(["{", "}", "[", "]", "&a", "*a", "!!x", "<<", "? ", ": ", "\n", "\n  ", "- ", ",", "'", '"', "|"]),
    st.sampled_from(["1e9", "on", "$or", "prefix", "\t"]),
)


@given(st.one_of(st.text(st.characters(), max_size=60), st.lists(yaml_words, max_size=25).map("".join)))
def test_whatever_the_text_nothing_but_a_policy_error_is_raised(text: str) -> None:
    """Any text is a policy or a list of problems, each a line that can be printed."""
    assert all(problem.isprintable() and problem.startswith("line ") for problem in refused(text))


words = (
    "version order bounds min target room_id rules name match data type interval of curve hold $or prefix "
    "anything-but numeric exists wildcard"
)
json_documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 700) | st.sampled_from(["a", "{data.x}", "data.x", "time", ">=", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words.split()), inner, max_size=4),
    max_leaves=15,
)


@given(json_documents, json_documents)
def test_whatever_the_document_nothing_but_a_policy_error_is_raised(document: object, match: object) -> None:
    """JSON is YAML: documents of the right words in the wrong places are refused, or decide."""
    rule = {"name": "a", "match": match, "interval": document}
    for text in (json.dumps(document), json.dumps({"version": 1, "rules": [rule]})):
        assert all(problem.startswith("line ") for problem in refused(text))


def test_types_times_rules_of_any_type_are_bounded() -> None:
    """Each type has its own list of rules: the product is refused, not the rules of many types."""
    many = [f"{{name: t{i}, match: {{type: [t{i}]}}, hold: true}}" for i in range(1001)]
    any_type = [f"{{name: a{i}, match: {{source: [s{i}]}}, hold: true}}" for i in range(1000)]
    text = "version: 1\nrules: [" + ", ".join([*many, *any_type])
    (problem,) = examine(f"{text}]").problems
    reason = "1,001 types times 1,000 rules that name no types: more than 1,000,000"
    assert (problem.place, problem.reason) == ("rules", reason)
    assert examine("version: 1\nrules: [" + ", ".join([*many[1:], *any_type]) + "]").problems == ()

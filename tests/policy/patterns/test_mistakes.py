"""What is no event pattern, and what the operator is told about it."""

from typing import Any

import pytest

from snapshot_tuner.model import Place
from snapshot_tuner.policy.patterns.compiler import compile_pattern


def mistakes(match: dict[str, Any]) -> list[tuple[Place, str]]:
    found: list[tuple[Place, str]] = []
    compile_pattern(match, (), lambda place, reason: found.append((place, reason)))
    return found


IS_TEXT = "must be text; a number or a boolean needs quotes to be one"
CIDR = "must be a range of IPv4 or IPv6 addresses, such as 10.0.0.0/8 or 2001:db8::/32"
OPERATOR = (
    "is an operator, not a field: operators go in a list, [{%s: ...}] "
    "(a field of this name is asked for with a dot, such as data.prefix)"
)
NUMERIC = 'must be pairs of an operator and a number: ["=", 5], [">", 0], [">=", 0, "<", 5]'
ANYTHING_BUT = "must be text or a number, a list of only texts or only numbers, or one operator on text"
ATTRIBUTE = (
    "no attribute has this name; the names are id, source, type (or detail-type), time, sequence, "
    "data (or detail), or another of lower-case letters and digits"
)

MISTAKES: list[tuple[Any, str, str]] = [
    ({"a": "x"}, "a", "must be a list or an object: put the value in a list"),
    ({"a": None}, "a", "must be a list or an object: put the value in a list"),
    ({"a": []}, "a", "must not be an empty list"),
    ({"a": {}}, "a", "must not be an empty object"),
    ({"a": [["x"]]}, "a 0", "must be a value or an operator, not a list"),
    ({"a": [{}]}, "a 0", "must hold exactly one operator, not 0"),
    ({"a": [{"prefix": "a", "suffix": "b"}]}, "a 0", "must hold exactly one operator, not 2"),
    (
        {"a": [{"exactly": "x"}]},
        "a 0 exactly",
        "unknown operator; known are prefix, suffix, equals-ignore-case, anything-but, numeric, exists, wildcard, cidr",
    ),
    ({"numeric": [">", 1]}, "numeric", OPERATOR % "numeric"),
    ({"$or": [{"a": [1]}, {"cidr": ["10.0.0.0/8"]}]}, "$or 1 cidr", OPERATOR % "cidr"),
    ({"a": [{"cidr": "10.0.0.0"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "10.0.0.0/33"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "10.0.0.0/-1"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "10.0.0.0/255.0.0.0"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "010.0.0.0/8"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "2400:6500:FF00::36FB:1F80/222"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "::ffff:10.0.0.0/120"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": "example.com/24"}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": ["10.0.0.0/8"]}]}, "a 0 cidr", CIDR),
    ({"a": [{"cidr": 10}]}, "a 0 cidr", CIDR),
    ({"a.b": {}}, "a.b", "must not be an empty object"),
    ({"a.b": "x"}, "a.b", "must be a list or an object: put the value in a list"),
    ({"a.b": [{"prefix": 1}]}, "a.b 0 prefix", IS_TEXT),
    ({"a.b": {"c.d": [[]]}}, "a.b c.d 0", "must be a value or an operator, not a list"),
    ({"a.b": [1], "a": [2]}, "a", "asks for the same field as 'a.b', or for one that contains it"),
    ({"a.$or": [{"b": [1]}, {"c": [1]}]}, "a.$or", "$or is not a field: no path leads to it"),
    ({".".join("a" * 65): [1]}, ".".join("a" * 65), "is nested deeper than any event can be: 64 levels"),
    ({"a": [{"prefix": 1}]}, "a 0 prefix", IS_TEXT),
    ({"a": [{"suffix": {"prefix": "a"}}]}, "a 0 suffix", "must be text, or {equals-ignore-case: text}"),
    ({"a": [{"prefix": {"equals-ignore-case": 1}}]}, "a 0 prefix equals-ignore-case", IS_TEXT),
    ({"a": [{"equals-ignore-case": ["x"]}]}, "a 0 equals-ignore-case", IS_TEXT),
    ({"a": [{"exists": "true"}]}, "a 0 exists", "must be true or false"),
    (
        {"a": [{"wildcard": "a**"}]},
        "a 0 wildcard",
        "** is not allowed: one * stands for any number of characters",
    ),
    (
        {"a": [{"wildcard": "a\\b"}]},
        "a 0 wildcard",
        "a backslash may only stand before * or another backslash",
    ),
    ({"a": [{"wildcard": "a\\"}]}, "a 0 wildcard", "a backslash may only stand before * or another backslash"),
    ({"a": [{"numeric": 5}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": []}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": [">"]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": [">", "5"]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": [">", True]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": ["!=", 5]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": ["<", 5, ">", 0]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": ["=", 5, "<", 6]}]}, "a 0 numeric", NUMERIC),
    ({"a": [{"numeric": [">", 0, "<", 5, "<", 6]}]}, "a 0 numeric", NUMERIC),
    (
        {"a": [{"numeric": [">=", 5, "<=", 5]}]},
        "a 0 numeric",
        "the lower bound must be below the upper; 5 is not below 5",
    ),
    ({"a": [{"anything-but": []}]}, "a 0 anything-but", ANYTHING_BUT),
    ({"a": [{"anything-but": ["x", 1]}]}, "a 0 anything-but", ANYTHING_BUT),
    ({"a": [{"anything-but": None}]}, "a 0 anything-but", ANYTHING_BUT),
    (
        {"a": [{"anything-but": {"numeric": ["=", 1]}}]},
        "a 0 anything-but",
        "must hold exactly one operator on text: prefix, suffix, equals-ignore-case, wildcard",
    ),
    ({"a": [{"anything-but": {"prefix": []}}]}, "a 0 anything-but prefix", "must not be an empty list"),
    ({"a": [{"anything-but": {"prefix": ["x", 1]}}]}, "a 0 anything-but prefix 1", IS_TEXT),
    (
        {"a": [{"anything-but": {"suffix": ""}}]},
        "a 0 anything-but suffix",
        "must not be empty: every text has an empty prefix and suffix",
    ),
    (
        {"a": [{"anything-but": {"wildcard": "**"}}]},
        "a 0 anything-but wildcard",
        "** is not allowed: one * stands for any number of characters",
    ),
    ({"$or": {"a": [1]}}, "$or", "must be a list of at least 2 objects"),
    ({"$or": [{"a": [1]}]}, "$or", "must be a list of at least 2 objects"),
    ({"$or": [{"a": [1]}, {}]}, "$or 1", "must be an object with at least one field"),
    ({"$or": [{"a": [1]}, 5]}, "$or 1", "must be an object with at least one field"),
]


@pytest.mark.parametrize(("fields", "place", "reason"), MISTAKES)
def test_each_mistake_is_named_with_its_place(fields: dict[str, Any], place: str, reason: str) -> None:
    """What is no event pattern is an error when the policy is loaded, not a rule that never matches."""
    at = tuple(int(part) if part.isdigit() else part for part in place.split())
    assert mistakes({"data": fields}) == [(("data", *at), reason)]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"Type": ["x"]}, [(("Type",), ATTRIBUTE)]),
        ({"type": ["x"], "detail-type": ["x"]}, [(("detail-type",), "is another name for 'type', which is also here")]),
        ({"detail": {"a": [1]}, "data": {"a": [1]}}, [(("data",), "is another name for 'detail', which is also here")]),
        ({"detail.a": [1], "data": {"b": [1]}}, [(("data",), "is another name for 'detail', which is also here")]),
        ({"Data.a": [1]}, [(("Data.a",), ATTRIBUTE)]),
        (
            {"data.a": [1], "data": {"a": [2]}},
            [
                (("data.a",), "asks for the same field as 'a', or for one that contains it"),
                (("data", "a"), "asks for the same field as 'data.a', or for one that contains it"),
            ],
        ),
        ({"source": [5]}, [(("source", 0), "source is always text: put the value in quotes")]),
        (
            {"$or": [{"detail-type": [None]}, {"a": [1]}]},
            [(("$or", 0, "detail-type", 0), "detail-type is always text: put the value in quotes")],
        ),
    ],
)
def test_each_mistake_about_an_attribute_is_named(match: dict[str, Any], expected: list[tuple[Place, str]]) -> None:
    """Attributes have names that exist, one of two at a time, and text where they are always text."""
    assert mistakes(match) == expected


def test_what_a_pattern_costs_is_bounded() -> None:
    """Operators are asked one by one about each element of a list; exact values are looked up, so many are fine."""
    prefixes: list[Any] = [{"prefix": f"p{i}"} for i in range(256)]
    assert mistakes({"data": {"a": [*prefixes, *(f"v{i}" for i in range(5000))]}}) == []
    too_many = [((), "has 257 operators; at most 256 (exact values are not counted)")]
    assert mistakes({"data": {"a": [*prefixes, {"suffix": "s"}]}}) == too_many
    assert mistakes({"data": {"$or": [{"a": prefixes}, {"a": [{"exists": True}]}]}}) == too_many
    texts: list[Any] = [f"p{i}" for i in range(257)]
    assert mistakes({"data": {"a": [{"anything-but": {"prefix": texts}}]}}) == too_many
    assert mistakes({"data": {"a": [{"anything-but": texts}]}}) == []

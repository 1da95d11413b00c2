"""Patterns as EventBridge decides them: its User Guide, and what its engine documents (github.com/aws/event-ruler).

Each case is written after what these say; where a case of ours comes out differently on purpose, it stands in
`DIFFERENT`, with what EventBridge would say.
"""

from decimal import Decimal
from typing import Any

import pytest

from snapshot_tuner.model import Signal
from tests.policy.patterns.compiling import compiled
from tests.policy.patterns.slow_evaluator import matches

NESTED = {"state": {"status": "running", "code": 16}, "tags": {"kubernetes.io/role": "node"}}
DOTTED = {"state.status": "running", "state.code": 16, "tags.kubernetes.io/role": "node"}
STAFF = {"staff": [[{"first": "Ann", "last": "Lee"}, {"first": "Bo", "last": "Ng"}], [{"first": "Cy", "last": "Fox"}]]}
NETWORK = {"source-ip": "10.0.0.33", "six": "2001:db8::ff00:42:8329", "hops": ["192.168.0.1", "10.9.0.1"]}

SAME: list[tuple[str, dict[str, Any], Any, bool]] = [
    # dots in keys
    ("a dotted key is a nested one", {"state.status": ["running"]}, NESTED, True),
    ("a nested key finds a dotted one of the event", {"state": {"status": ["running"]}}, DOTTED, True),
    ("a dotted key finds a dotted one", {"state.status": ["running"]}, DOTTED, True),
    ("another value", {"state.status": ["stopped"]}, NESTED, False),
    ("a key that has dots in the event", {"tags": {"kubernetes.io/role": ["node"]}}, NESTED, True),
    ("the same, all of it with dots", {"tags.kubernetes.io/role": ["node"]}, NESTED, True),
    ("two of one object", {"state.status": ["running"], "state": {"code": [16]}}, NESTED, True),
    ("two of one object, of which one is another", {"state.status": ["running"], "state.code": [17]}, NESTED, False),
    ("absence below a dotted key", {"state.reason": [{"exists": False}]}, NESTED, True),
    ("absence of what an event spells with a dot", {"state": {"status": [{"exists": False}]}}, DOTTED, False),
    ("dots beside alternatives", {"$or": [{"state.code": [1]}, {"state.status": ["running"]}]}, NESTED, True),
    ("dots lead through lists of objects", {"staff.first": ["Bo"]}, STAFF, True),
    ("dots keep objects of a list apart", {"staff.first": ["Bo"], "staff.last": ["Fox"]}, STAFF, False),
    # lists of objects
    ("one object has both", {"staff": {"first": ["Ann"], "last": ["Lee"]}}, STAFF, True),
    ("two objects have one each", {"staff": {"first": ["Ann"], "last": ["Fox"]}}, STAFF, False),
    ("an empty list is nothing", {"staff": {"first": [{"exists": True}]}}, {"staff": []}, False),
    ("lists of values meet in one", {"tags": ["a", "z"]}, {"tags": ["y", "z"]}, True),
    ("no element is the only one wanted", {"tags": ["a"]}, {"tags": ["y", "z"]}, False),
    # cidr
    ("an address in a range", {"source-ip": [{"cidr": "10.0.0.0/24"}]}, NETWORK, True),
    ("an address outside", {"source-ip": [{"cidr": "10.0.1.0/24"}]}, NETWORK, False),
    ("a range by any of its addresses", {"source-ip": [{"cidr": "10.0.0.77/24"}]}, NETWORK, True),
    ("all of IPv4", {"source-ip": [{"cidr": "0.0.0.0/0"}]}, NETWORK, True),
    ("no IPv6 in a range of IPv4", {"six": [{"cidr": "0.0.0.0/0"}]}, NETWORK, False),
    ("IPv6 in a range", {"six": [{"cidr": "2001:db8::/32"}]}, NETWORK, True),
    ("IPv6 in another spelling", {"six": [{"cidr": "2001:DB8:0::FF00:42:0/112"}]}, NETWORK, True),
    ("no IPv4 in a range of IPv6", {"source-ip": [{"cidr": "::/0"}]}, NETWORK, False),
    ("an element of a list", {"hops": [{"cidr": "10.9.0.0/16"}]}, NETWORK, True),
    ("one of several ranges", {"source-ip": [{"cidr": "1.0.0.0/8"}, {"cidr": "10.0.0.0/8"}]}, NETWORK, True),
    ("what is no address", {"state.status": [{"cidr": "0.0.0.0/0"}]}, NESTED, False),
    ("a number", {"n": [{"cidr": "0.0.0.0/0"}]}, {"n": 167772161}, False),
    # anything-but
    ("anything but a prefix", {"s": [{"anything-but": {"prefix": "init"}}]}, {"s": "running"}, True),
    ("anything but prefixes", {"s": [{"anything-but": {"prefix": ["init", "err"]}}]}, {"s": "error"}, False),
    ("anything but a suffix", {"s": [{"anything-but": {"suffix": ".png"}}]}, {"s": "a.png"}, False),
    ("anything but suffixes", {"s": [{"anything-but": {"suffix": [".png", ".rar"]}}]}, {"s": "a.txt"}, True),
    ("anything but in either case", {"s": [{"anything-but": {"equals-ignore-case": ["STOP"]}}]}, {"s": "stop"}, False),
    ("anything but a wildcard", {"s": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"s": "/usr/lib/x"}, False),
    ("anything but wildcards", {"s": [{"anything-but": {"wildcard": ["*a", "*b"]}}]}, {"s": "c"}, True),
    ("anything but numbers", {"s": [{"anything-but": [100, 200]}]}, {"s": 100}, False),
    ("a list has something else", {"s": [{"anything-but": "a"}]}, {"s": ["a", "b"]}, True),
    ("nothing is no anything", {"s": [{"anything-but": "a"}]}, {}, False),
    # text
    ("a prefix in either case", {"s": [{"prefix": {"equals-ignore-case": "EVENTB"}}]}, {"s": "EventBridge"}, True),
    ("a suffix in either case", {"s": [{"suffix": {"equals-ignore-case": "tBridge"}}]}, {"s": "EVENTBRIDGE"}, True),
    ("a wildcard", {"s": [{"wildcard": "dir/*.png"}]}, {"s": "dir/sub/a.png"}, True),
    ("a star itself", {"s": [{"wildcard": r"a\*b"}]}, {"s": "axb"}, False),
    ("empty text", {"s": [""]}, {"s": ""}, True),
    ("null is a value", {"s": [None]}, {"s": None}, True),
    ("null is not nothing", {"s": [None]}, {}, False),
    # numbers, exists
    ("a number in another form", {"n": [Decimal("3.018e2")]}, {"n": Decimal("301.8")}, True),
    ("a range of numbers", {"n": [{"numeric": [">", 0, "<=", 5]}]}, {"n": 5}, True),
    ("text is no number", {"n": [{"numeric": ["=", 5]}]}, {"n": "5"}, False),
    ("an object does not exist", {"o": [{"exists": True}]}, {"o": {"x": 1}}, False),
    ("what is in it does", {"o": {"x": [{"exists": True}]}}, {"o": {"x": 1}}, True),
    ("null exists", {"n": [{"exists": True}]}, {"n": None}, True),
    # alternatives
    ("one of two", {"s": ["x"], "$or": [{"a": [1]}, {"b": [2]}]}, {"s": "x", "b": 2}, True),
    ("none of two", {"s": ["x"], "$or": [{"a": [1]}, {"b": [2]}]}, {"s": "x", "b": 3}, False),
    ("nested ones", {"$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}]}]}, {"c": 3}, True),
]

DIFFERENT: list[tuple[str, dict[str, Any], Any, bool]] = [
    ("numbers are exact", {"n": [Decimal("0.1")]}, {"n": Decimal("0.10000000000000000001")}, False),
    ("numbers have no largest", {"n": [{"numeric": [">", 10**400]}]}, {"n": 10**400 + 1}, True),
    ("letters fold as in Unicode", {"s": [{"equals-ignore-case": "STRASSE"}]}, {"s": "straße"}, True),
    (
        "absence in a list is that of one object",
        {"l": {"a": [1], "b": [{"exists": False}]}},
        {"l": [{"a": 1}, {"b": 2}]},
        True,
    ),
    ("a field beside $or has to match as well", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 2}, False),
    ("a range of one address", {"ip": [{"cidr": "10.0.0.1/32"}]}, {"ip": "10.0.0.1"}, True),
    ("an exact address is text", {"ip": ["::1"]}, {"ip": "0:0:0:0:0:0:0:1"}, False),
    ("IPv4 written as IPv6", {"ip": [{"cidr": "10.0.0.0/8"}]}, {"ip": "::ffff:10.0.0.1"}, True),
]


def decides(pattern: dict[str, Any], data: object) -> bool:
    return compiled({"detail": pattern}).matches(Signal("i", "/s", "t", 0, data))  # type: ignore[arg-type] # JSON


@pytest.mark.parametrize(("pattern", "data", "expected"), [pytest.param(*case, id=name) for name, *case in SAME])
def test_a_pattern_decides_as_in_eventbridge(pattern: dict[str, Any], data: object, *, expected: bool) -> None:
    """Of each operator, and of all that is said of nesting and lists; the slow evaluator says the same."""
    assert decides(pattern, data) is expected
    assert matches(pattern, data) is expected


@pytest.mark.parametrize(("pattern", "data", "expected"), [pytest.param(*case, id=name) for name, *case in DIFFERENT])
def test_a_pattern_decides_otherwise_on_purpose(pattern: dict[str, Any], data: object, *, expected: bool) -> None:
    """EventBridge says the opposite, or refuses the pattern; docs/policy.md lists these."""
    assert decides(pattern, data) is expected


WITH_PREFIX = {"state": {"status": "running"}, "prefix": "x"}


@pytest.mark.parametrize(
    "match",
    [
        {"detail.state.status": ["running"]},
        {"detail": {"state": {"status": ["running"]}}},
        {"data.prefix": ["x"], "data": {"state.status": ["running"]}},
    ],
)
def test_a_path_may_begin_at_the_attribute(match: dict[str, Any]) -> None:
    """detail.state.status is the same field; and so a field can have the name of an operator."""
    assert compiled(match).matches(Signal("i", "/s", "t", 0, WITH_PREFIX))  # type: ignore[arg-type] # JSON

"""The event patterns of `match`, against the examples of EventBridge's documentation."""

from decimal import Decimal
from typing import Any

import pytest

from snapshot_tuner.model import Signal
from snapshot_tuner.policy.patterns.grammar import matches_everything
from tests.policy.patterns.compiling import compiled


def signal(data: Any = None, **attributes: Any) -> Signal:  # noqa: ANN401 - an event's data may be anything
    return Signal(
        id="ddddd4-aaaa-7777",
        source="aws.ec2",
        type="EC2 Instance State-change Notification",
        time_us=1_506_961_489_000_000,
        data=data,
        sequence=7,
        attributes=attributes,
    )


RUNNING = {
    "state": "running",
    "c-count": 5,
    "x-limit": Decimal("301.8"),
    "instance-id": "i-000000aaaaaa00000",
    "nothing": None,
    "on": True,
    "one": 1,
    "empty": "",
    "none": [],
    "states": ["running", "stopped"],
    "nested": [["deep", [7]], {"inside": 1}],
    "object": {"leaf": 1},
}

CONDITIONS: list[tuple[str, Any, bool]] = [
    # exact values
    ("state", "running", True),
    ("state", "Running", False),
    ("empty", "", True),
    ("nothing", None, True),
    ("on", True, True),
    ("on", False, False),
    ("on", 1, False),
    ("one", True, False),
    ("one", 1, True),
    ("one", "1", False),
    ("c-count", Decimal("5.0"), True),
    ("c-count", Decimal("5E0"), True),
    ("x-limit", Decimal("3.018e2"), True),
    ("x-limit", Decimal("301.80000000000000000000000001"), False),
    ("missing", None, False),
    # text
    ("state", {"prefix": "run"}, True),
    ("state", {"prefix": "Run"}, False),
    ("state", {"prefix": ""}, True),
    ("c-count", {"prefix": ""}, False),
    ("state", {"prefix": {"equals-ignore-case": "RUN"}}, True),
    ("state", {"suffix": "ing"}, True),
    ("state", {"suffix": "run"}, False),
    ("state", {"suffix": {"equals-ignore-case": "NING"}}, True),
    ("state", {"equals-ignore-case": "RUNNING"}, True),
    ("state", {"equals-ignore-case": "RUN"}, False),
    ("c-count", {"equals-ignore-case": "5"}, False),
    ("state", {"wildcard": "r*n*g"}, True),
    ("state", {"wildcard": "*"}, True),
    ("state", {"wildcard": "r*x*g"}, False),
    ("on", {"wildcard": "*"}, False),
    # anything-but
    ("state", {"anything-but": "initializing"}, True),
    ("state", {"anything-but": "running"}, False),
    ("state", {"anything-but": ["stopped", "running"]}, False),
    ("x-limit", {"anything-but": [100, 200, 300]}, True),
    ("c-count", {"anything-but": [Decimal("5.0")]}, False),
    ("c-count", {"anything-but": "5"}, True),
    ("nothing", {"anything-but": "x"}, True),
    ("missing", {"anything-but": "x"}, False),
    ("object", {"anything-but": "x"}, False),
    ("state", {"anything-but": {"prefix": "init"}}, True),
    ("state", {"anything-but": {"prefix": ["init", "run"]}}, False),
    ("state", {"anything-but": {"suffix": "ing"}}, False),
    ("state", {"anything-but": {"equals-ignore-case": ["RUNNING"]}}, False),
    ("state", {"anything-but": {"wildcard": "*n*n*"}}, False),
    ("c-count", {"anything-but": {"prefix": "init"}}, True),
    # numeric
    ("c-count", {"numeric": [">", 0, "<=", 5]}, True),
    ("c-count", {"numeric": [">=", 0, "<", 5]}, False),
    ("c-count", {"numeric": ["<", 10]}, True),
    ("c-count", {"numeric": [">", 5]}, False),
    ("c-count", {"numeric": ["<=", 5]}, True),
    ("c-count", {"numeric": [">=", Decimal("5.00000000000000000000000001")]}, False),
    ("x-limit", {"numeric": ["=", Decimal("3.018e2")]}, True),
    ("state", {"numeric": [">", 0]}, False),
    ("on", {"numeric": ["=", 1]}, False),
    # exists
    ("c-count", {"exists": True}, True),
    ("nothing", {"exists": True}, True),
    ("missing", {"exists": True}, False),
    ("missing", {"exists": False}, True),
    ("c-count", {"exists": False}, False),
    ("object", {"exists": True}, False),
    ("object", {"exists": False}, True),
    ("none", {"exists": False}, True),
    ("none", {"exists": True}, False),
    # lists in the event: one element is enough, lists in lists count as one
    ("states", "stopped", True),
    ("states", "pending", False),
    ("states", {"anything-but": "stopped"}, True),
    ("states", {"anything-but": ["running", "stopped"]}, False),
    ("states", {"exists": True}, True),
    ("nested", 7, True),
    ("nested", {"prefix": "de"}, True),
    ("none", {"anything-but": "x"}, False),
]


@pytest.mark.parametrize(("field", "condition", "expected"), CONDITIONS)
def test_each_operator_takes_what_eventbridge_takes(field: str, condition: object, *, expected: bool) -> None:
    """A field matches or not as the EventBridge User Guide and event-ruler say; also as one of several values."""
    event = signal(RUNNING)
    assert compiled({"data": {field: [condition]}}).matches(event) is expected
    assert compiled({"detail": {field: ["no such value", condition]}}).matches(event) is expected


def test_all_fields_have_to_match_and_any_of_their_values() -> None:
    """Fields are joined by and, the values of a field by or."""
    both: dict[str, Any] = {"source": ["aws.s3", "aws.ec2"], "data": {"state": ["running"], "c-count": [5]}}
    assert compiled(both).matches(signal(RUNNING))
    both["data"]["c-count"] = [6]
    assert not compiled(both).matches(signal(RUNNING))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"type": ["EC2 Instance State-change Notification"]}, True),
        ({"detail-type": ["EC2 Instance State-change Notification"]}, True),
        ({"type": [{"prefix": "EC2 "}]}, True),
        ({"type": ["S3"]}, False),
        ({"type": ["S3", {"suffix": "Notification"}]}, True),
        ({"id": [{"prefix": "ddddd4"}]}, True),
        ({"time": [{"prefix": "2017-10-02"}]}, True),
        ({"time": ["2017-10-02T16:24:49Z"]}, True),
        ({"sequence": [{"numeric": ["=", 7]}]}, True),
        ({"account": ["012345679012"]}, True),
        ({"account": ["1"]}, False),
        ({"resources": [{"wildcard": "arn:*:instance/*"}]}, True),
        ({"subject": [{"exists": False}]}, True),
        ({"source": ["aws.ec2"], "type": ["S3"]}, False),
        ({}, True),
    ],
)
def test_every_attribute_can_be_matched(match: dict[str, Any], *, expected: bool) -> None:
    """id, source, type, time, sequence and the attributes that an envelope brings along, under either name."""
    event = signal({}, account="012345679012", resources=["arn:aws:ec2:us-east-1:1:instance/i-0"])
    assert compiled(match).matches(event) is expected


def test_an_attribute_cannot_be_shadowed_by_an_extension() -> None:
    """An extension that calls itself source is not the source."""
    assert not compiled({"source": ["forged"]}).matches(signal({}, source="forged"))


def test_or_joins_alternatives_on_every_level() -> None:
    """`$or` asks for one of its objects, next to the other fields; it may hold further ones."""
    match = {
        "source": ["aws.cloudwatch", "aws.ec2"],
        "$or": [
            {"account": ["1"]},
            {"data": {"$or": [{"a": [1]}, {"b": [2], "$or": [{"c": [3]}, {"d": [4]}]}]}},
        ],
    }
    pattern = compiled(match)
    assert pattern.matches(signal({}, account="1"))
    assert pattern.matches(signal({"a": 1}))
    assert pattern.matches(signal({"b": 2, "d": 4}))
    assert not pattern.matches(signal({"b": 2}))
    assert not pattern.matches(signal({"c": 3, "d": 4}))


EMPLOYEES = {
    "employees": [
        [{"first": "John", "last": "Doe"}, {"first": "Anna", "last": "Smith"}],
        [{"first": "Peter", "last": "Jones", "phone": 1}],
        "a stray text",
    ]
}


@pytest.mark.parametrize(
    ("employees", "expected"),
    [
        ({"first": ["Anna"]}, True),
        ({"first": ["Anna"], "last": ["Smith"]}, True),
        ({"first": ["Anna"], "last": ["Jones"]}, False),
        ({"first": ["Anna"], "phone": [{"exists": False}]}, True),
        ({"first": ["Peter"], "phone": [{"exists": False}]}, False),
        ({"phone": [{"exists": False}]}, False),
        ({"fax": [{"exists": False}]}, True),
        ({"$or": [{"phone": [{"exists": False}]}, {"first": ["John"]}]}, True),
    ],
)
def test_one_object_of_a_list_has_to_match_whole(employees: dict[str, Any], *, expected: bool) -> None:
    """event-ruler's example: no Anna Jones; and a pattern of nothing but absence has to hold for all."""
    assert compiled({"data": {"employees": employees}}).matches(signal(EMPLOYEES)) is expected


@pytest.mark.parametrize("data", [None, 5, "x", [], {}, {"a": None}, {"a": []}, {"a": {"c": 1}}])
def test_absence_holds_where_the_parent_is_missing(data: object) -> None:
    """`exists: false` asks about the leaf: without a parent, or below something that is no object, there is none."""
    assert compiled({"data": {"a": {"b": [{"exists": False}]}}}).matches(signal(data))
    assert not compiled({"data": {"a": {"b": [{"exists": True}]}}}).matches(signal(data))


def test_lists_a_hundred_thousand_deep_are_walked() -> None:
    """How deep lists go is the event's choice, and costs neither recursion nor more than linear time."""
    deep: Any = ["found"]
    for _ in range(100_000):
        deep = [deep]
    try:
        assert compiled({"data": {"a": ["found"]}}).matches(signal({"a": deep}))
        assert not compiled({"data": {"a": {"b": [1]}}}).matches(signal({"a": deep}))
    finally:
        while isinstance(deep[0], list):  # taken apart from outside: the interpreter would recurse
            (deep,) = deep


@pytest.mark.parametrize("odd", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_matches_no_numeric_condition(odd: str) -> None:
    """NaN and infinities raise nothing and match nothing numeric."""
    event = signal({"a": Decimal(odd)})
    for condition in (5, {"numeric": [">", 0]}, {"numeric": ["<", 0]}, {"numeric": ["=", 0]}):
        assert not compiled({"data": {"a": [condition]}}).matches(event)


def test_numbers_of_any_size_are_compared_exactly() -> None:
    """Exponents of 400, and integers beyond a float's precision, neither round nor overflow."""
    match = compiled({"data": {"a": [{"numeric": [">", 10**400]}]}})
    assert match.matches(signal({"a": 10**400 + 1}))
    assert not match.matches(signal({"a": Decimal("1E+400")}))
    assert match.matches(signal({"a": Decimal("1E+999999")}))
    assert not match.matches(signal({"a": Decimal("1E-400")}))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"type": [{"exists": True}]}, True),
        ({"detail-type": ["x", {"prefix": ""}], "source": [{"wildcard": "*"}]}, True),
        ({"$or": [{"type": ["x"]}, {"id": [{"exists": True}]}]}, True),
        ({"$or": [{"type": ["x"]}, {}]}, False),
        ({"type": ["x"]}, False),
        ({"data": {"a": [1]}}, False),
        ({"subject": [{"exists": True}]}, False),
    ],
)
def test_a_pattern_that_matches_everything_is_known_as_such(match: dict[str, Any], *, expected: bool) -> None:
    """Asking for nothing, or for attributes that no event is without, leaves nothing for the rules behind."""
    assert matches_everything(match) is expected

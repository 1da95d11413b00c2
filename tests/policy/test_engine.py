"""What the policy decides, and how it says so."""

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from snapshot_tuner.errors import PolicyError
from snapshot_tuner.model import Decision, Order, Signal, TaskRef, Verdict
from snapshot_tuner.policy.engine import Policy

SHIPPED = Path(__file__).parents[2] / "layers" / "policy" / "policy.yaml"
TASK = {"AppId": "app-1", "RoomId": "room-1", "TaskId": "task-1"}


def policy(rules: str = "[{name: all, interval: 5}]", head: str = "") -> Policy:
    return Policy.parse(f"version: 1\n{head}\nrules: {rules}\n", "test.yaml")


def signal(
    data: Any = None,  # noqa: ANN401 - an event's data may be anything
    type_: str = "rtc.room.load",
    **more: Any,  # noqa: ANN401 - an event's data may be anything
) -> Signal:
    whole: dict[str, Any] = {"id": "e-1", "source": "/rooms", "time_us": 1_790_000_000_000_000} | more
    whole["data"] = TASK | data if isinstance(data, dict) else data
    return Signal(type=type_, **whole)


def rejection(decision: Decision) -> str:
    assert decision.verdict is Verdict.REJECT
    assert decision.adjustments == ()
    return decision.reason


SHIPPED_CASES = [
    ("moderation.alert", "0.1", "moderation-alert", 2, "fixed 1 s, clamped to 2 s by bounds.min"),
    ("rtc.room.load", "0.93", "room-load-high", 43, "load 0.93 -> curve 43 s"),
    ("rtc.room.load", "0.8", "room-load-high", 10, "load 0.8 -> curve 10 s"),
    ("rtc.room.load", "9.5", "room-load-high", 60, "load 9.5 -> curve 60 s"),
    ("rtc.room.load", "0.6", "room-load-normal", 5, "fixed 5 s"),
    ("rtc.room.load", "0.1", "room-load-normal", 5, "fixed 5 s"),
]


@pytest.mark.parametrize(("type_", "load", "rule", "interval", "reason"), SHIPPED_CASES)
def test_the_shipped_policy_decides_and_says_why(type_: str, load: str, rule: str, interval: int, reason: str) -> None:
    """The first rule that matches gives the interval; the reason names the numbers and the bound."""
    event = signal({"load": Decimal(load)}, type_)
    decision = Policy.load(SHIPPED).decide(event)
    assert (decision.verdict, decision.rule, decision.reason) == (Verdict.ADJUST, rule, reason)
    (adjustment,) = decision.adjustments
    assert adjustment.task == TaskRef("app-1", "room-1", "task-1")
    assert adjustment.interval == interval
    assert adjustment.business_id is None
    assert adjustment.signal is event
    assert adjustment.order_key == event.order_key(Order.TIME)
    assert (adjustment.rule, adjustment.reason) == (rule, reason)


def test_a_hold_is_a_match_without_an_adjustment() -> None:
    """Inside the dead band nothing changes, and the decision says that this is on purpose."""
    decision = Policy.load(SHIPPED).decide(signal({"load": Decimal("0.7")}))
    assert decision == Decision(Verdict.HOLD, "dead-band", "hold: matched, deliberately no change")


def test_an_event_that_no_rule_matches_is_unmatched() -> None:
    """No rule, no adjustment; the reason repeats no more of the type than a line holds."""
    shipped = Policy.load(SHIPPED)
    assert shipped.decide(signal({}, "room.closed")) == Decision(
        Verdict.UNMATCHED, None, "no rule matches type 'room.closed'"
    )
    assert shipped.decide(signal({}, "x" * 1000)).reason == f"no rule matches type '{'x' * 40}...'"


def test_a_computed_interval_is_clamped_to_the_bounds_and_says_so() -> None:
    """The bounds limit curves too; the reason gives what the curve wanted."""
    bounded = policy(
        "[{name: curve, interval: {of: data.load, curve: [[0.8, 10], [1.0, 60]]}}]", "bounds: {min: 12, max: 30}"
    )
    high, low = bounded.decide(signal({"load": Decimal("0.93")})), bounded.decide(signal({"load": 0}))
    assert high.reason == "load 0.93 -> curve 43 s, clamped to 30 s by bounds.max"
    assert high.adjustments[0].interval == 30
    assert low.reason == "load 0 -> curve 10 s, clamped to 12 s by bounds.min"
    assert low.adjustments[0].interval == 12


@pytest.mark.parametrize(
    ("rules", "type_", "expected"),
    [
        ("[{name: a, match: {type: [x]}, hold: true}, {name: b, interval: 5}]", "x", "a"),
        ("[{name: a, match: {type: [x]}, hold: true}, {name: b, interval: 5}]", "y", "b"),
        ("[{name: a, match: {data: {n: [1]}}, hold: true}, {name: b, match: {type: [x]}, hold: true}]", "x", "a"),
        ("[{name: a, match: {type: [{prefix: x}]}, hold: true}, {name: b, match: {type: [x]}, hold: true}]", "x", "a"),
        ("[{name: a, match: {type: [x, y]}, hold: true}, {name: b, match: {type: [x]}, hold: true}]", "y", "a"),
        ("[{name: a, match: {detail-type: [x]}, hold: true}, {name: b, hold: true}]", "x", "a"),
    ],
)
def test_the_first_rule_that_matches_decides(rules: str, type_: str, expected: str) -> None:
    """The order in the file counts, whether a rule lists types or not."""
    assert policy(rules).decide(signal({"n": 1}, type_)).rule == expected


def test_of_two_hundred_rules_the_last_is_found() -> None:
    """Rules for other types are passed over, rules for the same type are tried from the top."""
    rules = [f"{{name: r{i}, match: {{type: [t{i % 2}], data: {{n: [{i}]}}}}, interval: {i + 1}}}" for i in range(200)]
    decision = policy(f"[{', '.join(rules)}]").decide(signal({"n": 199}, "t1"))
    assert (decision.rule, decision.reason) == ("r199", "fixed 200 s")


def test_a_list_of_tasks_gives_an_adjustment_for_each_once() -> None:
    """Order kept, repeated ids collapsed; an integer counts as its digits."""
    decision = policy().decide(signal({"TaskId": ["b", 7, "a", "b", "7"], "BusinessId": "biz"}))
    assert [adjustment.task for adjustment in decision.adjustments] == [
        TaskRef("app-1", "room-1", task) for task in ("b", "7", "a")
    ]
    assert {adjustment.business_id for adjustment in decision.adjustments} == {"biz"}


def test_templates_mix_text_with_what_the_event_says() -> None:
    """Paths reach every attribute, under EventBridge's names too; text stands around them."""
    templates = (
        "target: {app_id: fixed-app, room_id: 'room-{data.room.id}', "
        "task_id: '{detail.ids}@{detail-type}', business_id: '{account}.{sequence}'}"
    )
    decided = policy(head=templates).decide(
        signal({"room": {"id": 12}, "ids": "t"}, "load", sequence=9, attributes={"account": "42"})
    )
    assert decided.adjustments[0].task == TaskRef("fixed-app", "room-12", "t@load")
    assert decided.adjustments[0].business_id == "42.9"


def test_two_placeholders_may_stand_side_by_side() -> None:
    decided = policy(head="target: {task_id: '{type}{sequence}'}").decide(signal({}, "load", sequence=9))
    assert decided.adjustments[0].task.task_id == "load9"


def test_a_list_goes_with_the_text_around_it() -> None:
    """Each element of a list fills the template."""
    decided = policy(head="target: {task_id: 'task-{data.ids}'}").decide(signal({"ids": ["a", 1]}))
    assert [adjustment.task.task_id for adjustment in decided.adjustments] == ["task-a", "task-1"]


LETTERS = "is not allowed; letters, digits and _ @ - . are"
REJECTED: list[tuple[Any, str]] = [
    ({"RoomId": None}, "data.RoomId: must be a string or an integer, not null"),
    ({"RoomId": True}, "data.RoomId: must be a string or an integer, not a boolean"),
    ({"RoomId": Decimal("1.5")}, "data.RoomId: must be a string or an integer, not a decimal number"),
    ({"RoomId": ["a"]}, "data.RoomId: must be a string or an integer, not a list"),
    ({"RoomId": {}}, "data.RoomId: must be a string or an integer, not an object"),
    ({"RoomId": ""}, "data.RoomId: empty"),
    ({"RoomId": "a b"}, f"data.RoomId: ' ' {LETTERS}"),
    ({"AppId": "a/b"}, f"data.AppId: '/' {LETTERS}"),
    ({"AppId": "é"}, f"data.AppId: '\\xe9' {LETTERS}"),
    ({"AppId": "a\n"}, f"data.AppId: '\\n' {LETTERS}"),
    ({"AppId": "\ud800"}, f"data.AppId: '\\ud800' {LETTERS}"),
    ({"AppId": "\u0661"}, f"data.AppId: '\\u0661' {LETTERS}"),
    ({"TaskId": "x" * 129}, "data.TaskId: 129 characters; at most 128"),
    ({"TaskId": "x" * 100_000}, "data.TaskId: 100000 characters; at most 128"),
    ({"TaskId": " " * 100_000}, f"data.TaskId: ' ' {LETTERS}"),
    ({"TaskId": "x" * 127 + " "}, f"data.TaskId: ' ' {LETTERS}"),
    ({"TaskId": 10**128}, "data.TaskId: 129 characters; at most 128"),
    ({"TaskId": 10**5000}, "data.TaskId: an integer of more than 128 digits"),
    ({"TaskId": []}, "data.TaskId: an empty list"),
    ({"TaskId": ["a"] * 101}, "data.TaskId: 101 tasks; at most 100"),
    ({"TaskId": ["a", None]}, "data.TaskId[1]: must be a string or an integer, not null"),
    ({"TaskId": ["a", ["b"]]}, "data.TaskId[1]: must be a string or an integer, not a list"),
    ({"TaskId": ["a", "b", "x" * 129]}, "data.TaskId[2]: 129 characters; at most 128"),
    ({"BusinessId": "a b"}, f"data.BusinessId: ' ' {LETTERS}"),
    ({"BusinessId": ["a"]}, "data.BusinessId: must be a string or an integer, not a list"),
    (None, "data.AppId: missing (data is null, not an object)"),
    ([], "data.AppId: missing (data is a list, not an object)"),
    ("text", "data.AppId: missing (data is text, not an object)"),
]


@pytest.mark.parametrize(("data", "reason"), REJECTED)
def test_a_target_that_the_provider_would_refuse_rejects_the_event(data: object, reason: str) -> None:
    """Missing, mistyped, too long or with a forbidden character: the reason names the field, not the value."""
    assert rejection(policy().decide(signal(data))) == reason


@pytest.mark.parametrize("business_id", [{}, {"BusinessId": None}])
def test_a_business_id_may_be_absent_or_null(business_id: dict[str, Any]) -> None:
    """It is the one part of a target that is not required."""
    assert policy().decide(signal(business_id)).adjustments[0].business_id is None


def test_an_id_of_128_characters_is_taken_and_one_more_around_it_is_not() -> None:
    """The provider's limit holds for the whole id; where several parts make it, the template is named."""
    data = {"TaskId": "x" * 128}
    assert policy().decide(signal(data)).adjustments[0].task.task_id == "x" * 128
    longer = policy(head="target: {task_id: '{data.TaskId}.{data.RoomId}'}")
    assert rejection(longer.decide(signal(data))) == "target.task_id: 135 characters; at most 128"


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        ("0.9", "data.load: must be a finite number"),
        (True, "data.load: must be a finite number"),
        (None, "data.load: must be a finite number"),
        ([1], "data.load: must be a finite number"),
        (Decimal("NaN"), "data.load: must be a finite number"),
        (Decimal("sNaN"), "data.load: must be a finite number"),
        (Decimal("-Infinity"), "data.load: must be a finite number"),
        (Decimal("1E-999999999"), "data.load: more than 1000 decimal places"),
    ],
)
def test_a_curve_takes_nothing_but_a_number(load: object, reason: str) -> None:
    """What is no JSON number rejects the event, even when its text looks like one."""
    curve = policy("[{name: c, interval: {of: data.load, curve: [[0, 1], [1, 60]]}}]")
    assert rejection(curve.decide(signal({"load": load}))) == reason
    assert rejection(curve.decide(signal({}))) == "data.load: missing"


def test_a_reason_never_repeats_a_long_number() -> None:
    """An integer of 5,000 digits is measured and shortened."""
    curve = policy("[{name: c, interval: {of: data.load, curve: [[0, 1], [1, 60]]}}]")
    assert curve.decide(signal({"load": 10**5000})).reason == f"load 1{'0' * 39}... -> curve 60 s"


def test_where_the_order_is_sequence_an_event_without_one_is_rejected() -> None:
    """An adjustment needs its place in the order; a hold and an unmatched event need none."""
    ordered = policy(
        "[{name: h, match: {type: [h]}, hold: true}, {name: a, match: {type: [a]}, interval: 5}]", "order: sequence"
    )
    assert ordered.order is Order.SEQUENCE
    assert rejection(ordered.decide(signal({}, "a"))) == "sequence: missing, and the policy's order is sequence"
    assert ordered.decide(signal({}, "h")).verdict is Verdict.HOLD
    assert ordered.decide(signal({}, "b")).verdict is Verdict.UNMATCHED
    event = signal({}, "a", sequence=7)
    assert ordered.decide(event).adjustments[0].order_key == event.order_key(Order.SEQUENCE)


def test_a_policy_may_refuse_events_without_a_time_of_their_own() -> None:
    """Redriven after its key was forgotten, it would count as the newest. What changes nothing may lack a time."""
    timed = policy("[{name: h, match: {type: [h]}, hold: true}, {name: r, interval: 5}]", head="require_time: true")
    assert timed.decide(signal({})).verdict is Verdict.ADJUST
    assert rejection(timed.decide(replace(signal({}), time_is_own=False))) == (
        "time: missing, and the policy has require_time"
    )
    assert timed.decide(replace(signal({}, "h"), time_is_own=False)).verdict is Verdict.HOLD
    assert policy().decide(replace(signal({}), time_is_own=False)).verdict is Verdict.ADJUST


@pytest.mark.parametrize(
    "event", [replace(signal({}), id="\ud800"), replace(signal({}), time_us=10**5000)], ids=["id", "time"]
)
def test_an_order_key_that_cannot_be_written_rejects_the_event(event: Signal) -> None:
    """No envelope lets a lone surrogate or 5,000 digits pass; if one did, the answer would still be a decision."""
    assert rejection(policy().decide(event)) == "id, source or order: cannot be written as an order key"


def test_load_reads_what_parse_is_given(tmp_path: Path) -> None:
    """The same policy from the file and from its text, under the digest of that text."""
    file = tmp_path / "policy.yaml"
    file.write_bytes(SHIPPED.read_bytes())
    loaded = Policy.load(file)
    assert loaded.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert loaded.sha256 == Policy.parse(SHIPPED.read_text("utf-8"), "x").sha256
    assert (loaded.version, loaded.order) == (1, Order.TIME)
    assert (loaded.bounds.min, loaded.bounds.max) == (2, 300)
    names = ["moderation-alert", "room-load-high", "dead-band", "room-load-normal"]
    assert [rule.name for rule in loaded.rules] == names


def test_without_bounds_the_provider_limits_hold() -> None:
    """1 to 600 s when the file says nothing."""
    assert (policy().bounds.min, policy().bounds.max) == (1, 600)


def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path) -> None:
    """Missing, a directory or not UTF-8: one error that names the file."""
    missing, binary = tmp_path / "missing.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"version: \xff")
    for path, reason in (
        (missing, "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (binary, "not UTF-8: the byte at offset 9"),
    ):
        with pytest.raises(PolicyError) as caught:
            Policy.load(path)
        assert (caught.value.file, caught.value.problems) == (str(path), (reason,))


def test_rules_that_look_at_different_attributes_in_turn_each_see_their_own() -> None:
    """What one rule read of the event is used by the next one only where both look at the same attribute."""
    loaded = policy(
        """
  - {name: a-1, match: {data: {a: [1]}}, interval: 1}
  - {name: from-x, match: {source: [/x]}, interval: 2}
  - {name: a-2, match: {data: {a: [2]}}, interval: 3}
  - {name: both, match: {data: {a: [3]}, source: [/y]}, interval: 4}
  - {name: a-3, match: {data: {a: [3]}}, interval: 5}
"""
    )
    events = [signal({"a": 1}), signal({"a": 2}, source="/x"), signal({"a": 2}), signal({"a": 3}, source="/y")]
    assert [loaded.decide(event).rule for event in events] == ["a-1", "from-x", "a-2", "both"]
    assert loaded.decide(signal({"a": 3})).rule == "a-3"
    assert loaded.decide(signal({"a": 4})).verdict is Verdict.UNMATCHED


def test_loading_takes_time_in_proportion_to_the_rules() -> None:
    """Rules of distinct types: each type's list has its own rule and those of any type, in the order of the file."""
    rules = [f"{{name: r{i}, match: {{type: [t{i}, t{i + 1}]}}, interval: 5}}" for i in range(4)]
    rules[2:2] = ["{name: any, match: {source: [/rooms]}, interval: 5}"]
    loaded = policy(f"[{', '.join(rules)}]")
    by_type = {name: [rule.name for rule in found] for name, found in loaded._rules_by_type.items()}
    assert by_type == {
        "t0": ["r0", "any"],
        "t1": ["r0", "r1", "any"],
        "t2": ["r1", "any", "r2"],
        "t3": ["any", "r2", "r3"],
        "t4": ["any", "r3"],
    }

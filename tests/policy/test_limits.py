"""What becomes of an interval: factors, the rule's bounds, the limits' bounds, the policy's, in this order."""

import pytest

from snapshot_tuner.errors import PolicyError
from snapshot_tuner.events import signals
from snapshot_tuner.model import Decision, Json, Signal
from snapshot_tuner.policy.engine import Policy


def decided(rule: str, limits: str = "[]", *, app: str = "app", room: str = "room", task: Json = "task") -> Decision:
    """What the policy `bounds: {min: 2, max: 300}` with these limits and this rule says of one event."""
    text = f"version: 1\nbounds: {{min: 2, max: 300}}\nlimits: {limits}\nrules:\n  - {{name: r, {rule}}}"
    data: dict[str, Json] = {"AppId": app, "RoomId": room, "TaskId": task}
    return Policy.parse(text, "policy.yaml").decide(Signal("e", "/s", "t", 0, data))


def said(rule: str, limits: str = "[]", app: str = "app") -> tuple[int, str]:
    decision = decided(rule, limits, app=app)
    return decision.adjustments[0].interval, decision.reason


def problems(rule: str, limits: str = "[]") -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        decided(rule, limits)
    return caught.value.problems


def test_a_rule_is_kept_in_its_own_bounds() -> None:
    """And the decision blames them, not the policy's."""
    assert said("interval: 60, bounds: {max: 12}") == (12, "fixed 60 s, clamped to 12 s by the rule's bounds.max")
    assert said("interval: 3, bounds: {min: 4}") == (4, "fixed 3 s, clamped to 4 s by the rule's bounds.min")
    assert said("interval: 400, bounds: {min: 4}") == (300, "fixed 400 s, clamped to 300 s by bounds.max")
    assert said("interval: 400") == (300, "fixed 400 s, clamped to 300 s by bounds.max")


VIP = "[{name: vip, match: {data: {AppId: [vip]}}, bounds: {max: 5}}]"


def test_a_limit_caps_every_rule_for_the_events_that_it_matches() -> None:
    assert said("interval: 60", VIP, "vip") == (5, "fixed 60 s, clamped to 5 s by bounds.max of limit vip")
    assert said("interval: 60", VIP, "other") == (60, "fixed 60 s")
    assert said("interval: 3", VIP, "vip") == (3, "fixed 3 s")


def test_of_several_limits_the_narrowest_bounds_hold() -> None:
    limits = "[{bounds: {max: 50}}, {bounds: {max: 20}}, {bounds: {min: 4}}]"
    assert said("interval: 60", limits) == (20, "fixed 60 s, clamped to 20 s by bounds.max of limit limits[1]")
    assert said("interval: 3", limits) == (4, "fixed 3 s, clamped to 4 s by bounds.min of limit limits[2]")


def test_where_two_limits_contradict_each_other_the_shorter_interval_wins() -> None:
    """Snapshots that protect somebody are not missed for a limit that saves calls."""
    limits = "[{name: low, bounds: {min: 30}}, {name: high, bounds: {max: 5}}]"
    assert said("interval: 60", limits)[0] == 5
    assert said("interval: 10", limits)[0] == 5
    assert said("interval: 3", limits)[0] == 5


def test_factors_multiply_before_any_bounds_half_up() -> None:
    limits = "[{name: night, factor: 2}, {name: quiet, factor: 1.25}]"
    assert said("interval: 3", limits) == (8, "fixed 3 s, x 2 by limit night x 1.25 by limit quiet = 8 s")  # 7.5
    assert said("interval: 3, bounds: {max: 5}", limits) == (
        5,
        "fixed 3 s, x 2 by limit night x 1.25 by limit quiet = 8 s, clamped to 5 s by the rule's bounds.max",
    )
    assert said("interval: 3", "[{factor: 0.5}]") == (2, "fixed 3 s, x 0.5 by limit limits[0] = 2 s")  # 1.5
    assert said("interval: 1", "[{factor: 0.2}]")[0] == 2  # nothing is left; the policy's bounds give 2


def test_a_factor_does_not_make_an_urgent_rule_slower() -> None:
    """One that makes it quicker does."""
    assert said("interval: 10, urgent: true", "[{factor: 2}]") == (10, "fixed 10 s")
    assert said("interval: 10, urgent: true", "[{factor: 0.5}]")[0] == 5
    assert said("interval: 10, urgent: true", "[{factor: 2, bounds: {max: 4}}]")[0] == 4


def test_what_comes_then_is_kept_in_all_bounds_and_gets_no_factor() -> None:
    """It is what the rule says for later, not an interval of the event."""
    (adjustment,) = decided("interval: 1, for: 1m, then: 60", "[{factor: 2}]").adjustments
    assert (adjustment.interval, adjustment.then_interval) == (2, 60)
    decision = decided("interval: 1, for: 1m, then: 60", VIP, app="vip")
    assert decision.adjustments[0].then_interval == 5
    assert decision.reason == "fixed 1 s, clamped to 2 s by bounds.min, for 60 s, then 5 s"


def test_a_limit_may_ask_for_the_task_whatever_the_event_calls_it() -> None:
    """And so hold for one task of an event and not for the other."""
    limits = "[{name: hall, task: {task_id: [{prefix: hall-}]}, bounds: {max: 7}}]"
    first, second = decided("interval: 60", limits, task=["hall-1", "lobby"]).adjustments
    assert (first.interval, first.reason) == (7, "fixed 60 s, clamped to 7 s by bounds.max of limit hall")
    assert (second.interval, second.reason) == (60, "fixed 60 s")


def test_events_of_a_rule_name_their_task_in_their_own_way() -> None:
    """Part by part: what the rule does not say, the policy says."""
    text = """
version: 1
target: {app_id: school, room_id: "{data.room}", task_id: cam}
rules:
  - {name: alert, match: {type: [alert]}, target: {room_id: "room-{data.where}"}, interval: 1}
  - {name: load, interval: 5}
"""
    policy = Policy.parse(text, "policy.yaml")
    alert = policy.decide(Signal("e", "/s", "alert", 0, {"where": 7}))
    load = policy.decide(Signal("e", "/s", "load", 0, {"room": "room-7"}))
    assert alert.adjustments[0].task == load.adjustments[0].task == ("school", "room-7", "cam")


def test_a_rule_with_a_window_matches_only_then_by_the_events_time() -> None:
    """However late it arrives: the decision depends on nothing else."""
    text = """
version: 1
rules:
  - {name: night, when: {from: "22:00", to: "06:00", zone: Asia/Shanghai}, interval: 60}
  - {name: day, interval: 30}
"""
    policy = Policy.parse(text, "policy.yaml")
    data = {"AppId": "a", "RoomId": "r", "TaskId": "t"}
    seven_in_utc = 7 * 3600 * 1_000_000  # 15:00 in Shanghai
    assert policy.decide(Signal("e", "/s", "t", seven_in_utc, {**data})).rule == "day"
    assert policy.decide(Signal("e", "/s", "t", 2 * seven_in_utc, {**data})).rule == "night"  # 22:00 exactly
    assert policy.decide(Signal("e", "/s", "t", 2 * seven_in_utc - 1, {**data})).rule == "day"


ZONE = "must be an offset such as +08:00, or a time zone's name such as Asia/Shanghai"
TIME = 'must be a time of day from "00:00" to "24:00", in quotes'
FACTOR = "must be a number such as 2 or 0.5: above 0, at most 600, and large enough to leave an interval of 600 s"
EMPTY = "the window is empty: it ends when it begins (for whole days, leave out from and to)"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("when: {days: [mon], zone: Asia/Xanadu}", f"when.zone: {ZONE}"),
        ('when: {days: [mon], zone: "+24:00"}', f"when.zone: {ZONE}"),
        ("when: {days: [mon]}", "when.zone: is missing"),
        ('when: {from: "25:00", zone: Asia/Shanghai}', f"when.from: {TIME}"),
        ("when: {from: 22, zone: Asia/Shanghai}", f"when.from: {TIME}"),
        ('when: {from: "22:00", to: "22:00", zone: Asia/Shanghai}', f"when: {EMPTY}"),
        ('when: {to: "00:00", zone: Asia/Shanghai}', f"when: {EMPTY}"),
        ('when: {from: "24:00", to: "01:00", zone: Asia/Shanghai}', f"when: {EMPTY}"),
        ("when: {zone: Asia/Shanghai}", "when: needs days, from or to, or it is always"),
        (
            "when: {days: [monday], zone: Asia/Shanghai}",
            "when.days: must be a day (mon, tue, wed, thu, fri, sat, sun) or a range of them such as mon-fri",
        ),
        (
            "when: {days: [], zone: Asia/Shanghai}",
            "when.days: must be a list of days or of ranges of them, such as [mon-fri] or [sat, sun]",
        ),
        ("when: {day: [mon], zone: Asia/Shanghai}", "when.day: unknown key; known here are days, from, to, zone"),
        ("bounds: {max: 400}", "bounds.max: 400 s is outside the policy's bounds 2 to 300 s"),
        ("bounds: {min: 1}", "bounds.min: 1 s is outside the policy's bounds 2 to 300 s"),
        ("bounds: {max: 20}, for: 1m, then: 30", "then: 30 s is outside the rule's bounds 1 to 20 s"),
        ("target: {room: x}", "target.room: unknown key; known here are app_id, room_id, task_id, business_id"),
        ("target: {room_id: ''}", "target.room_id: must not be empty"),
    ],
)
def test_a_mistake_of_a_rule_says_what_would_be_right(rule: str, problem: str) -> None:
    assert problems(f"interval: 5, {rule}") == (f"line 5, rule 'r', {problem}",)


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("{factor: 0}", f"limit 1, factor: {FACTOR}"),
        ("{factor: -2}", f"limit 1, factor: {FACTOR}"),
        ("{factor: 601}", f"limit 1, factor: {FACTOR}"),
        ("{factor: 0.0005}", f"limit 1, factor: {FACTOR}"),
        ("{factor: x}", f"limit 1, factor: {FACTOR}"),
        (
            "{factor: 1}",
            "limit 1, factor: 1 has no effect: leave it out, or say how many times as long it gets",
        ),
        ("{when: {days: [mon], zone: Asia/Xanadu}, factor: 2}", f"limit 1, when.zone: {ZONE}"),
        ('{when: {from: "25:00", zone: UTC}, factor: 2}', f"limit 1, when.from: {TIME}"),
        ('{when: {from: "22:00", to: "22:00", zone: UTC}, factor: 2}', f"limit 1, when: {EMPTY}"),
        ("{name: a, when: {days: [mon], zone: UTC}}", "limit 'a': needs bounds or factor, or it has no effect"),
        ("{when: {day: [mon], zone: UTC}}", "limit 1, when.day: unknown key; known here are days, from, to, zone"),
        ("{when: , factor: 2}", "limit 1, when: has no value: give it one, or leave the key out"),
        ("{name: a}", "limit 'a': needs bounds or factor, or it has no effect"),
        ("{name: a, bounds: {}}", "limit 'a': needs bounds or factor, or it has no effect"),
        ("{name: a, bounds: {max: 300}}", "limit 'a', bounds: have no effect: they equal the policy's"),
        ("{name: a, bounds: {max: 400}}", "limit 'a', bounds.max: 400 s is outside the policy's bounds 2 to 300 s"),
        ("{name: a, bounds: {min: 9, max: 4}}", "limit 'a', bounds: min 9 is greater than max 4"),
        ("{bound: {max: 5}}", "limit 1, bound: unknown key; known here are name, match, task, when, factor, bounds"),
        (
            "{task: {room: [x]}, factor: 2}",
            "limit 1, task.room: a task has no such part; these are app_id, room_id, task_id",
        ),
        ("{match: {type: []}, factor: 2}", "limit 1, match.type: must not be an empty list"),
        ("{task: {app_id: []}, factor: 2}", "limit 1, task.app_id: must not be an empty list"),
        ("5", "limit 1: must be an object"),
    ],
)
def test_a_mistake_of_a_limit_says_what_would_be_right(limit: str, problem: str) -> None:
    assert f"line 3, {problem}" in problems("interval: 5", f"[{limit}]")


def test_a_rule_that_holds_has_no_bounds_and_no_target() -> None:
    assert problems("hold: true, bounds: {max: 5}") == (
        "line 5, rule 'r': bounds: hold changes nothing, so there is nothing to keep in bounds",
    )
    assert problems("hold: true, target: {room_id: x}") == (
        "line 5, rule 'r': target: hold changes nothing, so it has no task to name",
    )


def test_events_of_a_reading_name_their_task_in_its_way() -> None:
    """A rule's own target goes before it, part by part."""
    text = """
version: 1
target: {app_id: school, room_id: "{data.room}", task_id: cam}
events:
  - {name: monitor, match: {kind: [load]}, type: load, id: "{body.id}", target: {room_id: "monitor-{data.where}"}}
rules:
  - {name: one, match: {data: {n: [1]}}, target: {task_id: other}, interval: 1}
  - {name: rest, interval: 5}
"""
    policy = Policy.parse(text, "policy.yaml")

    def task(number: int) -> tuple[str, ...]:
        (signal,) = signals.from_body(
            b'{"id": "e", "kind": "load", "where": "x", "room": "y", "n": %d}' % number,
            sent_us=1,
            readings=policy.readings,
        )
        assert isinstance(signal, Signal)
        return policy.decide(signal).adjustments[0].task

    assert task(1) == ("school", "monitor-x", "other")
    assert task(2) == ("school", "monitor-x", "cam")

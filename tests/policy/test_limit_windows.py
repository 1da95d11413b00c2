"""Limits that hold by the clock: what a decision says for now, and for the next edges of their windows."""

from datetime import UTC, datetime

from snapshot_tuner.model import Adjustment, Json, Signal
from snapshot_tuner.policy.engine import Policy

NIGHT = 'when: {from: "22:00", to: "06:00", zone: Asia/Shanghai}'
EIGHT_PM = "2026-03-06T20:00+08:00"  # a Friday
ELEVEN_PM = "2026-03-06T23:00+08:00"


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def decided(limits: str, rule: str, now: str, *, time: str | None = None, app: str = "app") -> Adjustment:
    """Of an event that is processed now, by default at once."""
    text = f"version: 1\nbounds: {{min: 2, max: 300}}\nlimits: [{limits}]\nrules:\n  - {{name: r, {rule}}}"
    data: dict[str, Json] = {"AppId": app, "RoomId": "room", "TaskId": "task"}
    signal = Signal("e", "/s", "t", us(time or now), data)
    return Policy.parse(text, "policy.yaml").decide(signal, now_us=us(now)).adjustments[0]


def said(limits: str, rule: str, now: str, **more: str) -> tuple[int, list[tuple[str, int]]]:
    """The interval, and those that follow without an event, by the clocks of Shanghai."""
    found = decided(limits, rule, now, **more)
    return found.interval, [(shanghai(at), interval) for at, interval in found.edges]


def shanghai(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e6 + 8 * 3600, UTC):%a %H:%M}"


NIGHTS = f"{{name: night, {NIGHT}, factor: 2}}"


def test_a_factor_holds_at_night_and_the_next_edges_are_told() -> None:
    """Four at most, two days ahead: so long it needs no event."""
    assert said(NIGHTS, "interval: 30", EIGHT_PM) == (
        30,
        [("Fri 22:00", 60), ("Sat 06:00", 30), ("Sat 22:00", 60), ("Sun 06:00", 30)],
    )
    assert said(NIGHTS, "interval: 30", ELEVEN_PM) == (
        60,
        [("Sat 06:00", 30), ("Sat 22:00", 60), ("Sun 06:00", 30), ("Sun 22:00", 60)],
    )


def test_a_cap_holds_by_the_clock_too() -> None:
    cap = f"{{name: quiet, {NIGHT}, bounds: {{max: 10}}}}"
    assert said(cap, "interval: 30", EIGHT_PM)[1][:2] == [("Fri 22:00", 10), ("Sat 06:00", 30)]
    assert decided(cap, "interval: 30", ELEVEN_PM).reason == (
        "fixed 30 s, clamped to 10 s by bounds.max of limit quiet (Fri 23:00 Asia/Shanghai, until 06:00)"
    )


def test_an_edge_that_changes_nothing_is_none() -> None:
    """Whatever the windows do: a cap that holds all day leaves nothing of the factor, and an interval below a cap."""
    always = "{name: vip, bounds: {max: 5}}"
    assert said(f"{NIGHTS}, {always}", "interval: 30", EIGHT_PM) == (5, [])
    assert said(f"{{{NIGHT}, bounds: {{max: 10}}}}", "interval: 8", EIGHT_PM) == (8, [])
    assert said(NIGHTS, "interval: 30, urgent: true", ELEVEN_PM) == (30, [])


def test_no_edge_is_further_ahead_than_two_days() -> None:
    weekend = "{when: {days: [sat, sun], zone: Asia/Shanghai}, factor: 2}"
    assert said(weekend, "interval: 30", "2026-03-05T00:00+08:00") == (30, [("Sat 00:00", 60)])
    assert said(weekend, "interval: 30", "2026-03-04T23:59+08:00") == (30, [])


def test_the_steps_are_told_as_they_are() -> None:
    """The factor with what a clock of the place shows, and only the bounds that did something."""
    vip = "{name: vip, match: {data: {AppId: [vip]}}, bounds: {max: 5}}"
    assert decided(f"{NIGHTS}, {vip}", "interval: 60", ELEVEN_PM, app="vip").reason == (
        "fixed 60 s, x 2 by limit night (Fri 23:00 Asia/Shanghai, until 06:00) = 120 s,"
        " clamped to 5 s by bounds.max of limit vip"
    )
    assert decided(NIGHTS, "interval: 60", EIGHT_PM).reason == "fixed 60 s"


def test_a_late_event_gets_what_holds_now() -> None:
    """Of 20:00, and processed at 23:00; a rule's window is judged by the event's own time all the same."""
    assert said(NIGHTS, "interval: 30", ELEVEN_PM, time=EIGHT_PM)[0] == 60
    by_day = 'interval: 30, when: {from: "06:00", to: "22:00", zone: Asia/Shanghai}'
    assert said(NIGHTS, by_day, ELEVEN_PM, time=EIGHT_PM)[0] == 60


def test_asked_again_it_says_the_same_of_every_moment_that_it_told_before() -> None:
    """A retry at 23:00 of an event that was admitted at 20:00: at no time they differ."""
    first, again = (decided(NIGHTS, "interval: 30", at, time=EIGHT_PM) for at in (EIGHT_PM, ELEVEN_PM))

    def at(adjustment: Adjustment, moment: int) -> int:
        return [adjustment.interval, *(interval for edge, interval in adjustment.edges if edge <= moment)][-1]

    hours = range(us(ELEVEN_PM), first.edges[-1][0], 3_600_000_000)
    assert [at(first, hour) for hour in hours] == [at(again, hour) for hour in hours]


def test_what_comes_when_an_interval_ends_has_edges_and_no_factor() -> None:
    """The interval of a rule with `for` stays what it was decided to be until it ends."""
    cap = f"{{name: quiet, {NIGHT}, bounds: {{max: 10}}}}"
    found = decided(f"{NIGHTS}, {cap}", "interval: 1, for: 1h, then: 60", EIGHT_PM)
    assert (found.interval, found.then_interval) == (2, 60)
    assert [(shanghai(at), interval) for at, interval in found.edges][:2] == [("Fri 22:00", 10), ("Sat 06:00", 60)]
    assert decided(NIGHTS, "interval: 1, for: 1h, then: 60", EIGHT_PM).edges == ()
    assert decided(NIGHTS, "interval: 30, for: 1h", EIGHT_PM).edges == ()


def test_in_summer_time_nights_are_an_hour_shorter_or_longer() -> None:
    """New York: on 8 March 2026 02:00 to 03:00 never is; on 1 November 01:00 to 02:00 lasts two hours."""

    def edges(hours: str, now: str) -> list[tuple[str, int]]:
        limit = f"{{when: {{{hours}, zone: America/New_York}}, factor: 2}}"
        found = decided(limit, "interval: 30", now).edges
        return [(f"{datetime.fromtimestamp(at / 1e6, UTC):%d %H:%M}", interval) for at, interval in found]

    two = 'from: "02:00", to: "03:00"'
    assert edges(two, "2026-03-08T00:00-05:00") == [("09 06:00", 60), ("09 07:00", 30)]
    one = 'from: "01:00", to: "02:00"'
    assert edges(one, "2026-11-01T00:00-04:00")[:2] == [("01 05:00", 60), ("01 07:00", 30)]
    night = 'from: "22:00", to: "06:00"'
    assert edges(night, "2026-03-07T12:00-05:00")[:2] == [("08 03:00", 60), ("08 10:00", 30)]  # seven hours
    assert edges(night, "2026-10-31T12:00-04:00")[:2] == [("01 02:00", 60), ("01 11:00", 30)]  # nine


def test_every_adjustment_says_which_policy_decided() -> None:
    policy = Policy.parse("version: 1\nrules: [{name: r, interval: 5}]", "policy.yaml")
    data: dict[str, Json] = {"AppId": "a", "RoomId": "r", "TaskId": "t"}
    (adjustment,) = policy.decide(Signal("e", "/s", "t", 0, data)).adjustments
    assert adjustment.policy == policy.short_hash == policy.sha256[:12]
